/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * javastack: see javastack.h.
 *
 * jni.h and jvmti.h belong to the JDK, and the library depends on libc alone. So the few
 * declarations that are needed stand here. The specifications of JNI and JVMTI fix the tables of
 * functions.
 */
#define _GNU_SOURCE
#include "trace/javastack.h"

#include <stdbool.h>
#include <string.h>

#include "common/error.h"
#include "common/fmt.h"
#include "common/linked.h"
#include "space/count.h"
#include "tell/recordfile.h"
#include "trace/stacks.h"
#include "unwind/frame.h"
#include "unwind/module.h"

enum { JNI_1_6 = 0x00010006, JVMTI_1_2 = 0x30010200 };

/* Places in the tables. JNI counts them from 0, jvmti.h from 1. */
enum { VM_GET_ENV = 6, JNI_DELETE_LOCAL_REF = 23 };
enum {
    TI_DEALLOCATE = 47,
    TI_CLASS_SIGNATURE = 48,
    TI_SOURCE_FILE = 50,
    TI_METHOD_NAME = 64,
    TI_METHOD_CLASS = 65,
    TI_LINE_TABLE = 70,
    TI_STACK_TRACE = 104,
    TI_ADD_CAPABILITIES = 142,
};

/* Bits of jvmtiCapabilities, in the order of the specification. */
enum { CAN_GET_SOURCE_FILE_NAME = 11, CAN_GET_LINE_NUMBERS = 12 };

typedef void **object; /* a JavaVM, JNIEnv or jvmtiEnv: its first word is a table of functions */

struct ti_frame {
    void *method;
    int64_t location; /* -1 in a native method */
};

struct ti_line {
    int64_t start;
    int32_t line;
};

static object vm, ti;
static uintptr_t allocator;          /* malloc, libc's or that of another library */
static uintptr_t nio_start, nio_end; /* libnio.so, once it is found */

#define VM_CALL(type, n, ...) ((type)((void **)*vm)[n])(vm, __VA_ARGS__)
#define TI_CALL(type, n, ...) ((type)((void **)*ti)[(n)-1])(ti, __VA_ARGS__)

/* ---- the frames that the record has ---- */

/* Both return 0 where nothing is recorded, as well. */
static uint32_t find_frame(uint64_t method, int32_t location)
{
    if (!recordfile_begin_change())
        return 0;
    uint32_t i = stacks_find_frame(method, location);
    recordfile_end_change();
    return i;
}

static uint32_t add_frame(const struct java_frame *f)
{
    if (!recordfile_begin_change())
        return 0;
    uint32_t i = stacks_find_frame(f->method, f->location); /* another thread may have added it */
    if (!i)
        i = stacks_add_frame(f);
    recordfile_end_change();
    return i;
}

/* ---- is there a JVM ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), tail = strlen(end);
    return len >= tail && memcmp(text + len - tail, end, tail) == 0;
}

static bool get_env(void *env, int version)
{
    return VM_CALL(int (*)(object, void *, int), VM_GET_ENV, env, version) == 0;
}

static bool find_vm(void)
{
    int (*created)(object *, int, int *);
    int n = 0;
    *(void **)&created = linked_any("JNI_GetCreatedJavaVMs");
    return created && created(&vm, 1, &n) == 0 && n == 1;
}

/* HotSpot crashes if a thread that is not attached to the JVM asks for JVMTI: the first test is
 * whether this one is attached. */
static bool find_ti(void)
{
    object found = NULL;
    if (!get_env(&found, JNI_1_6) || !get_env(&found, JVMTI_1_2))
        return false;
    uint32_t capabilities[4] = { 1u << CAN_GET_SOURCE_FILE_NAME | 1u << CAN_GET_LINE_NUMBERS };
    __atomic_store_n(&ti, found, __ATOMIC_RELEASE);
    TI_CALL(int (*)(object, const void *), TI_ADD_CAPABILITIES, capabilities);
    return true;
}

static bool is_ready(void)
{
    static bool busy;
    if (__atomic_load_n(&ti, __ATOMIC_ACQUIRE))
        return true;
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return false;
    bool ready = ti || ((vm || find_vm()) && find_ti());
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    return ready;
}

/* A JVM may be there: a scan has seen libjvm.so, or the caller is the JDK's own library for
 * files. */
static bool may_be_java(uintptr_t pc)
{
    if (count_saw_jvm() || (pc >= nio_start && pc < nio_end))
        return true;
    struct module m;
    if (!module_find(pc, &m) || !ends_with(m.path, "/libnio.so"))
        return false;
    nio_end = m.end;
    nio_start = m.start;
    return true;
}

static bool is_libc(const struct module *m)
{
    return ends_with(m->path, "/libc.so.6");
}

/* The innermost frame is libc's mmap itself (entry/redirect.h), and its caller is not libc. An
 * allocator that calls mmap by its symbol may be one frame as well, in another library. */
