/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * show: opens vm.max_map_count in every way.
 *
 *   show SHOWN REAL    by libc's functions, for reading only, it is SHOWN; in all other ways REAL
 *   show filter SHOWN REAL    the same number REAL in all ways, once the program has announced a filter
 *   show cancel        opens as a thread that is to be cancelled
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"
#include "mapherd/mapherd.h"

#define PATH "/proc/sys/vm/max_map_count"

extern int __open_2(const char *, int), __open64_2(const char *, int),
    __openat_2(int, const char *, int), __openat64_2(int, const char *, int);
extern const struct mapherd_status *mapherd_status(void) __attribute__((weak));

static const char *limit_shown, *limit_real;

/* ---- the ways ---- */

static int by_open(const char *path, int flags)
{
    return open(path, flags);
}

static int by_open64(const char *path, int flags)
{
    return open64(path, flags);
}

static int by_openat(const char *path, int flags)
{
    return openat(AT_FDCWD, path, flags);
}

static int by_openat64(const char *path, int flags)
{
    return openat64(AT_FDCWD, path, flags);
}

/* The folder does not matter for an absolute path, nor whether there is one. */
static int by_openat_nowhere(const char *path, int flags)
{
    return openat(12345, path, flags);
}

static int by_openat_2(const char *path, int flags)
{
    return __openat_2(AT_FDCWD, path, flags);
}

static int by_openat64_2(const char *path, int flags)
{
    return __openat64_2(AT_FDCWD, path, flags);
}

/* The descriptor of a stream, which is left open. */
static int of_stream(FILE *f)
{
    return f ? fileno(f) : -1;
}

static const char *mode_of(int flags)
{
    const char *on_exec = flags & O_CLOEXEC ? "e" : "";
    static char mode[8];
    snprintf(mode, sizeof mode, "%s%s", (flags & O_ACCMODE) == O_RDWR ? "r+" : "r", on_exec);
    return mode;
}

static int by_fopen(const char *path, int flags)
{
    return of_stream(fopen(path, mode_of(flags)));
}

static int by_fopen64(const char *path, int flags)
{
    return of_stream(fopen64(path, mode_of(flags)));
}

typedef int way(const char *path, int flags);
static const struct {
    const char *name;
    way *open;
} ways[] = {
    { "open", by_open },
    { "open64", by_open64 },
    { "openat", by_openat },
    { "openat64", by_openat64 },
    { "openat(12345)", by_openat_nowhere },
    { "__open_2", __open_2 },
    { "__open64_2", __open64_2 },
    { "__openat_2", by_openat_2 },
    { "__openat64_2", by_openat64_2 },
    { "fopen", by_fopen },
    { "fopen64", by_fopen64 },
};
enum { WAYS = sizeof ways / sizeof *ways };

/* ---- what a descriptor shows ---- */

static const char *all_of(int fd)
{
    static char text[64];
    ssize_t got = read(fd, text, sizeof text - 1);
    if (got < 0)
        die("read: %s", strerror(errno));
    text[got] = '\0';
    if (read(fd, text + got, 1) != 0)
        die("there is more behind '%s'", text);
    return text;
}

static void shows(const char *name, int fd, const char *limit)
{
    char wanted[64], there[64];
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (fd < 0)
        die("%s: %s", name, strerror(errno));
    snprintf(wanted, sizeof wanted, "%s\n", limit);
    size_t len = strlen(wanted);
    if (lseek(fd, 0, SEEK_CUR) != 0)
        die("%s: not at the beginning", name);
    if (pread(fd, there, sizeof there, 0) != (ssize_t)len || memcmp(there, wanted, len) != 0)
        die("%s: pread differs", name);
    if (strcmp(all_of(fd), wanted) != 0)
        die("%s: not '%s'", name, limit);
    if (lseek(fd, 0, SEEK_SET) != 0 || strcmp(all_of(fd), wanted) != 0)
        die("%s: not '%s' the second time", name, limit);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_size != 0 && st.st_size != (off_t)len))
        die("%s: fstat shows no such file", name);
    if ((flags & O_ACCMODE) == O_RDONLY && (write(fd, "1\n", 2) != -1 || errno != EBADF))
        die("%s: can be written", name);
    if ((flags & O_ACCMODE) == O_RDONLY && ftruncate(fd, 1) == 0)
        die("%s: can be made shorter", name);
}

