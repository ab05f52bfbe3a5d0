/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* The driver's files: some regular ones in a folder, one memfd, and several descriptors of each. */
#define _GNU_SOURCE
#include "driver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_pipe, fd_folder, fd_zero;

enum { MEMFD = FILES - 1, LARGEST = 48 };
static struct descriptor descriptors[MAX_DESCRIPTORS];
static unsigned generation[FILES]; /* a replaced file has a new name, perhaps the old inode */
static unsigned opens;             /* so many there were */

/* How long a lock lives is not the same in both processes where a chunk may belong to another open()
 * of its file than the one it was mapped through (struct differences, opens): until the program uses
 * flock on the file, as far as the library sees it. So it is the same if by the first flock the file
 * had been mapped through one open() at most, and every call passes a hook. */
static struct {
    unsigned mapped_by; /* the one open(); 0: none yet */
    bool locked;
    bool mixed; /* several, before the first flock */
} lives[FILES];

static bool lock_life_differs(unsigned file)
{
    return differs.opens && (lives[file].mixed || ways_unseen());
}

static const char *file_name(unsigned file)
{
    static char name[32];
    snprintf(name, sizeof name, "f%u.%u", file, generation[file]);
    return name;
}

/* Whole pages, or a tail: never one so short that an 8-byte store into the page's first words
 * would lie behind the end of the file, where the kernel wipes when it likes. */
static off_t some_size(void)
{
    static const unsigned tails[] = { 0, 0, 100, 2048, 4000 };
    return (off_t)(pick(LARGEST) * page + tails[pick(5)]);
}

static void fill(int fd, off_t size)
{
    for (off_t at = 0; at + 8 <= size; at += (off_t)(page * (1 + pick(4)))) {
        uint64_t value = (uint64_t)at * 0x9e3779b97f4a7c15 + step_now;
        if (pwrite(fd, &value, sizeof value, at) != sizeof value)
            exit(6);
    }
}

static int make_file(unsigned file)
{
    int fd = file == MEMFD ? memfd_create(file_name(file), MFD_CLOEXEC)
                           : openat(fd_folder, file_name(file), O_RDWR | O_CREAT | O_EXCL, 0600);
    off_t size = some_size();
    if (fd < 0 || ftruncate(fd, size)) {
        perror("diff-driver: cannot make a file");
        exit(6);
    }
    fill(fd, size);
    return fd;
}

void files_start(const char *folder)
{
    int ends[2];
    fd_folder = open(folder, O_RDONLY | O_DIRECTORY);
    fd_zero = open("/dev/zero", O_RDWR);
    if (fd_folder < 0 || fd_zero < 0 || pipe(ends)) {
        perror("diff-driver: cannot start");
        exit(6);
    }
    fd_pipe = ends[0];
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++)
        descriptors[i].fd = -1;
    for (unsigned i = 0; i < FILES; i++)
        descriptors[i] = (struct descriptor){ make_file(i), i, O_RDWR, ++opens };
}

void files_mapped(int fd)
{
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++) {
        const struct descriptor *d = &descriptors[i];
        if (d->fd < 0 || d->fd != fd || lives[d->file].locked)
            continue;
        lives[d->file].mixed |= lives[d->file].mapped_by && lives[d->file].mapped_by != d->open;
        lives[d->file].mapped_by = d->open;
    }
}

unsigned files_pages(unsigned file)
{
    struct stat st;
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++)
        if (descriptors[i].fd >= 0 && descriptors[i].file == file && !fstat(descriptors[i].fd, &st))
            return (unsigned)(((size_t)st.st_size + page - 1) / page);
    return 0;
}

static void hash_file(int fd)
{
    static char buf[1 << 16];
    uint64_t sum = 0xcbf29ce484222325;
    ssize_t n;
    for (off_t at = 0; (n = pread(fd, buf, sizeof buf, at)) > 0; at += n)
        for (ssize_t i = 0; i < n; i++)
            sum = (sum ^ (unsigned char)buf[i]) * 0x100000001b3;
    struct stat st;
    say(" size %lld bytes %016lx\n", fstat(fd, &st) ? -1ll : (long long)st.st_size,
        (unsigned long)sum);
}

void files_look(void)
{
    for (unsigned i = 0; i < MEMFD; i++) {
        int fd = openat(fd_folder, file_name(i), O_RDONLY);
        say("= %s", file_name(i));
        hash_file(fd);
        close(fd);
    }
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++) {
        if (descriptors[i].fd < 0 || descriptors[i].file != MEMFD || descriptors[i].mode != O_RDWR)
            continue;
        say("= memfd");
        hash_file(descriptors[i].fd);
        break;
    }
}

struct descriptor *pick_descriptor(void)
{
    struct descriptor *open_ones[MAX_DESCRIPTORS];
    unsigned count = 0;
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++)
        /* A write-only one cannot be mapped: seldom. */
        if (descriptors[i].fd >= 0 && (descriptors[i].mode != O_WRONLY || percent(20)))
            open_ones[count++] = &descriptors[i];
    if (count)
        return open_ones[pick(count)];
    /* All closed: make one. */
    descriptors[0] =
        (struct descriptor){ openat(fd_folder, file_name(0), O_RDWR), 0, O_RDWR, ++opens };
    return &descriptors[0];
}

void say_descriptor(const struct descriptor *d)
{
    static const char *const modes[] = { "ro", "wo", "rw" };
    say("fd %d (f%u %s)", d->fd, d->file, modes[d->mode]);
}

