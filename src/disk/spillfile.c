/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spillfile: see spillfile.h.
 */
#define _GNU_SOURCE
#include "disk/spillfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/identity.h"
#include "kernel/sys.h"
#include "tell/options.h"

#define PATH_LEN 512

static struct file {
    char path[PATH_LEN]; /* "": there is no such file */
    dev_t dev;
    ino_t ino;
    uint32_t slots;
    uint64_t end; /* of the last slot's range */
    uint64_t last_data_at;
    bool shared; /* see spillfile_shared */
} files[SPILLFILES_MAX];
static unsigned own; /* which of them is this process's */
static size_t page_bytes;
static uint64_t reserved; /* bytes that the process has allocated */

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* A write past the limit on the size of files raises SIGXFSZ, which kills. */
static bool is_allowed(uint64_t end)
{
    return end <= sys_rlimit(RLIMIT_FSIZE);
}

uint64_t spillfile_scratch(void)
{
    return (SPILL_SLOTS + 1) * page_bytes;
}

static long write_header(int fd, const char *program)
{
    struct spill_header h = {
        .magic = SPILL_MAGIC,
        .version = SPILL_VERSION,
        .byte_order = SPILL_BYTE_ORDER,
        .page_size = (uint32_t)page_bytes,
        .pid = sys_getpid(),
        .start_time = identity_started(),
        .pid_namespace = identity_pid_space(),
        .created = (int64_t)(sys_clock_ns(CLOCK_REALTIME_COARSE) / 1000000000),
    };
    fmt(h.program, sizeof h.program, "%s", program);
    uint64_t len = spillfile_scratch() + page_bytes;
    if (!is_allowed(len))
        return -EFBIG;
    long answer = sys_fallocate(fd, 0, 0, (off_t)len);
    return answer < 0 ? answer : sys_pwrite(fd, &h, sizeof h, 0);
}

