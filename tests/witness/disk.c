/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * disk: a disk that remembers. A filesystem in user space with one file, `image`, for a loop
 * device to stand on; every write and every flush that reaches it is written down, in order.
 *
 *     disk BACKING LOG MOMENT FOLDER    serves until FOLDER is unmounted
 *
 * If it cannot keep or write down what it is given, for want of space, it says so, fails from then
 * on, and ends with WITNESS_TROUBLE.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"

#define PAGE 4096

static int backing, record_file;
static struct moment *moment;

/* What was to be written down or kept was not, as on a full disk. The filesystem is told that the
 * disk is broken, and the scripts that the witness is. */
static int give_up(const char *what, ssize_t done)
{
    int error = done < 0 ? errno : ENOSPC;
    if (!__atomic_exchange_n(&moment->trouble, (uint64_t)error, __ATOMIC_RELEASE))
        fprintf(stderr, "the disk's %s: %s\n", what, strerror(error));
    return -EIO;
}

static int in_trouble(void)
{
    return __atomic_load_n(&moment->trouble, __ATOMIC_ACQUIRE) != 0;
}

static int note(struct log_record r, const char *bytes)
{
    size_t len = r.kind == RECORD_WRITE ? r.len : 0, whole = sizeof r + len;
    struct iovec parts[] = { { &r, sizeof r }, { (void *)bytes, len } };
    ssize_t done = writev(record_file, parts, 2);
    if (done != (ssize_t)whole)
        return give_up("log", done);
    __atomic_add_fetch(&moment->flushes, r.kind == RECORD_FLUSH, __ATOMIC_RELEASE);
    __atomic_add_fetch(&moment->records, 1, __ATOMIC_RELEASE);
    return 0;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
    (void)fi;
    memset(st, 0, sizeof *st);
    if (!strcmp(path, "/")) {
        st->st_mode = S_IFDIR | 0700;
        st->st_nlink = 2;
        return 0;
    }
    if (strcmp(path, "/image") || fstat(backing, st) < 0)
        return -ENOENT;
    return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi)
{
    fi->direct_io = 1;
    return strcmp(path, "/image") ? -ENOENT : 0;
}

static int do_read(const char *path, char *buf, size_t len, off_t offset, struct fuse_file_info *fi)
{
    (void)path, (void)fi;
    ssize_t got = pread(backing, buf, len, offset);
    return got < 0 ? -errno : (int)got;
}

static int is_marked(const char *buf, size_t len)
{
    uint64_t first;
    for (size_t at = 0; at + sizeof first <= len; at += PAGE) {
        memcpy(&first, buf + at, sizeof first);
        if (first == MARK)
            return 1;
    }
    return 0;
}

static int do_write(const char *path, const char *buf, size_t len, off_t offset,
                    struct fuse_file_info *fi)
{
    (void)path, (void)fi;
    if (in_trouble())
        return -EIO;
    if (__atomic_load_n(&moment->fail, __ATOMIC_ACQUIRE) && is_marked(buf, len)) {
        __atomic_add_fetch(&moment->refused, 1, __ATOMIC_RELEASE);
        return -EIO;
    }
    ssize_t done = pwrite(backing, buf, len, offset);
    if (done != (ssize_t)len)
        return give_up("image", done);
    return note((struct log_record){ RECORD_WRITE, (uint64_t)offset, len }, buf) ? -EIO : (int)len;
}

static int do_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
    (void)path, (void)datasync, (void)fi;
    return in_trouble() ? -EIO : note((struct log_record){ RECORD_FLUSH, 0, 0 }, NULL);
}

static const struct fuse_operations operations = {
    .getattr = do_getattr,
    .open = do_open,
    .read = do_read,
    .write = do_write,
    .fsync = do_fsync,
};

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    static const char page[PAGE];
    int fd = open(argv[3], O_RDWR | O_CREAT, 0600);
    backing = open(argv[1], O_RDWR);
    record_file = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    /* Written, not only made long: a store to it then needs no space. */
    if (fd < 0 || backing < 0 || record_file < 0 || pwrite(fd, page, PAGE, 0) != PAGE) {
        perror("the disk");
        return WITNESS_TROUBLE;
    }
    moment = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (moment == MAP_FAILED)
        return WITNESS_TROUBLE;
    /* In the foreground and in one thread: the order of the records is the order of events. */
    char *arguments[] = { argv[0], "-f", "-s", argv[4], NULL };
    int result = fuse_main(4, arguments, &operations, NULL);
    return in_trouble() ? WITNESS_TROUBLE : result;
}
