/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * symbols: see symbols.h.
 */
#define _GNU_SOURCE
#include <config.h>

#include "command/leaks/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_LIBIBERTY
#include <libiberty/demangle.h>
#endif

#include "command/leaks/debuginfo.h"
#include "command/leaks/interpreters.h"
#include "command/lib/enough.h"
#include "command/lib/place.h"
#include "command/lib/print.h"
#include "kernel/procmaps.h"

/* ---- the names that a JIT wrote ---- */

/*
 * They are in /tmp/perf-PID.map (tools/perf/Documentation/jit-interface.txt of the kernel): lines
 * of "START SIZE NAME", hexadecimal. Any user can make a file of that name in /tmp. So its owner
 * is checked, and its text is not trusted.
 */

#define BYTES_MOST (1u << 28)

struct code {
    uint64_t start, size;
    size_t turn; /* its line: where two have one place, the later one is there */
    const char *name;
};

struct jitmap {
    char *text;
    struct code *at;
    size_t n, room;
};

static int by_start(const void *left, const void *right)
{
    const struct code *a = left, *b = right;
    return a->start != b->start ? (a->start < b->start ? -1 : 1)
                                : (a->turn > b->turn) - (a->turn < b->turn);
}

static void take_line(struct jitmap *j, char *line)
{
    char *behind, *name;
    uint64_t start = strtoull(line, &behind, 16);
    if (behind == line || *behind != ' ')
        return;
    uint64_t size = strtoull(behind, &name, 16);
    if (name == behind || *name != ' ' || size == 0)
        return;
    j->at = enough_room(j->at, j->n, &j->room, sizeof *j->at);
    j->at[j->n] = (struct code){ start, size, j->n, name + 1 };
    j->n++;
}

static char *read_text(int fd, size_t size)
{
    char *text = enough(malloc(size + 1));
    size_t done = 0;
    for (ssize_t got; done < size && (got = read(fd, text + done, size - done)) > 0;)
        done += (size_t)got;
    text[done] = '\0';
    return text;
}

/* Reads the file. NULL if there is none, if it belongs to neither owner nor root, if everybody can
 * write to it, or if it is older than since_s (s since 1970): then it is of another process that
 * had the same id. */
static struct jitmap *jitmap_read(const char *path, uid_t owner, int64_t since_s)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_uid != owner && st.st_uid != 0) ||
        st.st_mode & S_IWOTH || st.st_mtim.tv_sec < since_s) {
        close(fd);
        return NULL;
    }
    struct jitmap *j = enough(calloc(1, sizeof *j));
    j->text = read_text(fd, st.st_size < BYTES_MOST ? (size_t)st.st_size : BYTES_MOST);
    close(fd);
    char *rest = j->text;
    for (char *line; (line = strsep(&rest, "\n"));)
        take_line(j, line);
    if (j->n)
        qsort(j->at, j->n, sizeof *j->at, by_start);
    return j;
}

static void jitmap_free(struct jitmap *j)
{
    if (!j)
        return;
    free(j->text);
    free(j->at);
    free(j);
}

/* The name of the code at address, or NULL. */
static const char *jitmap_find(const struct jitmap *j, uint64_t address)
{
    size_t low = j ? sorted_until(j->at, j->n, sizeof *j->at, address) : 0;
    return low && address - j->at[low - 1].start < j->at[low - 1].size ? j->at[low - 1].name : NULL;
}

/* ---- a frame in words ---- */

static char *name_of(const struct symbol *one)
{
    if (*one->function)
        return enough_text("%s", one->function);
    if (*one->module)
        return enough_text("%s+%#llx", base_name(one->module), (unsigned long long)one->address);
    return enough_text("%#llx", (unsigned long long)one->address);
}

static char *java_text(const struct symbol *one)
{
    if (one->native)
        return enough_text("%s(Native Method)", one->function);
    if (!*one->source)
        return enough_text("%s(Unknown Source)", one->function);
    if (one->line)
        return enough_text("%s(%s:%d)", one->function, one->source, one->line);
    return enough_text("%s(%s)", one->function, one->source);
}