/* A sync of the file, by its descriptor. */
void step_sync(void)
{
    const struct descriptor *d = pick_descriptor();
    unsigned which = pick(3);
    static const char *const names[] = { "fsync ", "fdatasync ", "sync_file_range " };
    say("%s", names[which]);
    say_descriptor(d);
    say_result(which == 0   ? CALL(fsync(d->fd))
               : which == 1 ? CALL(fdatasync(d->fd))
                            : CALL(sync_file_range(d->fd, 0, 0, SYNC_FILE_RANGE_WRITE)));
}

static struct descriptor *free_descriptor(void)
{
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++)
        if (descriptors[i].fd < 0)
            return &descriptors[i];
    return NULL;
}

struct descriptor *files_open(void)
{
    struct descriptor *d = free_descriptor();
    if (!d)
        return NULL;
    unsigned file = pick(MEMFD);
    int fd = openat(fd_folder, file_name(file), O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    *d = (struct descriptor){ fd, file, O_RDWR, ++opens };
    return d;
}

void files_close(struct descriptor *d)
{
    close(d->fd);
    d->fd = -1;
}

void step_open(void)
{
    struct descriptor *d = free_descriptor();
    if (!d) {
        step_close();
        return;
    }
    if (percent(35)) {
        const struct descriptor *from = pick_descriptor();
        *d = *from;
        say("dup ");
        say_descriptor(from);
        d->fd = CALL(dup(from->fd));
    } else {
        static const int modes[] = { O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_RDONLY, O_WRONLY };
        d->file = pick(MEMFD);
        d->mode = modes[pick(6)];
        d->open = ++opens;
        say("open f%u", d->file);
        d->fd = CALL(openat(fd_folder, file_name(d->file), d->mode | O_CLOEXEC));
    }
    int error = errno;
    say(" as %d", d->fd);
    errno = error;
    say_result(d->fd < 0);
}

void step_close(void)
{
    struct descriptor *d = pick_descriptor();
    /* The memfd has no name to be opened by again: one descriptor of it stays. */
    if (d->file == MEMFD && d == &descriptors[MEMFD]) {
        say("close nothing\n");
        return;
    }
    say("close ");
    say_descriptor(d);
    say_result(CALL(close(d->fd)));
    d->fd = -1;
}

void step_truncate(void)
{
    struct descriptor *d = pick_descriptor();
    int fd = d->fd;
    off_t size = some_size();
    switch (pick(20)) {
    case 0: size = -1; break;
    case 1: fd = -1; break;
    case 2: fd = fd_pipe; break;
    case 3: fd = fd_folder; break;
    }
    say("ftruncate ");
    if (fd == d->fd)
        say_descriptor(d);
    else
        say("fd %d", fd);
    say(" to %lld", (long long)size);
    say_result(CALL(percent(50) ? way->ftruncate(fd, size) : way->ftruncate64(fd, size)));
}

void step_write(void)
{
    struct descriptor *d = pick_descriptor();
    unsigned pages = files_pages(d->file);
    uint64_t value = step_now * 0x9e3779b97f4a7c15;
    off_t at = (off_t)((pages ? pick(pages) : 0) * page + 8 * pick(4));
    say("pwrite ");
    say_descriptor(d);
    say(" at %lld", (long long)at);
    say_result(CALL(pages ? pwrite(d->fd, &value, sizeof value, at) : 0) < 0);
}

void step_flock(void)
{
    static const int operations[] = { LOCK_SH, LOCK_EX, LOCK_UN, 77 };
    unsigned which = pick(10) < 9 ? pick(3) : 3;
    int fd = percent(3) ? -1 : 0;
    if (fd == 0 && percent(40)) {
        /* As another program would see it: how long the locks of closed descriptors live. */
        unsigned file = pick(MEMFD);
        if (lock_life_differs(file)) {
            say("flock nothing\n");
            return;
        }
        lives[file].locked = true;
        fd = openat(fd_folder, file_name(file), O_RDONLY);
        say("flock f%u anew, exclusively", file);
        say_result(CALL(way->flock(fd, LOCK_EX | LOCK_NB)));
        close(fd);
        return;
    }
    const struct descriptor *d = pick_descriptor();
    int operation = operations[which];
    if (fd == 0)
        fd = d->fd;
    if (!lock_life_differs(d->file))
        lives[d->file].locked |= fd == d->fd;
    else if (operation == LOCK_EX)
        operation = LOCK_SH; /* whoever else still has one, it is granted */
    say("flock ");
    say_descriptor(d);
    say(" %d %d", fd, operation);
    say_result(CALL(way->flock(fd, operation | LOCK_NB)));
}

/* A file is deleted and another takes its place: on some filesystems with the same inode. */
void step_replace(void)
{
    unsigned file = pick(MEMFD);
    say("replace f%u", file);
    unlinkat(fd_folder, file_name(file), 0);
    generation[file]++;
    memset(&lives[file], 0, sizeof lives[file]);
    bool kept = false;
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++) {
        struct descriptor *d = &descriptors[i];
        if (d->fd < 0 || d->file != file)
            continue;
        close(d->fd);
        d->fd = kept ? -1 : make_file(file);
        d->mode = O_RDWR;
        d->open = ++opens;
        kept = true;
    }
    if (!kept)
        close(make_file(file));
    say("\n");
}
