/*
 * examine_kernel: what this kernel can do for the library.
 */
#define _GNU_SOURCE
#include "command/host/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "model/procmaps.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* linux/fs.h of 6.11, for older headers. */
struct query {
    uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
    uint32_t major, minor, name_size, build_id_size;
    uint64_t name, build_id;
};
#define QUERY_MAP _IOWR('f', 17, struct query)

static void examine_release(struct findings *f)
{
    struct utsname name;
    if (uname(&name) == 0)
        finding(f, OK, "kernel", NULL, "%s %s on %s", name.sysname, name.release, name.machine);
}

static void examine_limit(struct findings *f)
{
    const long kernels_default = 65530;
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (limit < 0)
        finding(f, PROBLEM, "limit", "mount /proc",
                PROCMAPS_LIMIT_PATH " cannot be read (%s): the library cannot count against it",
                strerror((int)-limit));
    else if (limit <= kernels_default)
        finding(f, NOTE, "limit",
                "what cannot be herded (many files) needs more: sysctl -w vm.max_map_count=262144"
                " on the host, and the same in /etc/sysctl.d for good",
                "vm.max_map_count is %s%s", grouped(limit),
                limit == kernels_default ? ", the kernel's default" : "");
    else
        finding(f, OK, "limit", NULL, "vm.max_map_count is %s", grouped(limit));
}

static void examine_noreplace(struct findings *f, size_t page)
{
    char *taken = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *again = mmap(taken, page, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (again == MAP_FAILED && errno == EEXIST)
        finding(f, OK, "placement", NULL, "MAP_FIXED_NOREPLACE is honoured");
    else
        finding(f, NOTE, "placement", "Linux 4.17 or newer",
                "MAP_FIXED_NOREPLACE is not honoured: each address has to be verified");
    if (again != MAP_FAILED)
        munmap(again, page);
    munmap(taken, page);
}

static void examine_guards(struct findings *f, size_t page)
{
    char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (madvise(memory, page, MADV_GUARD_INSTALL) == 0)
        finding(f, OK, "guards", NULL, "MADV_GUARD_INSTALL works: guard pages need not cost maps");
    else
        finding(f, NOTE, "guards", "Linux 6.13 or newer",
                "MADV_GUARD_INSTALL does not work: each guard page costs two maps");
    munmap(memory, page);
}

static void examine_query(struct findings *f)
{
    enum { MAP_AT_OR_BEHIND = 0x10 };
    struct query q = { .size = sizeof q, .flags = MAP_AT_OR_BEHIND, .address = (uintptr_t)&q };
    int fd = open(PROCMAPS_SELF, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        finding(f, PROBLEM, "proc", "mount /proc", PROCMAPS_SELF ": %s", strerror(errno));
    else if (ioctl(fd, QUERY_MAP, &q) == 0)
        finding(f, OK, "query", NULL, "PROCMAP_QUERY works: one map can be looked at alone");
    else
        finding(f, NOTE, "query", "Linux 6.11 or newer",
                "PROCMAP_QUERY does not work: the whole list has to be read");
    if (fd >= 0)
        close(fd);
}

void examine_kernel(struct findings *f)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    examine_release(f);
    examine_limit(f);
    examine_noreplace(f, page);
    examine_guards(f, page);
    examine_query(f);
}