static char *native_text(const struct symbol *one)
{
    char line[16] = "";
    if (one->line)
        snprintf(line, sizeof line, ":%d", one->line);
    bool source = *one->source, module = *one->module;
    return enough_text("%s%s%s%s%s%s%s", one->name, source ? "  " : "",
                       source ? base_name(one->source) : "", source ? line : "",
                       module ? "  (" : "", module ? base_name(one->module) : "",
                       module ? ")" : "");
}

static void symbols_put_text(struct symbol *one, struct texts *texts)
{
    one->name = texts_take(texts, name_of(one));
    one->text = one->java        ? texts_take(texts, java_text(one))
                : *one->function ? texts_take(texts, native_text(one))
                                 : one->name;
}

/* ---- names ---- */

/* What is remembered of a frame: the functions that it lies in. */
struct known {
    struct symbol *at;
    size_t n;
};

struct module {
    bool tried;
    struct debuginfo *info; /* NULL: nothing can be named */
};

struct symbols {
    const struct record *record;
    pid_t pid;
    char *folders; /* of debug files, as libdwfl takes them */
    const char *debug_dir;
    struct module *modules; /* by element of MODULE */
    bool jit_tried;
    struct jitmap *jit;
    struct numbers frames;
    struct known *known; /* by number of the frame */
    size_t known_room;
    bool fold;
    struct interpreters interpreters;
    struct texts texts, notes;
};

struct symbols *symbols_new(const struct record *r, pid_t pid, const char *debug_dir)
{
    struct symbols *s = enough(calloc(1, sizeof *s));
    s->record = r;
    s->pid = pid;
    s->debug_dir = debug_dir;
    s->fold = true;
    s->modules = enough(calloc(r->module_count + 1, sizeof *s->modules));
    char seen[64] = ""; /* by the process */
    if (pid)
        snprintf(seen, sizeof seen, ":/proc/%d/root/usr/lib/debug", (int)pid);
    /* An empty folder is that of the file itself. */
    s->folders = enough_text("%s%s:.debug:/usr/lib/debug%s", debug_dir ? debug_dir : "",
                             debug_dir ? ":" : "", seen);
    if (!debuginfo_built())
        texts_copy(&s->notes, "this mapherd was built without elfutils: no function can be named");
    return s;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->record->module_count; i++)
        debuginfo_close(s->modules[i].info);
    jitmap_free(s->jit);
    for (size_t i = 0; i < s->frames.n; i++)
        free(s->known[i].at);
    free(s->known);
    numbers_free(&s->frames);
    interpreters_free(&s->interpreters);
    free(s->modules);
    free(s->folders);
    texts_free(&s->texts);
    texts_free(&s->notes);
    free(s);
}

void symbols_fold(struct symbols *s, bool fold)
{
    s->fold = fold;
}

const struct interpreters *symbols_interpreters(const struct symbols *s)
{
    return &s->interpreters;
}

const char *const *symbols_notes(const struct symbols *s, size_t *n)
{
    *n = s->notes.n;
    return (const char *const *)s->notes.at;
}

__attribute__((format(printf, 2, 3))) static void note(struct symbols *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = enough_vtext(format, args);
    va_end(args);
    for (size_t i = 0; i < s->notes.n; i++)
        if (strcmp(s->notes.at[i], text) == 0) {
            free(text);
            return;
        }
    texts_take(&s->notes, text);
}

/* ---- the files ---- */

/* A regular file; -1 with errno. The name is a record's, so anything may be there. */
static int open_file(const char *path, struct stat *st)
{
    int fd = -1, place = place_open(path, PLACE_FOLLOW);
    if (place < 0)
        return -1;
    if (fstat(place, st) == 0 && S_ISREG(st->st_mode))
        fd = place_enter(place, O_RDONLY);
    else
        errno = EINVAL;
    int error = errno;
    close(place);
    errno = error;
    return fd;
}

/* Without build ids: a file that was written to after the process was last seen is not its file. */
static bool is_same(const struct symbols *s, struct debuginfo *d,
                    const struct mapherd_record_module *m, const struct stat *st)
{
    const unsigned char *id;
    const struct mapherd_record_head *h = &s->record->head;
    uint64_t seen = h->ended_ms ? h->ended_ms : h->touched_ms;
    size_t len = debuginfo_id(d, &id);
    if (len == 0 && m->id_len == 0)
        return (uint64_t)st->st_mtim.tv_sec * 1000 <= seen || s->pid;
    /* The record keeps as much as it has room for. */
    return m->id_len && (len == m->id_len || (len > m->id_len && m->id_len == sizeof m->id)) &&
           memcmp(id, m->id, m->id_len) == 0;
}

