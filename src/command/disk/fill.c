/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd fill: allocates space for the holes of files, before a program that the library cannot
 * get into stores to them through a mapping.
 *
 * Unlike the library, this may open and close files at will: a close drops the POSIX locks that the
 * process has on the file, and this process has none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/lib/verb.h"
#include "disk/holes.h"
#include "kernel/mounts.h"
#include "kernel/sys.h"
#include "tell/options.h"

/* ---- the files that have holes ---- */

struct hollow {
    char *path;
    dev_t dev;
    ino_t ino;
    uint64_t size, missing; /* bytes; missing: in holes */
};

struct hollows {
    struct hollow *at;
    size_t count, room;
    size_t looked_at; /* regular files in all */
    bool failed;      /* a file or folder could not be read, and the user was told */
};

static struct hollows *found_in; /* nftw(3) passes no context */

/* Calls found for each hole of an open file, as holes_each does (disk/holes.h). Where the
 * filesystem knows only SEEK_HOLE, space that was allocated and never written counts as a hole. */
static long hollow_each(int fd, uint64_t size, long (*found)(uint64_t, uint64_t, void *),
                        void *context)
{
    long answer = holes_each(fd, 0, size, 0, found, context);
    if (!holes_unsupported(answer))
        return answer;
    for (off_t at = 0, end; at < (off_t)size; at = end) {
        if ((at = lseek(fd, at, SEEK_HOLE)) < 0 || at >= (off_t)size)
            return at < 0 && errno != ENXIO ? -errno : 0;
        if ((end = lseek(fd, at, SEEK_DATA)) < 0)
            end = (off_t)size;
        if ((answer = found((uint64_t)at, (uint64_t)end, context)))
            return answer;
    }
    return 0;
}

static long add_up(uint64_t start, uint64_t end, void *context)
{
    *(uint64_t *)context += end - start;
    return 0;
}

/* Opens the file that was found, and no other that has come in its place. Returns a descriptor,
 * or -1 with errno. */
static int hollow_open(const struct hollow *f, int flags)
{
    struct stat st;
    int fd = open(f->path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == f->dev && st.st_ino == f->ino)
        return fd;
    close(fd);
    errno = ESTALE;
    return -1;
}

static void keep(struct hollows *h, const struct hollow *f, bool has_names)
{
    for (size_t i = 0; has_names && i < h->count; i++)
        if (h->at[i].dev == f->dev && h->at[i].ino == f->ino)
            return;
    h->at = enough_room(h->at, h->count, &h->room, sizeof *h->at);
    h->at[h->count] = *f;
    h->at[h->count++].path = enough(strdup(f->path));
}

static void look_at(struct hollows *h, const char *path, const struct stat *st)
{
    struct hollow f = {
        .path = (char *)path, .dev = st->st_dev, .ino = st->st_ino, .size = (uint64_t)st->st_size
    };
    h->looked_at++;
    if (!st->st_size)
        return;
    int fd = hollow_open(&f, O_RDONLY);
    long answer = fd < 0 ? -errno : hollow_each(fd, f.size, add_up, &f.missing);
    if (fd >= 0)
        close(fd);
    if (answer < 0) {
        complain("%s: %s", path, strerror((int)-answer));
        h->failed = true;
    } else if (f.missing) {
        keep(h, &f, st->st_nlink > 1);
    }
}

static int visit(const char *path, const struct stat *st, int what, struct FTW *where)
{
    if (what == FTW_DNR || what == FTW_NS) {
        complain("%s: %s", path, strerror(errno));
        found_in->failed = true;
    } else if (what == FTW_F && S_ISREG(st->st_mode)) {
        look_at(found_in, path, st);
    } else if (where->level == 0 && what != FTW_D) {
        complain("%s: not a file and not a folder%s", path,
                 what == FTW_SL ? ": links are not followed" : "");
        found_in->failed = true;
    }
    return 0;
}

/* Adds the files with holes at path or below it: regular files of the filesystem of path.
 * Symbolic links are not followed. A file with several names is added once. */
static void hollows_find(struct hollows *h, const char *path)
{
    enum { DESCRIPTORS = 32 };
    struct stat st;
    found_in = h;
    if (lstat(path, &st) == 0 && nftw(path, visit, DESCRIPTORS, FTW_PHYS | FTW_MOUNT) == 0)
        return;
    complain("%s: %s", path, strerror(errno));
    h->failed = true;
}

static void hollows_free(struct hollows *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->at[i].path);
    free(h->at);
}

/* ---- whether there is space for them ---- */

static struct option_text keep_free = { "5%", 2 };

static uint64_t sum(const struct hollows *h)
{
    uint64_t total = 0;
    for (size_t i = 0; i < h->count; i++)
        total += h->at[i].missing;
    return total;
}

/* False, after a complaint, if the filesystem of h->at[first] has not the space for all its
 * files in h. Each filesystem is asked once, at its first file. */
static bool has_space(const struct hollows *h, size_t first)
{
    struct sys_space space;
    uint64_t missing = 0;
    for (size_t i = 0; i < h->count; i++) {
        if (h->at[i].dev == h->at[first].dev && i < first)
            return true;
        missing += h->at[i].dev == h->at[first].dev ? h->at[i].missing : 0;
    }
    int fd = hollow_open(&h->at[first], O_RDONLY);
    long answer = fd < 0 ? -errno : sys_fstatfs(fd, &space);
    if (fd >= 0)
        close(fd);
    if (answer < 0) {
        complain("%s: %s", h->at[first].path, strerror((int)-answer));
        return false;
    }
    uint64_t keep = (uint64_t)options_share(keep_free, (int64_t)space.size);
    if (!space.size || (missing <= space.free && keep <= space.free - missing))
        return true;
    uint64_t want = missing + keep;
    complain(
        "no space: the holes in files like %s are %s, and %s are to stay free (--keep), but the "
        "filesystem has %s free of %s: %s are missing; nothing was done",
        h->at[first].path, size_in_words(missing).text, size_in_words(keep).text,
        size_in_words(space.free).text, size_in_words(space.size).text,
        size_in_words(want - space.free).text);
    return false;
}

