/*
 * examine_folder: maps two neighbouring parts of a file of its own there, in each of the ways that
 * the library knows, and counts the maps.
 */
#define _GNU_SOURCE
#include "command/host/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command/host/mount.h"
#include "model/procmaps.h"

struct range {
    uintptr_t start, end;
    long maps;
};

static bool count_inside(const struct procmap *m, void *context)
{
    struct range *r = context;
    r->maps += m->start >= r->start && m->end <= r->end;
    return true;
}

/* The number of maps that [at, at + len) is made of. */
static long maps_in(const char *at, size_t len)
{
    char buf[1 << 14];
    struct range r = { (uintptr_t)at, (uintptr_t)at + len, 0 };
    long lines = procmaps_read(PROCMAPS_SELF, buf, sizeof buf, count_inside, &r);
    return lines < 0 ? lines : r.maps;
}

/* A file without a name; -1 and errno. */
static int nameless_file(const char *folder)
{
    char *template;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || asprintf(&template, "%s/.mapherd-doctor.XXXXXX", folder) < 0)
        return fd;
    fd = mkostemp(template, O_CLOEXEC);
    if (fd >= 0)
        unlink(template);
    int error = errno;
    free(template);
    errno = error;
    return fd;
}

enum { READ_WRITE = PROT_READ | PROT_WRITE };

/* The three ways to put two parts of len bytes at `at`; false if a call fails. */
static bool beside(char *at, size_t len, int fd)
{
    return mmap(at, len, READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == at &&
           mmap(at + len, len, READ_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)len) == at + len;
}

static bool growth(char *at, size_t len, int fd)
{
    return munmap(at, 2 * len) == 0 &&
           mmap(at, len, READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == at &&
           mremap(at, len, 2 * len, 0) == at;
}

static bool from_master(char *at, size_t len, int fd)
{
    const int how = MREMAP_MAYMOVE | MREMAP_FIXED;
    char *master = mmap(NULL, 2 * len, READ_WRITE, MAP_SHARED, fd, 0);
    if (master == MAP_FAILED)
        return false;
    bool done = mremap(master, 0, len, how, at) == at &&
                mremap(master + len, 0, len, how, at + len) == at + len;
    munmap(master, 2 * len);
    return done;
}

/* True if that way makes one map of the two parts. */
static bool merges(bool way(char *at, size_t len, int fd), size_t len, int fd)
{
    char *at = mmap(NULL, 3 * len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return false;
    bool one = way(at, len, fd) && maps_in(at, 2 * len) == 1;
    munmap(at, 3 * len);
    return one;
}

static void say_what_merges(struct findings *f, const char *folder, const char *type, int fd)
{
    size_t len = (size_t)sysconf(_SC_PAGESIZE);
    if (ftruncate(fd, 2 * (off_t)len) != 0) {
        finding(f, NOTE, "folder", NULL, "%s (%s): not examined: %s", folder, type, strerror(errno));
        return;
    }
    bool side = merges(beside, len, fd), grown = merges(growth, len, fd);
    bool master = merges(from_master, len, fd);
    if (side && grown)
        finding(f, OK, "folder", NULL, "%s (%s): the parts of a file become one map", folder, type);
    else if (grown || master)
        finding(f, OK, "folder", NULL,
                "%s (%s): mmap side by side %s, growing the neighbour %s, a copy of a master map %s",
                folder, type, side ? "merges" : "does not merge", grown ? "does" : "does not",
                master ? "does" : "does not");
    else
        finding(f, PROBLEM, "folder", "another filesystem for files that are mapped in parts",
                "%s (%s): the parts of a file stay maps of their own", folder, type);
}

void examine_folder(struct findings *f, const char *folder)
{
    char type[64];
    mount_type(folder, type, sizeof type);
    int fd = nameless_file(folder);
    if (fd < 0) {
        finding(f, NOTE, "folder", "a folder that you may write to",
                "%s (%s): not examined: no file can be made there: %s", folder, type,
                strerror(errno));
        return;
    }
    say_what_merges(f, folder, type, fd);
    close(fd);
}