enum outcome { NAMED, MISSING, OTHER };

/* The file at path, if it is the module's. */
static enum outcome try_file(struct symbols *s, struct module *module,
                             const struct mapherd_record_module *m, const char *path)
{
    struct stat st;
    int fd = open_file(path, &st);
    if (fd < 0)
        return MISSING;
    struct debuginfo *d = debuginfo_open(fd, path, s->folders);
    if (!d)
        return MISSING;
    if (!is_same(s, d, m, &st)) {
        debuginfo_close(d);
        return OTHER;
    }
    module->info = d;
    return NAMED;
}

/* Where a running process has it mapped still, whatever lies at its path. */
static enum outcome try_mapped(struct symbols *s, struct module *module,
                               const struct mapherd_record_module *m)
{
    static char buf[1 << 14];
    struct procmap map;
    char path[96];
    if (!s->pid)
        return MISSING;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)s->pid);
    if (procmaps_at(path, m->start, &map, buf, sizeof buf) != 0)
        return MISSING;
    snprintf(path, sizeof path, "/proc/%d/map_files/%lx-%lx", (int)s->pid, (unsigned long)map.start,
             (unsigned long)map.end);
    return try_file(s, module, m, path);
}

/* A debug file alone names functions as well. */
static enum outcome try_debug_file(struct symbols *s, struct module *module,
                                   const struct mapherd_record_module *m, const char *folder)
{
    char path[4096];
    if (!m->id_len || !folder)
        return MISSING;
    size_t len = (size_t)snprintf(path, sizeof path, "%.3000s/.build-id/%02x/", folder, m->id[0]);
    for (uint32_t i = 1; i < m->id_len; i++)
        len += (size_t)snprintf(path + len, sizeof path - len, "%02x", m->id[i]);
    snprintf(path + len, sizeof path - len, ".debug");
    return try_file(s, module, m, path);
}

static struct debuginfo *info_of(struct symbols *s, uint32_t element)
{
    const struct mapherd_record_module *m = &s->record->modules[element];
    struct module *module = &s->modules[element];
    const char *path = record_text(s->record, m->path);
    if (module->tried)
        return module->info;
    module->tried = true;
    if (path[0] != '/')
        return NULL; /* the kernel's own, as [vdso] */
    char *seen =
        s->pid ? enough_text("/proc/%d/root%s", (int)s->pid, path) : enough_text("%s", path);
    enum outcome at_path = try_file(s, module, m, seen);
    int error = errno;
    free(seen);
    if (at_path != NAMED && try_mapped(s, module, m) != NAMED &&
        try_debug_file(s, module, m, s->debug_dir) != NAMED &&
        try_debug_file(s, module, m, "/usr/lib/debug") != NAMED && debuginfo_built()) {
        if (at_path == OTHER)
            note(s, "%s was replaced since: its functions are not named", path);
        else
            note(s, "%s cannot be read (%s): its functions are not named", path,
                 error ? strerror(error) : "it is no ELF file");
    }
    return module->info;
}

/* ---- frames ---- */

struct building {
    struct symbols *symbols;
    struct symbol *at;
    size_t n, room;
    struct symbol model; /* what all of them have in common */
};

/* Names of C++ and Rust, in both manglings, become those of the source. */
static const char *demangled(struct symbols *s, const char *function)
{
#ifdef HAVE_LIBIBERTY
    if (function[0] == '_') {
        char *plain = cplus_demangle(function, DMGL_ANSI | DMGL_AUTO);
        if (plain)
            return texts_take(&s->texts, plain);
    }
#endif
    return texts_copy(&s->texts, function);
}

static void add_symbol(const char *function, const char *source, int line, void *context)
{
    struct building *b = context;
    b->at = enough_room(b->at, b->n, &b->room, sizeof *b->at);
    struct symbol *one = &b->at[b->n++];
    *one = b->model;
    if (function)
        one->function = demangled(b->symbols, function);
    if (source)
        one->source = texts_copy(&b->symbols->texts, source);
    one->line = line > 0 ? line : 0;
}