static const char *link_of(int fd)
{
    static char link[256];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(path, link, sizeof link - 1);
    link[len < 0 ? 0 : len] = '\0';
    return link;
}

/* Nobody can write the file in memory by another descriptor of it either. */
static void is_sealed(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int writable = open(path, O_RDWR);
    if (writable < 0)
        return;
    if (pwrite(writable, "1", 1, 0) != -1 || errno != EPERM || ftruncate(writable, 0) == 0)
        die("can be written through %s", path);
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writable, 0) != MAP_FAILED)
        die("can be mapped for writing");
    close(writable);
}

/* ---- the tests ---- */

static void for_reading(unsigned n)
{
    int lowest = open("/dev/null", O_RDONLY);
    close(lowest);
    int fd = ways[n].open(PATH, O_RDONLY), other = ways[n].open(PATH, O_RDONLY | O_CLOEXEC);
    shows(ways[n].name, fd, limit_shown);
    shows(ways[n].name, other, limit_shown);
    if (fd != lowest)
        die("%s: descriptor %d, and %d is free", ways[n].name, fd, lowest);
    if (fcntl(fd, F_GETFD) != 0 || fcntl(other, F_GETFD) != FD_CLOEXEC)
        die("%s: O_CLOEXEC is not as asked", ways[n].name);
    if (strcmp(limit_shown, limit_real) == 0) {
        if (strcmp(link_of(fd), PATH) != 0)
            die("%s: the descriptor is of %s", ways[n].name, link_of(fd));
        return;
    }
    if (strcmp(link_of(fd), "/memfd:mapherd shows vm.max_map_count (deleted)") != 0)
        die("%s: the descriptor is of %s", ways[n].name, link_of(fd));
    is_sealed(fd);
}

/* Root may open it for writing. A program that may not gets the kernel's error. */
static void for_writing(unsigned n)
{
    int raw = (int)syscall(SYS_openat, AT_FDCWD, PATH, O_RDWR), error = errno;
    int fd = ways[n].open(PATH, O_RDWR);
    if (raw < 0 && (fd >= 0 || errno != error))
        die("%s: opens for writing what may not be", ways[n].name);
    if (raw >= 0)
        shows(ways[n].name, fd, limit_real);
}

static void by_other_names(unsigned n)
{
    static const char *const names[] = { "max_map_count", "./max_map_count",
                                         "/proc/sys/vm/../vm/max_map_count",
                                         "/proc/sys//vm/max_map_count",
                                         "/proc/self/../sys/vm/max_map_count" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i][0] == '/' || ways[n].open != by_openat_nowhere)
            shows(ways[n].name, ways[n].open(names[i], O_RDONLY), limit_real);
    if (ways[n].open("/proc/sys/vm/max_map_coun", O_RDONLY) != -1 || errno != ENOENT)
        die("%s: opens what is not there", ways[n].name);
    if (ways[n].open("/proc/sys/vm/max_map_count/", O_RDONLY) != -1 || errno != ENOTDIR)
        die("%s: opens the file as a folder", ways[n].name);
    if (ways[n].open((const char *)8, O_RDONLY) != -1 || errno != EFAULT)
        die("%s: opens a name that cannot be read", ways[n].name);
}

/* What the kernel does with other flags: that call is the program's. */
static void with_other_flags(void)
{
    int fd = open(PATH, O_PATH);
    if (fd < 0 || strcmp(link_of(fd), PATH) != 0)
        die("O_PATH opens %s", link_of(fd));
    if (open(PATH, O_RDONLY | O_DIRECTORY) != -1 || errno != ENOTDIR)
        die("the file is a folder");
    shows("O_NOFOLLOW", open(PATH, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), limit_shown);
    shows("rb", of_stream(fopen(PATH, "rb")), limit_shown);
    shows("the system call", (int)syscall(SYS_openat, AT_FDCWD, PATH, O_RDONLY), limit_real);
    struct stat st;
    if (stat(PATH, &st) || st.st_size != 0 || (st.st_mode & 0777) != 0644 || st.st_uid != 0)
        die("stat shows another file");
}

