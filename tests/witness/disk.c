/*
 * disk: a disk that remembers. A filesystem in user space with one file, `image`, for a loop
 * device to stand on; every write and every flush that reaches it is written down, in order.
 *
 *     disk BACKING LOG MOMENT FOLDER    serves until FOLDER is unmounted
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
#include <unistd.h>

#include "log.h"

#define PAGE 4096

static int backing;
static FILE *record_file;
static struct moment *moment;

static void note(struct log_record r, const char *bytes)
{
    if (fwrite(&r, sizeof r, 1, record_file) != 1 ||
        (r.kind == RECORD_WRITE && fwrite(bytes, r.len, 1, record_file) != 1))
        abort();
    __atomic_add_fetch(&moment->flushes, r.kind == RECORD_FLUSH, __ATOMIC_RELEASE);
    __atomic_add_fetch(&moment->records, 1, __ATOMIC_RELEASE);
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
    if (__atomic_load_n(&moment->fail, __ATOMIC_ACQUIRE) && is_marked(buf, len))
        return -EIO;
    if (pwrite(backing, buf, len, offset) != (ssize_t)len)
        return -EIO;
    note((struct log_record){ RECORD_WRITE, (uint64_t)offset, len }, buf);
    return (int)len;
}

static int do_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
    (void)path, (void)datasync, (void)fi;
    note((struct log_record){ RECORD_FLUSH, 0, 0 }, NULL);
    return 0;
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
    int fd = open(argv[3], O_RDWR | O_CREAT, 0600);
    backing = open(argv[1], O_RDWR);
    record_file = fopen(argv[2], "w");
    if (fd < 0 || backing < 0 || !record_file || ftruncate(fd, PAGE) < 0)
        return 1;
    moment = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (moment == MAP_FAILED)
        return 1;
    /* In the foreground and in one thread: the order of the records is the order of events. */
    char *arguments[] = { argv[0], "-f", "-s", argv[4], NULL };
    int result = fuse_main(4, arguments, &operations, NULL);
    return fclose(record_file) ? 1 : result;
}
