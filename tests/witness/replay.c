/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * replay: the power fails, again and again.
 *
 *     replay IMAGE LOG PROMISES SCRATCH KIND FOLDER CUTS SEED FILE
 *
 * The log is cut at random flushes. What was written before the flush is in the image, of what was
 * written between it and the next one each write is there or not, by chance. The image is mounted,
 * which replays the filesystem's journal, and every slot must hold what the msyncs that had
 * returned by then have promised, or a later value; the file itself must be there since the first
 * promise. IMAGE is as it was before the first write.
 *
 * The log decides, and not the moment: each cut has a file of its own at SCRATCH, so that nothing
 * which an earlier mount still writes can reach it; its space is there before it is mounted; nobody
 * else may have it mounted afterwards; and a cut that shows a loss is made twice more and must show
 * the same one. Where that is not so the witness is wrong: it says what, and ends with
 * WITNESS_TROUBLE.
 *
 * Ends with 1 if anything was lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "log.h"
#include "promise.h"

#define SLOTS (BUFFERS * PAGES)
#define SPACE_KEPT (16L << 20) /* of the disk with the images: less is trouble */
#define TRIES 5

static char *image;
static size_t size;
static unsigned char *used; /* blocks of the image that are not zero */
static uint64_t promised[SLOTS];
static const char *scratch, *kind, *folder, *file;
static uint64_t seed;
static struct log_record **records;
static size_t count;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(WITNESS_TROUBLE);
}

static _Noreturn void die_of(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(WITNESS_TROUBLE);
}

static void *map_file(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    *len = (size_t)st.st_size;
    void *at = *len ? mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) : NULL;
    if (at == MAP_FAILED)
        die(path);
    close(fd);
    return at;
}

static void need_space(void)
{
    struct statvfs s;
    if (statvfs(scratch, &s) < 0)
        die(scratch);
    if (s.f_bavail * s.f_frsize < (unsigned long)SPACE_KEPT)
        die_of("no space is left for the images");
}

/* ---- the image after a cut ---- */

static void put(const struct log_record *r)
{
    memcpy(image + r->offset, r + 1, r->len);
    for (uint64_t b = r->offset / PAGE; b <= (r->offset + r->len - 1) / PAGE; b++)
        used[b] = 1;
}

static void write_at(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t done = pwrite(fd, bytes, len, at);
    if (done != (ssize_t)len) {
        errno = done < 0 ? errno : ENOSPC;
        die(scratch);
    }
}

/* The same cut has the same luck each time. */
static bool by_chance(uint64_t *state)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state >> 32 & 1;
}

/* A new file with the image after a cut; next: the first record after its flush. */
static int make_scratch(size_t next)
{
    uint64_t chance = (seed + 1) * 0x9e3779b97f4a7c15u ^ (next + 1) * 0xd1b54a32d192ed03u;
    unlink(scratch);
    int fd = open(scratch, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        die(scratch);
    if (fallocate(fd, 0, 0, (off_t)size) < 0 && errno != EOPNOTSUPP)
        die(scratch);
    need_space();
    for (size_t b = 0, end; b < size / PAGE; b = end) {
        for (end = b; end < size / PAGE && used[end]; end++)
            continue;
        if (end > b)
            write_at(fd, image + b * PAGE, (end - b) * PAGE, (off_t)(b * PAGE));
        else
            end++;
    }
    for (size_t n = next; n < count && records[n]->kind == RECORD_WRITE; n++)
        if (by_chance(&chance))
            write_at(fd, records[n] + 1, records[n]->len, (off_t)records[n]->offset);
    return fd;
}

/* ---- mounted ---- */

/* A loop device on the scratch image, detached by itself at the last close. */
static int attach(int scratch_fd, char *path, size_t len)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    for (int tries = 0; control >= 0 && tries < 100; tries++) {
        struct loop_config c = { .fd = (unsigned)scratch_fd, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
        int n = ioctl(control, LOOP_CTL_GET_FREE);
        if (n < 0)
            break;
        snprintf(path, len, "/dev/loop%d", n);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &c) == 0) {
            close(control);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    die("loop device");
}

/* A loop device that others have just let go of may refuse; an image that is broken always does. */
static int mount_scratch(size_t next, char *device, size_t len)
{
    const char *data = !strcmp(kind, "xfs") ? "nouuid" : "";
    for (int n = 0; n < TRIES; n++) {
        int scratch_fd = make_scratch(next);
        int fd = attach(scratch_fd, device, len);
        close(scratch_fd);
        if (mount(device, folder, kind, 0, data) == 0)
            return fd;
        perror(device);
        close(fd);
    }
    die_of("the image cannot be mounted");
}

/* The kernel lets nobody have a device for himself while a filesystem on it is mounted, in whatever
 * mount namespace. */
static void unmount(const char *device)
{
    if (umount(folder) < 0)
        die("umount");
    for (int n = 0; n < 1000; n++) {
        int fd = open(device, O_RDWR | O_EXCL | O_CLOEXEC);
        if (fd >= 0) {
            close(fd);
            return;
        }
        if (errno != EBUSY)
            die(device);
        usleep(10000);
    }
    die_of("the image is still mounted, in another mount namespace, after its umount");
}

struct loss {
    long slots;
    bool whole; /* the file itself is missing */
};

/* cut: the record after which the power failed. */
static struct loss check_slots(uint64_t cut)
{
    char path[4096];
    struct loss lost = { 0, false };
    snprintf(path, sizeof path, "%s/%s", folder, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "cut after record %lu: the file as a whole is missing: %s\n",
                (unsigned long)cut, strerror(errno));
        return (struct loss){ SLOTS, true };
    }
    for (long n = 0; n < SLOTS; n++) {
        uint64_t found = 0;
        errno = 0;
        ssize_t got = promised[n] ? pread(fd, &found, sizeof found, n * PAGE) : 0;
        if (found < promised[n] && !lost.slots++)
            fprintf(stderr,
                    "cut after record %lu: slot %ld holds %lu, and %lu was promised (%zd bytes "
                    "read: %s)\n",
                    (unsigned long)cut, n, (unsigned long)found, (unsigned long)promised[n], got,
                    strerror(errno));
    }
    close(fd);
    return lost;
}