/* The third argument arrives where there is one. */
static void with_mode(const char *folder)
{
    static int (*const makes[])(const char *, int, ...) = { open, open64 };
    static int (*const makes_at[])(int, const char *, int, ...) = { openat, openat64 };
    char path[512];
    struct stat st;
    umask(0);
    for (unsigned i = 0; i < 6; i++) {
        mode_t mode = 0640 + i;
        snprintf(path, sizeof path, "%s/made", folder);
        unlink(path);
        int fd = i < 2   ? makes[i](path, O_CREAT | O_RDWR, mode)
                 : i < 4 ? makes_at[i - 2](12345, path, O_CREAT | O_RDWR, mode)
                 : i < 5 ? open(folder, O_TMPFILE | O_RDWR, mode)
                         : openat64(AT_FDCWD, folder, O_TMPFILE | O_RDWR, mode);
        if (fd < 0 && i >= 4 && errno == EOPNOTSUPP)
            continue;
        if (fd < 0 || fstat(fd, &st) || (st.st_mode & 07777) != mode)
            die("way %u: the mode is %o, not %o", i, st.st_mode & 07777, mode);
        close(fd);
    }
    unlink(path);
}

/* A stream: by its buffer, by lines. */
static void by_stream(void)
{
    char line[64];
    FILE *f = fopen(PATH, "re");
    if (!f || !fgets(line, sizeof line, f) || atol(line) != atol(limit_shown) ||
        fgets(line, sizeof line, f) || !feof(f))
        die("a stream reads '%s'", line);
    rewind(f);
    if (fscanf(f, "%63s", line) != 1 || strcmp(line, limit_shown) != 0 || fputc('1', f) != EOF)
        die("a stream reads '%s' the second time", line);
    fclose(f);
}

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *list = opendir("/proc/self/fd");
    while (list && readdir(list))
        n++;
    closedir(list);
    return n;
}

static void in_children(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        shows("forked", open(PATH, O_RDONLY), limit_shown);
        by_stream();
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        die("a forked child is shown another");
    static volatile int fd;
    child = vfork();
    if (child == 0) {
        fd = open(PATH, O_RDONLY); /* the descriptor is the child's */
        if (fd >= 0)
            _exit(read(fd, (char[2]){ 0 }, 1) == 1 ? 7 : 8);
        _exit(9);
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
        die("a vfork child cannot open");
    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
    char text[16];
    fd = open(PATH, O_RDONLY);
    if (read(fd, text, sizeof text) != (ssize_t)strlen(limit_shown) + 1 ||
        memcmp(text, limit_shown, strlen(limit_shown)) || write(fd, "1", 1) != -1)
        die("in a process that may not be looked at");
    close(fd);
}

static void *open_cancelled(void *unused)
{
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_cancel(pthread_self());
    open(PATH, O_RDONLY);
    return unused;
}

static void cancelled(void)
{
    pthread_t thread;
    void *answer;
    unsigned before = descriptors();
    if (pthread_create(&thread, NULL, open_cancelled, NULL) || pthread_join(thread, &answer))
        die("no thread");
    if (answer != PTHREAD_CANCELED)
        die("open is no cancellation point");
    if (descriptors() != before)
        die("a cancelled open leaves a descriptor");
}

int main(int argc, char **argv)
{
    bool filter = argc > 1 && strcmp(argv[1], "filter") == 0;
    if (filter)
        argv++, argc--;
    if (argc != 4)
        die("usage: show [filter] SHOWN REAL FOLDER");
    limit_shown = argv[1];
    limit_real = argv[2];
    printf("library %d\n", look(NULL).library);
    if (mapherd_status && mapherd_status()->state != MAPHERD_PASSIVE &&
        mapherd_status()->limit != atol(limit_real))
        die("the library itself takes the limit to be %ld", (long)mapherd_status()->limit);
    cancelled();
    unsigned before = descriptors();
    close(open(PATH, O_RDONLY));
    if (descriptors() != before)
        die("a descriptor is left");
    if (filter) {
        shows("before the filter", open(PATH, O_RDONLY), limit_shown);
        prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
        shows("behind the filter", open(PATH, O_RDONLY), limit_real);
        return 0;
    }
    if (chdir("/proc/sys/vm"))
        die("no /proc/sys/vm");
    for (unsigned n = 0; n < WAYS; n++) {
        for_reading(n);
        for_writing(n);
        by_other_names(n);
    }
    with_other_flags();
    with_mode(argv[3]);
    by_stream();
    in_children();
    puts("done");
    return 0;
}