/* ---- the work ---- */

#define PIECE (64UL << 20) /* of progress */

struct progress {
    int fd;
    uint64_t done, all;
    bool shown;
};

static void show(const struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r%s of %s allocated ", size_in_words(p->done).text,
                size_in_words(p->all).text);
}

static long allocate(uint64_t start, uint64_t end, void *context)
{
    struct progress *p = context;
    while (start < end) {
        uint64_t upto = end - start < PIECE ? end : start + PIECE;
        long answer = holes_allocate(p->fd, start, upto);
        if (answer < 0)
            return answer;
        p->done += upto - start;
        start = upto;
        show(p);
    }
    return 0;
}

/* A file that has become shorter meanwhile is filled up to its present end. */
static long fill_one(const struct hollow *f, struct progress *p)
{
    struct stat st;
    p->fd = hollow_open(f, O_RDWR);
    if (p->fd < 0)
        return -errno;
    uint64_t size =
        fstat(p->fd, &st) == 0 && (uint64_t)st.st_size < f->size ? (uint64_t)st.st_size : f->size;
    long answer = hollow_each(p->fd, size, allocate, p);
    close(p->fd);
    return answer;
}

static bool fill_all(const struct hollows *h, struct progress *p)
{
    bool well = true;
    for (size_t i = 0; i < h->count; i++) {
        long answer = fill_one(&h->at[i], p);
        if (answer < 0) {
            if (p->shown)
                fputc('\n', stderr);
            complain("%s: %s", h->at[i].path,
                     holes_unsupported(answer) ? "its filesystem cannot allocate space ahead"
                                               : strerror((int)-answer));
            well = false;
        }
    }
    if (p->shown)
        fputs("\r\033[K", stderr);
    return well;
}

/* ---- what is told, and the verb ---- */

static void print_found(const struct hollows *h)
{
    for (size_t i = 0; i < h->count; i++) {
        printf("%10s of %10s  ", size_in_words(h->at[i].missing).text,
               size_in_words(h->at[i].size).text);
        print_text(stdout, h->at[i].path);
        putchar('\n');
    }
}

static void print_json(const struct hollows *h, const struct progress *p, bool dry)
{
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    json_number(&j, "looked_at", (long long)h->looked_at);
    json_number(&j, "hole_bytes", (long long)sum(h));
    json_number(&j, "allocated_bytes", (long long)p->done);
    json_bool(&j, "dry_run", dry);
    json_open(&j, "files", '[');
    for (size_t i = 0; i < h->count; i++) {
        json_open(&j, NULL, '{');
        json_text(&j, "path", h->at[i].path);
        json_number(&j, "size", (long long)h->at[i].size);
        json_number(&j, "hole_bytes", (long long)h->at[i].missing);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    putchar('\n');
}

static void print_result(const struct hollows *h, const struct progress *p, bool dry)
{
    if (dry)
        print_found(h);
    printf("%s file%s, %s with holes of %s", grouped((long long)h->looked_at),
           plural((long)h->looked_at), grouped((long long)h->count), size_in_words(sum(h)).text);
    if (!dry)
        printf("; %s allocated", size_in_words(p->done).text);
    putchar('\n');
}

static int fill(int argc, char **argv)
{
    bool dry = false, json = false;
    const char *keep = NULL;
    const struct flag flags[] = { { "dry-run", &dry, NULL },
                                  { "n", &dry, NULL },
                                  { "json", &json, NULL },
                                  { "keep", NULL, &keep },
                                  { NULL, NULL, NULL } };
    struct hollows h = { 0 };
    int operands = verb_args(&verb_fill, flags, argc, argv);
    if (!operands)
        return misused(&verb_fill, "no file or folder is named");
    if (keep && options_share(words_text(keep), 0) < 0)
        return misused(&verb_fill, "--keep %s is not of the form PERCENT%%|SIZE", keep);
    if (keep)
        keep_free = words_text(keep);
    for (int i = 0; i < operands; i++)
        hollows_find(&h, argv[i]);
    bool well = true;
    for (size_t i = 0; i < h.count && !dry; i++)
        well = has_space(&h, i) && well;
    struct progress p = { .all = sum(&h), .shown = !json && isatty(STDERR_FILENO) };
    if (well && !dry)
        well = fill_all(&h, &p);
    (json ? print_json : print_result)(&h, &p, dry);
    well = well && !h.failed;
    hollows_free(&h);
    return well ? DONE : FAILED;
}

const struct verb verb_fill = {
    .name = "fill",
    .synopsis = "[-n] [--keep SIZE] [--json] PATH...",
    .summary = "allocate the holes of files, so that a full disk does not kill who maps them",
    .help =
        "For files that programs map that no library gets into: static programs. Works on files\n"
        "and on folders with all that is below them on the same filesystem; links are not followed.\n"
        "No byte and no size changes, and nothing is allocated past the end of a file. Nothing is\n"
        "begun unless there is space for all of it.\n\n"
        "  -n, --dry-run  show the holes, and allocate nothing\n"
        "  --keep SIZE    leave this much of the filesystem free: bytes, with K, M, G or T, or a share\n"
        "                 as 5%, which is the default\n"
        "  --json         one JSON object\n",
    .run = fill,
};
