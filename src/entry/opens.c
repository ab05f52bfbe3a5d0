/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * opens: see opens.h.
 *
 * The file is opened by the next function in every case, and its name is compared afterwards. So a
 * name that cannot be read is EFAULT as alone, and a call that fails is the program's own call. The
 * functions for open are cancellation points, and other libraries define them too (sanitizers).
 */
#define _GNU_SOURCE
#include "entry/opens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "common/linked.h"
#include "entry/gate.h"
#include "entry/hook.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "limit/show.h"

typedef int open_call(const char *, int, ...);
typedef int openat_call(int, const char *, int, ...);
typedef int open_2_call(const char *, int);
typedef int openat_2_call(int, const char *, int);
typedef FILE *fopen_call(const char *, const char *);

/* next: the next functions in the chain. to: where the hooks go; NULL before the constructor. */
struct opens {
    open_call *open, *open64;
    openat_call *openat, *openat64;
    open_2_call *open_2, *open64_2;
    openat_2_call *openat_2, *openat64_2;
    fopen_call *fopen, *fopen64;
};
static struct opens next, to;
static int (*next_fileno)(FILE *);

static const struct linked_name names[] = {
    { "open", &next.open },           { "open64", &next.open64 },
    { "openat", &next.openat },       { "openat64", &next.openat64 },
    { "__open_2", &next.open_2 },     { "__open64_2", &next.open64_2 },
    { "__openat_2", &next.openat_2 }, { "__openat64_2", &next.openat64_2 },
    { "fopen", &next.fopen },         { "fopen64", &next.fopen64 },
    { "fileno", &next_fileno },
};

void opens_resolve(void)
{
    LINKED_NEXT_ALL(names);
    /* Programs that were built for an older musl ask for these names, which musl has from 1.2.4 on
     * for its loader alone. */
    if (!next.open64)
        next.open64 = next.open;
    if (!next.openat64)
        next.openat64 = next.openat;
    if (!next.fopen64)
        next.fopen64 = next.fopen;
    to = next;
}

/* ---- before the constructor ---- */

/* The mode is the program's only where the call may make a file (glibc: sysdeps/unix/sysv/linux/
 * openat.c). */
static int open_early(int dir, const char *path, int flags, mode_t mode)
{
    gate_early();
    bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    return answer_int(sys_openat(dir, path, flags, makes ? mode : 0));
}

/* While the library is not relocated, the next function cannot be looked up. */
static FILE *fopen_early(const char *path, const char *mode)
{
    if (!error_reachable())
        return NULL;
    *(void **)&next.fopen = linked_next("fopen");
    if (next.fopen)
        return next.fopen(path, mode);
    error_set(ENOSYS);
    return NULL;
}

/* ---- while another limit is shown ---- */

static int shown(const char *path, int fd)
{
    if (fd >= 0 && strcmp(path, PROCMAPS_LIMIT_PATH) == 0 && gate_open())
        show_over(fd);
    return fd;
}

/* The argument behind the flags, whether the program has given it or not. */
#define TAKE_MODE                       \
    va_list rest;                       \
    va_start(rest, flags);              \
    mode_t mode = va_arg(rest, mode_t); \
    va_end(rest)

static int shown_open(const char *path, int flags, ...)
{
    TAKE_MODE;
    return shown(path, next.open(path, flags, mode));
}

static int shown_open64(const char *path, int flags, ...)
{
    TAKE_MODE;
    return shown(path, next.open64(path, flags, mode));
}

static int shown_openat(int dir, const char *path, int flags, ...)
{
    TAKE_MODE;
    return shown(path, next.openat(dir, path, flags, mode));
}

static int shown_openat64(int dir, const char *path, int flags, ...)
{
    TAKE_MODE;
    return shown(path, next.openat64(dir, path, flags, mode));
}

static int shown_open_2(const char *path, int flags)
{
    return shown(path, next.open_2(path, flags));
}

static int shown_open64_2(const char *path, int flags)
{
    return shown(path, next.open64_2(path, flags));
}

static int shown_openat_2(int dir, const char *path, int flags)
{
    return shown(path, next.openat_2(dir, path, flags));
}

static int shown_openat64_2(int dir, const char *path, int flags)
{
    return shown(path, next.openat64_2(dir, path, flags));
}

/* The file has just been opened: nothing of it is in the buffer. */
static FILE *shown_file(const char *path, FILE *file)
{
    if (file && next_fileno)
        shown(path, next_fileno(file));
    return file;
}

static FILE *shown_fopen(const char *path, const char *mode)
{
    return shown_file(path, next.fopen(path, mode));
}

static FILE *shown_fopen64(const char *path, const char *mode)
{
    return shown_file(path, next.fopen64(path, mode));
}

/* A function that libc has not is not taken over. */
#define TAKE_OVER(field) (to.field = next.field ? shown_##field : NULL)

void opens_start(void)
{
    if (!show_start())
        return;
    TAKE_OVER(open);
    TAKE_OVER(open64);
    TAKE_OVER(openat);
    TAKE_OVER(openat64);
    TAKE_OVER(open_2);
    TAKE_OVER(open64_2);
    TAKE_OVER(openat_2);
    TAKE_OVER(openat64_2);
    TAKE_OVER(fopen);
    TAKE_OVER(fopen64);
}

/* ---- the hooks ---- */

/* One load, and the jump: nothing of the hook is on the stack of the next function. */
#define GO_ON(field, early, ...)                                       \
    do {                                                               \
        __typeof__(to.field) call = to.field;                          \
        return __builtin_expect(!call, 0) ? early : call(__VA_ARGS__); \
    } while (0)

int hook_open(const char *path, int flags, mode_t mode)
{
    GO_ON(open, open_early(AT_FDCWD, path, flags, mode), path, flags, mode);
}

int hook_open64(const char *path, int flags, mode_t mode)
{
    GO_ON(open64, open_early(AT_FDCWD, path, flags, mode), path, flags, mode);
}

int hook_openat(int dir, const char *path, int flags, mode_t mode)
{
    GO_ON(openat, open_early(dir, path, flags, mode), dir, path, flags, mode);
}

int hook_openat64(int dir, const char *path, int flags, mode_t mode)
{
    GO_ON(openat64, open_early(dir, path, flags, mode), dir, path, flags, mode);
}

int hook___open_2(const char *path, int flags)
{
    GO_ON(open_2, open_early(AT_FDCWD, path, flags, 0), path, flags);
}

int hook___open64_2(const char *path, int flags)
{
    GO_ON(open64_2, open_early(AT_FDCWD, path, flags, 0), path, flags);
}

int hook___openat_2(int dir, const char *path, int flags)
{
    GO_ON(openat_2, open_early(dir, path, flags, 0), dir, path, flags);
}

int hook___openat64_2(int dir, const char *path, int flags)
{
    GO_ON(openat64_2, open_early(dir, path, flags, 0), dir, path, flags);
}

FILE *hook_fopen(const char *path, const char *mode)
{
    GO_ON(fopen, fopen_early(path, mode), path, mode);
}

FILE *hook_fopen64(const char *path, const char *mode)
{
    GO_ON(fopen64, fopen_early(path, mode), path, mode);
}