static bool is_past_hooks(const uintptr_t *pcs, size_t n)
{
    struct module m;
    return n > 1 && module_find(pcs[0], &m) && is_libc(&m) && (pcs[1] < m.start || pcs[1] >= m.end);
}

/* How many frames are native before the Java code begins. 0 if they do not lead to Java code, or
 * one of them belongs to code during which the JVM must not be asked (javastack.h). */
static size_t native_frames(const uintptr_t *pcs, size_t n)
{
    struct module m = { .start = 0, .end = 0 };
    for (size_t i = is_past_hooks(pcs, n); i < n; i++) {
        if (frame_is_restorer(pcs[i] + 1)) /* unwind.h gives the return address less 1 */
            return 0;
        if (pcs[i] >= m.start && pcs[i] < m.end)
            continue;
        if (!module_find(pcs[i], &m))
            return i;
        if (ends_with(m.path, "/libjvm.so") || is_libc(&m) ||
            (allocator >= m.start && allocator < m.end))
            return 0;
    }
    return 0;
}

/* ---- names ---- */

static void give_back(void *memory)
{
    if (memory)
        TI_CALL(int (*)(object, void *), TI_DEALLOCATE, memory);
}

static int32_t line_of(const struct ti_frame *f)
{
    struct ti_line *lines = NULL;
    int32_t count = 0, line = 0;
    int64_t nearest = -1;
    if (f->location < 0)
        return -1;
    if (TI_CALL(int (*)(object, void *, int32_t *, void *), TI_LINE_TABLE, f->method, &count,
                &lines))
        return 0;
    for (int32_t i = 0; i < count; i++)
        if (lines[i].start <= f->location && lines[i].start > nearest) {
            nearest = lines[i].start;
            line = lines[i].line;
        }
    give_back(lines);
    return line;
}

/* *signature is the JVM's text for the class: "Lcom/example/Store;". */
static void name_class(void *class, char **signature, char **source)
{
    object jni = NULL;
    TI_CALL(int (*)(object, void *, char **, char **), TI_CLASS_SIGNATURE, class, signature, NULL);
    if (TI_CALL(int (*)(object, void *, char **), TI_SOURCE_FILE, class, source))
        *source = NULL;
    if (get_env(&jni, JNI_1_6))
        ((void (*)(object, void *))((void **)*jni)[JNI_DELETE_LOCAL_REF])(jni, class);
}

static uint32_t name_frame(const struct ti_frame *f)
{
    char *name = NULL, *signature = NULL, *source = NULL;
    void *class = NULL;
    char plain[512] = "?";
    if (TI_CALL(int (*)(object, void *, char **, char **, char **), TI_METHOD_NAME, f->method,
                &name, NULL, NULL))
        name = NULL;
    if (TI_CALL(int (*)(object, void *, void **), TI_METHOD_CLASS, f->method, &class) == 0 && class)
        name_class(class, &signature, &source);
    if (signature && *signature == 'L') {
        size_t len = fmt(plain, sizeof plain, "%s", signature + 1);
        if (len && plain[len - 1] == ';')
            plain[len - 1] = '\0';
    }
    uint32_t i = add_frame(&(struct java_frame){ .method = (uintptr_t)f->method,
                                                 .location = (int32_t)f->location,
                                                 .class_name = plain,
                                                 .name = name ? name : "?",
                                                 .source = source,
                                                 .line = line_of(f) });
    give_back(name);
    give_back(signature);
    give_back(source);
    return i;
}

/* The Java frames of this thread; each that is new is named. */
static size_t take_frames(uint32_t *frames, size_t max)
{
    struct ti_frame trace[64];
    int32_t count = 0;
    size_t have = 0;
    if (max > sizeof trace / sizeof *trace)
        max = sizeof trace / sizeof *trace;
    if (TI_CALL(int (*)(object, void *, int32_t, int32_t, void *, int32_t *), TI_STACK_TRACE, NULL,
                0, (int32_t)max, trace, &count))
        return 0;
    for (int32_t i = 0; i < count; i++) {
        uint32_t frame = find_frame((uintptr_t)trace[i].method, (int32_t)trace[i].location);
        if (!frame)
            frame = name_frame(&trace[i]);
        if (frame)
            frames[have++] = frame;
    }
    return have;
}

void javastack_start(void)
{
    allocator = (uintptr_t)linked_any("malloc");
}

size_t javastack_take(const uintptr_t *pcs, size_t *n, uint32_t *frames, size_t max)
{
    if (!*n || !may_be_java(pcs[0]))
        return 0;
    size_t native = native_frames(pcs, *n), have = 0;
    if (!native)
        return 0;
    int saved = error_get(); /* the program's call has succeeded: its errno stays as it was */
    if (is_ready())
        have = take_frames(frames, max);
    error_set(saved);
    if (have)
        *n = native;
    return have;
}
