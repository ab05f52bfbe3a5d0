/*
 * replay: the power fails, again and again.
 *
 *     replay IMAGE LOG PROMISES SCRATCH KIND FOLDER CUTS SEED FILE
 *
 * The log is cut at random flushes. What was written before the flush is in the image, of what was
 * written between it and the next one each write is there or not, by chance. The image is mounted,
 * which replays the filesystem's journal, and every slot must hold what the msyncs that had
 * returned by then have promised, or a later value. IMAGE is as it was before the first write.
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
#include <unistd.h>

#include "log.h"
#include "promise.h"

#define SLOTS (BUFFERS * PAGES)

static char *image, *scratch;
static size_t size;
static unsigned char *used; /* blocks of the image that are not zero */
static int scratch_fd;
static uint64_t promised[SLOTS];
static const char *kind, *folder, *file;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static void *map_file(const char *path, size_t *len, int flags)
{
    struct stat st;
    int fd = open(path, O_RDWR);
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    *len = (size_t)st.st_size;
    void *at = mmap(NULL, *len, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (at == MAP_FAILED)
        die(path);
    close(fd);
    return at;
}

static void put(char *into, const struct log_record *r)
{
    memcpy(into + r->offset, r + 1, r->len);
    if (into == image)
        for (uint64_t b = r->offset / PAGE; b <= (r->offset + r->len - 1) / PAGE; b++)
            used[b] = 1;
}

/* A loop device on the scratch image, detached by itself at the last close. */
static int attach(char *path, size_t len)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    for (int tries = 0; control >= 0 && tries < 100; tries++) {
        struct loop_config c = { .fd = (unsigned)scratch_fd,
                                 .info.lo_flags = LO_FLAGS_AUTOCLEAR };
        int n = ioctl(control, LOOP_CTL_GET_FREE);
        snprintf(path, len, "/dev/loop%d", n);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &c) == 0) {
            close(control);
            return fd;
        }
        close(fd);
    }
    die("loop device");
}

static void make_scratch(void)
{
    if (fallocate(scratch_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0)
        die("scratch");
    for (size_t b = 0; b < size / PAGE; b++)
        if (used[b])
            memcpy(scratch + b * PAGE, image + b * PAGE, PAGE);
}

/* cut: the record after which the power failed. */
static long check_slots(uint64_t cut)
{
    char path[4096];
    long missing = 0;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *opened = fd < 0 ? strerror(errno) : "opened";
    for (long n = 0; n < SLOTS; n++) {
        uint64_t found = 0;
        ssize_t got = sizeof found;
        if (promised[n])
            got = pread(fd, &found, sizeof found, n * PAGE);
        if (found < promised[n] && !missing++)
            fprintf(stderr, "cut after record %lu: slot %ld holds %lu, and %lu was promised (%s, %zd "
                            "bytes read)\n", (unsigned long)cut, n, (unsigned long)found,
                    (unsigned long)promised[n], opened, got);
    }
    if (fd >= 0)
        close(fd);
    return missing;
}

/* A loop device that others have just let go of may refuse; an image that is broken always does. */
static int mount_scratch(void)
{
    enum { TRIES = 5 };
    const char *data = !strcmp(kind, "xfs") ? "nouuid" : "";
    for (int n = 0; n < TRIES; n++) {
        char device[64];
        int fd = attach(device, sizeof device);
        if (mount(device, folder, kind, 0, data) == 0)
            return fd;
        perror(device);
        close(fd);
    }
    die("the image cannot be mounted");
}

static long mount_and_check(uint64_t cut)
{
    int fd = mount_scratch();
    long missing = check_slots(cut);
    if (umount(folder) < 0)
        die("umount");
    close(fd);
    return missing;
}

static int up(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    size_t log_len, promises_len;
    if (argc != 10)
        return 2;
    image = map_file(argv[1], &size, MAP_PRIVATE);
    char *log = map_file(argv[2], &log_len, MAP_PRIVATE);
    struct promise *p = map_file(argv[3], &promises_len, MAP_PRIVATE);
    scratch_fd = open(argv[4], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (scratch_fd < 0 || ftruncate(scratch_fd, (off_t)size) < 0)
        die(argv[4]);
    scratch = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, scratch_fd, 0);
    used = calloc(size / PAGE, 1);
    kind = argv[5], folder = argv[6], file = argv[9];
    long cuts = atol(argv[7]), lost = 0, done = 0, checked = 0;
    srandom((unsigned)atol(argv[8]));
    static const char zero[PAGE];
    for (size_t b = 0; b < size / PAGE; b++)
        used[b] = memcmp(image + b * PAGE, zero, PAGE) != 0;

    /* The records, and which of them are flushes at which something had been promised. */
    size_t count = 0, flushes = 0, n_promises = promises_len / sizeof *p, next = 0;
    for (char *at = log; at < log + log_len; count++)
        at += sizeof(struct log_record) + ((struct log_record *)at)->len;
    struct log_record **records = calloc(count + 1, sizeof *records);
    uint64_t *flush = calloc(count + 1, sizeof *flush);
    char *at = log;
    for (size_t n = 0; n < count; n++, at += sizeof **records + records[n - 1]->len) {
        records[n] = (struct log_record *)at;
        if (records[n]->kind == RECORD_FLUSH && n_promises && n >= p[0].records)
            flush[flushes++] = n;
    }
    for (size_t n = 0; n < flushes && n < (size_t)cuts; n++) { /* a random choice of them */
        size_t other = n + (size_t)random() % (flushes - n);
        uint64_t t = flush[n];
        flush[n] = flush[other], flush[other] = t;
    }
    if (flushes < (size_t)cuts)
        cuts = (long)flushes;
    qsort(flush, (size_t)cuts, sizeof *flush, up);

    /* The promises in the order of their moments: they were written by several threads. */
    qsort(p, n_promises, sizeof *p, up);
    size_t applied = 0;
    for (; done < cuts; done++) {
        for (; applied <= flush[done]; applied++)
            if (records[applied]->kind == RECORD_WRITE)
                put(image, records[applied]);
        for (; next < n_promises && p[next].records <= flush[done] + 1; next++, checked++)
            for (uint64_t s = 0; s < p[next].count; s++)
                if (promised[p[next].first + s] < p[next].values[s])
                    promised[p[next].first + s] = p[next].values[s];
        make_scratch();
        for (size_t n = applied; n < count && records[n]->kind == RECORD_WRITE; n++)
            if (random() & 1)
                put(scratch, records[n]);
        lost += mount_and_check(flush[done]) != 0;
    }
    printf("%ld cuts of %zu flushes, %ld promises, %ld cuts lost something\n", done, flushes,
           checked, lost);
    return lost || !done ? 1 : 0;
}