static long make_in(struct file *f, const char *folder, size_t folder_len, const char *program)
{
    static char dir[PATH_LEN];
    uint64_t random = sys_now_ms();
    struct stat st;
    sys_getrandom(&random, sizeof random);
    if (folder_len >= sizeof dir - 64)
        return -ENAMETOOLONG;
    memcpy(dir, folder, folder_len);
    dir[folder_len] = '\0';
    fmt(f->path, sizeof f->path, "%s/" SPILL_NAME_PREFIX "%s.%ld.%lx", dir, program, sys_getpid(),
        (unsigned long)random);
    long fd = high_open(f->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    long answer = fd < 0 ? fd : write_header((int)fd, program);
    if (answer >= 0)
        answer = sys_fstat((int)fd, &st);
    if (fd >= 0)
        sys_close((int)fd);
    if (answer < 0) {
        if (fd >= 0)
            sys_unlink(f->path);
        f->path[0] = '\0';
        return answer;
    }
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->slots = 0;
    f->end = round_up(spillfile_scratch() + page_bytes, 2UL << 20);
    f->shared = false;
    return 0;
}

/* The folders for files that are to outlive their process, the most lasting first. */
static long make(struct file *f, const char *program)
{
    static const char *const usual[] = { "/var/tmp", "/tmp", "/dev/shm" };
    if (options.spill_dir.len)
        return make_in(f, options.spill_dir.at, options.spill_dir.len, program);
    long answer = -ENOENT;
    for (unsigned i = 0; i < sizeof usual / sizeof *usual && answer < 0; i++)
        answer = make_in(f, usual[i], strlen(usual[i]), program);
    return answer;
}

long spillfile_own(size_t page, const char *program)
{
    page_bytes = page;
    if (own >= SPILLFILES_MAX)
        return -EMFILE;
    if (!files[own].path[0]) {
        long answer = make(&files[own], program);
        if (answer < 0)
            return answer;
    }
    return own;
}

long spillfile_open(unsigned file)
{
    struct stat st;
    const struct file *f = &files[file];
    long fd = high_open(f->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    if (sys_fstat((int)fd, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino)
        return fd;
    sys_close((int)fd);
    return -ESTALE;
}

const char *spillfile_path(unsigned file)
{
    return files[file].path;
}

const char *spillfile_own_path(void)
{
    return own < SPILLFILES_MAX ? files[own].path : "";
}

uint64_t spillfile_ino(unsigned file)
{
    return files[file].ino;
}

long spillfile_add(unsigned file, int fd, const struct spill_range *what, const char *path,
                   uint64_t *data_at, uint64_t *sums_at)
{
    static struct spill_slot slot; /* too large for a handler's stack */
    struct file *f = &files[file];
    uint64_t sums = f->end;
    uint64_t data = round_up(sums + what->len / page_bytes * sizeof(spill_sum), 2UL << 20);
    if (f->slots >= SPILL_SLOTS)
        return -ENFILE;
    slot.dev = what->dev;
    slot.ino = what->ino;
    slot.file_start = what->start;
    slot.len = what->len;
    slot.error = what->error;
    slot.path_len =
        (uint32_t)(what->path_len < sizeof slot.path ? what->path_len : sizeof slot.path);
    memcpy(slot.path, path, slot.path_len);
    slot.sums_at = sums;
    slot.data_at = data;
    uint32_t slots = f->slots + 1;
    long answer = sys_pwrite(fd, &slot, sizeof slot, (off_t)((f->slots + 1) * page_bytes));
    if (answer >= 0)
        answer = sys_pwrite(fd, &slots, sizeof slots, offsetof(struct spill_header, slots));
    if (answer < 0)
        return answer;
    f->slots = slots;
    f->last_data_at = data;
    f->end = round_up(data + what->len, 2UL << 20);
    *data_at = data;
    *sums_at = sums;
    return 0;
}

void spillfile_take_back(unsigned file, uint64_t data_at)
{
    struct file *f = &files[file];
    uint32_t slots = f->slots - 1;
    long fd = f->last_data_at == data_at && f->slots ? spillfile_open(file) : -ENOENT;
    if (fd < 0)
        return;
    if (sys_pwrite((int)fd, &slots, sizeof slots, offsetof(struct spill_header, slots)) ==
        sizeof slots)
        f->slots = slots;
    sys_close((int)fd);
    f->last_data_at = 0;
}

uint64_t spillfile_nowhere(unsigned file)
{
    const uint64_t far = 1UL << 41; /* another process adds slots unseen: their pages follow ours */
    const struct file *f = &files[file];
    return f->shared && f->end < far ? far : f->end;
}

long spillfile_reserve(int fd, uint64_t data_at, uint64_t sums_at, uint64_t from, uint64_t len)
{
    uint64_t first = from / page_bytes, count = len / page_bytes;
    if (reserved + len > (uint64_t)options_size(options.spill_max) ||
        !is_allowed(data_at + from + len))
        return -EFBIG;
    long answer = sys_fallocate(fd, 0, (off_t)(sums_at + first * sizeof(spill_sum)),
                                (off_t)(count * sizeof(spill_sum)));
    if (answer >= 0)
        answer = sys_fallocate(fd, 0, (off_t)(data_at + from), (off_t)len);
    if (answer >= 0)
        reserved += len;
    return answer;
}

void spillfile_unreserve(uint64_t len)
{
    reserved -= len < reserved ? len : reserved;
}

void spillfile_punch(int fd, uint64_t data_at, uint64_t len)
{
    sys_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)data_at, (off_t)len);
}

long spillfile_get_sums(int fd, uint64_t sums_at, uint64_t page, spill_sum *sums, size_t count)
{
    size_t len = count * sizeof *sums;
    long got = sys_pread(fd, sums, len, (off_t)(sums_at + page * sizeof *sums));
    if (got < 0)
        return got;
    memset((char *)sums + got, 0, len - (size_t)got);
    return 0;
}

long spillfile_put_sums(int fd, uint64_t sums_at, uint64_t page, const spill_sum *sums,
                        size_t count)
{
    size_t len = count * sizeof *sums;
    long put = sys_pwrite(fd, sums, len, (off_t)(sums_at + page * sizeof *sums));
    return put < 0 ? put : put == (long)len ? 0 : -EIO;
}

bool spillfile_shared(unsigned file)
{
    return files[file].shared;
}

void spillfile_leave(bool left)
{
    int64_t pid = left ? 0 : sys_getpid();
    long fd = *spillfile_own_path() ? spillfile_open(own) : -ENOENT;
    if (fd < 0)
        return;
    sys_pwrite((int)fd, &pid, sizeof pid, offsetof(struct spill_header, pid));
    sys_close((int)fd);
}

void spillfile_remove(unsigned file)
{
    if (files[file].path[0] && !files[file].shared)
        sys_unlink(files[file].path);
    files[file].path[0] = '\0';
    if (file == own)
        reserved = 0;
}

void spillfile_forked(bool child, bool in_use)
{
    for (unsigned n = 0; n < SPILLFILES_MAX; n++)
        files[n].shared |= in_use;
    if (!child || own == SPILLFILES_MAX || !files[own].path[0])
        return;
    reserved = 0;
    if (!in_use)
        files[own].path[0] = '\0'; /* it is the parent's, and empty */
    for (own = 0; own < SPILLFILES_MAX && files[own].path[0];)
        own++;
}