static struct loss try_cut(size_t next)
{
    char device[64];
    int fd = mount_scratch(next, device, sizeof device);
    struct loss lost = check_slots(next - 1);
    unmount(device);
    close(fd);
    need_space();
    return lost;
}

static struct loss cut_after(uint64_t flush)
{
    struct loss lost = try_cut(flush + 1);
    for (int again = 0; lost.slots && again < 2; again++) {
        struct loss other = try_cut(flush + 1);
        if (other.slots != lost.slots || other.whole != lost.whole)
            die_of("the same cut of the same log lost something else the next time");
    }
    return lost;
}

/* ---- the log ---- */

static int up(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void read_log(char *log, size_t len)
{
    char *end = log + len, *at = log;
    for (size_t room = 0; at < end; count++) {
        const struct log_record *r = (struct log_record *)at;
        if ((size_t)(end - at) < sizeof *r || (size_t)(end - at) - sizeof *r < r->len ||
            r->offset + r->len > size)
            die_of("the log ends in the middle of a record");
        if (count == room)
            records = realloc(records, (room = 2 * room + 64) * sizeof *records);
        if (!records)
            die("the log");
        records[count] = (struct log_record *)at;
        at += sizeof *r + r->len;
    }
}

/* A random choice of the flushes since the first promise, in their order: how many, *flush; *all
 * there are. */
static long choose_flushes(uint64_t since, long cuts, uint64_t **flush, size_t *all)
{
    size_t flushes = 0;
    *flush = calloc(count + 1, sizeof **flush);
    for (size_t n = since; n < count; n++)
        if (records[n]->kind == RECORD_FLUSH)
            (*flush)[flushes++] = n;
    *all = flushes;
    for (size_t n = 0; n < flushes && n < (size_t)cuts; n++) {
        size_t other = n + (size_t)random() % (flushes - n);
        uint64_t t = (*flush)[n];
        (*flush)[n] = (*flush)[other], (*flush)[other] = t;
    }
    if (flushes < (size_t)cuts)
        cuts = (long)flushes;
    qsort(*flush, (size_t)cuts, sizeof **flush, up);
    return cuts;
}

int main(int argc, char **argv)
{
    size_t log_len, promises_len;
    if (argc != 10)
        return 2;
    image = map_file(argv[1], &size);
    char *log = map_file(argv[2], &log_len);
    struct promise *p = map_file(argv[3], &promises_len);
    scratch = argv[4], kind = argv[5], folder = argv[6], file = argv[9];
    seed = (uint64_t)atol(argv[8]);
    srandom((unsigned)seed);
    used = calloc(size / PAGE, 1);
    static const char zero[PAGE];
    for (size_t b = 0; b < size / PAGE; b++)
        used[b] = memcmp(image + b * PAGE, zero, PAGE) != 0;
    read_log(log, log_len);

    /* The promises in the order of their moments: they were written by several threads. */
    size_t n_promises = promises_len / sizeof *p, next = 0, applied = 0, flushes;
    if (!n_promises)
        die_of("there are no promises");
    qsort(p, n_promises, sizeof *p, up);
    uint64_t *flush;
    long cuts = choose_flushes(p[0].records, atol(argv[7]), &flush, &flushes);
    long lost = 0, whole = 0, checked = 0;
    for (long done = 0; done < cuts; done++) {
        for (; applied <= flush[done]; applied++)
            if (records[applied]->kind == RECORD_WRITE)
                put(records[applied]);
        for (; next < n_promises && p[next].records <= flush[done] + 1; next++, checked++)
            for (uint64_t s = 0; s < p[next].count; s++)
                if (promised[p[next].first + s] < p[next].values[s])
                    promised[p[next].first + s] = p[next].values[s];
        struct loss l = cut_after(flush[done]);
        lost += l.slots != 0;
        whole += l.whole;
    }
    printf("%ld cuts of %zu flushes, %ld promises, %ld cuts lost something, %ld of them the whole "
           "file\n",
           cuts, flushes, checked, lost, whole);
    if (!cuts)
        die_of("the disk has seen no flush after the first promise");
    return lost ? 1 : 0;
}