static bool is_own(const char *module)
{
    static const char name[] = "/libmapherd.so";
    size_t len = strlen(module);
    return len >= sizeof name - 1 && strcmp(module + len - (sizeof name - 1), name) == 0;
}

static void name_native(struct building *b, uint64_t frame)
{
    const struct record *r = b->symbols->record;
    uint32_t element = MAPHERD_FRAME_MODULE(frame);
    if (element >= r->module_count) {
        add_symbol(NULL, NULL, 0, b);
        return;
    }
    b->model.module = record_text(r, r->modules[element].path);
    b->model.own = is_own(b->model.module);
    struct debuginfo *info = b->model.own ? NULL : info_of(b->symbols, element);
    if (!info || !debuginfo_find(info, b->model.address, add_symbol, b))
        add_symbol(NULL, NULL, 0, b);
}

static void name_java(struct building *b, uint64_t frame)
{
    const struct record *r = b->symbols->record;
    uint32_t element = (uint32_t)frame;
    struct mapherd_record_frame f = { 0 };
    if (element < r->frame_count)
        f = r->frames[element];
    char *function = enough_text("%s.%s", record_text(r, f.class_name), record_text(r, f.method));
    for (char *slash = function; (slash = strchr(slash, '/'));)
        *slash = '.';
    b->model.java = true;
    b->model.native = f.line == -1;
    b->model.function = texts_take(&b->symbols->texts, function);
    b->model.source = record_text(r, f.source);
    b->model.address = 0;
    b->model.line = f.line > 0 ? f.line : 0;
    b->at = enough_room(b->at, b->n, &b->room, sizeof *b->at);
    b->at[b->n++] = b->model;
}

/* Of the process's own /tmp, under the id that it has itself. */
static void name_jit(struct building *b)
{
    struct symbols *s = b->symbols;
    if (!s->jit_tried) {
        char path[80], root[32] = "";
        const struct mapherd_record_head *h = &s->record->head;
        if (s->pid)
            snprintf(root, sizeof root, "/proc/%d/root", (int)s->pid);
        snprintf(path, sizeof path, "%s/tmp/perf-%d.map", root, (int)h->pid);
        s->jit = jitmap_read(path, s->record->owner, (int64_t)(h->since_ms / 1000) - 60);
        s->jit_tried = true;
    }
    const char *name = jitmap_find(s->jit, b->model.address);
    b->model.jit = name != NULL;
    add_symbol(name, NULL, 0, b);
}

/* The functions of a frame of record_stack(), innermost first. *n, which is at least 1: how
 * many; more than one where functions were inlined. */
static const struct symbol *functions_of(struct symbols *s, uint64_t frame, size_t *n)
{
    size_t before = s->frames.n, number = numbers_of(&s->frames, frame);
    if (number == before) {
        struct building b = { .symbols = s,
                              .model = { .function = "", .source = "", .module = "" } };
        b.model.address = MAPHERD_FRAME_OFFSET(frame);
        if (MAPHERD_FRAME_MODULE(frame) == MAPHERD_FRAME_JAVA)
            name_java(&b, frame);
        else if (MAPHERD_FRAME_MODULE(frame) != 0)
            name_native(&b, frame);
        else
            name_jit(&b);
        for (size_t i = 0; i < b.n; i++)
            symbols_put_text(&b.at[i], &s->texts);
        s->known = enough_room(s->known, number, &s->known_room, sizeof *s->known);
        s->known[number] = (struct known){ b.at, b.n };
    }
    *n = s->known[number].n;
    return s->known[number].at;
}

const struct symbol **symbols_stack(struct symbols *s, uint32_t stack, size_t *n)
{
    size_t depth, room = 0;
    const uint64_t *frames = record_stack(s->record, stack, &depth);
    const struct symbol **all = depth ? enough_room(NULL, 0, &room, sizeof(struct symbol *)) : NULL;
    *n = 0;
    for (size_t i = 0; i < depth; i++) {
        size_t inlined;
        const struct symbol *at = functions_of(s, frames[i], &inlined);
        for (size_t k = 0; k < inlined; k++) {
            if (at[k].own)
                continue;
            all = enough_room(all, *n, &room, sizeof *all);
            all[(*n)++] = &at[k];
        }
    }
    *n = interpreters_fold(&s->interpreters, all, *n, s->fold);
    return all;
}
