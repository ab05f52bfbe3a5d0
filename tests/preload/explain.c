/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * explain: has one call refused for one cause, and says what the kernel tells of that cause.
 *
 *   explain CAUSE TIMES [FOLDER]
 *
 * It prints "NAME NUMBER" lines: library, errno, len, and, read from /proc by its own means, the
 * numbers that belong to the cause. A cause that cannot be had here: "not here: REASON".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "look.h"

#define KIB 1024UL
#define MIB (1024UL * KIB)
#define GIB (1024UL * MIB)
#define PAGE (4 * KIB)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int times;
static const char *folder;

static void tell(const char *name, unsigned long number)
{
    printf("%s %lu\n", name, number);
}

static void not_here(const char *why)
{
    printf("not here: %s\n", why);
    exit(0);
}

/* The number behind "label:" in a file of /proc. */
static unsigned long number(const char *file, const char *label)
{
    char line[4096];
    unsigned long value = 0;
    FILE *f = fopen(file, "re");
    if (!f)
        die("cannot read %s", file);
    bool found = false;
    while (!found && fgets(line, sizeof line, f))
        found = strncmp(line, label, strlen(label)) == 0 && line[strlen(label)] == ':' &&
                sscanf(line + strlen(label) + 1, "%lu", &value) == 1;
    fclose(f);
    if (!found)
        die("no %s in %s", label, file);
    return value;
}

static unsigned long status(const char *label)
{
    return number("/proc/self/status", label);
}

static unsigned long meminfo(const char *label)
{
    return number("/proc/meminfo", label);
}

static void set_limit(int resource, unsigned long bytes)
{
    struct rlimit limit = { bytes, RLIM_INFINITY };
    if (getrlimit(resource, &limit))
        die("getrlimit: %s", strerror(errno));
    limit.rlim_cur = bytes;
    if (setrlimit(resource, &limit))
        die("setrlimit: %s", strerror(errno));
    tell("limit", bytes / KIB);
}

static void drop_right_to_lock(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data))
        die("capget: %s", strerror(errno));
    data[0].effective &= ~(1U << CAP_IPC_LOCK);
    if (syscall(SYS_capset, &header, data))
        die("capset: %s", strerror(errno));
}

/* The call has to be refused, each time with the same errno. */
static void refused(bool failed, int times_done)
{
    static int first;
    int now = errno;
    if (!failed)
        die("the call was not refused");
    if (!times_done)
        first = now;
    if (now != first)
        die("errno is %d, was %d", now, first);
    if (times_done == times - 1)
        tell("errno", (unsigned long)first);
}

static void mmap_refused(size_t len, int prot, int flags)
{
    tell("len", len);
    for (int i = 0; i < times; i++)
        refused(mmap(NULL, len, prot, flags, -1, 0) == MAP_FAILED, i);
}

static void *mapped(size_t len, int prot)
{
    void *at = mmap(NULL, len, prot, ANON, -1, 0);
    if (at == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return at;
}

/* ---- the causes ---- */

static void as(void)
{
    set_limit(RLIMIT_AS, status("VmSize") * KIB + 64 * MIB);
    tell("used", status("VmSize"));
    mmap_refused(GIB + 1, PROT_NONE, ANON);
}

static void as_mremap(void)
{
    void *at = mapped(4 * MIB, PROT_READ);
    set_limit(RLIMIT_AS, status("VmSize") * KIB + 64 * MIB);
    tell("used", status("VmSize"));
    tell("len", GIB - 4 * MIB);
    for (int i = 0; i < times; i++)
        refused(mremap(at, 4 * MIB, GIB, MREMAP_MAYMOVE) == MAP_FAILED, i);
}

static void data(void)
{
    set_limit(RLIMIT_DATA, status("VmData") * KIB + 16 * MIB);
    tell("used", status("VmData"));
    mmap_refused(GIB, PROT_READ | PROT_WRITE, ANON);
}

static void data_mprotect(void)
{
    void *at = mapped(GIB, PROT_READ);
    set_limit(RLIMIT_DATA, status("VmData") * KIB + 16 * MIB);
    tell("used", status("VmData"));
    tell("len", GIB);
    for (int i = 0; i < times; i++)
        refused(mprotect(at, GIB, PROT_READ | PROT_WRITE) != 0, i);
}

static void lock_mmap(void)
{
    drop_right_to_lock();
    set_limit(RLIMIT_MEMLOCK, 64 * KIB);
    tell("used", status("VmLck"));
    mmap_refused(MIB, PROT_READ, ANON | MAP_LOCKED);
}

static void lock_mlock(void)
{
    char *at = mapped(MIB, PROT_READ);
    drop_right_to_lock();
    set_limit(RLIMIT_MEMLOCK, 64 * KIB);
    if (mlock(at, 8 * KIB))
        die("mlock: %s", strerror(errno));
    tell("used", status("VmLck"));
    tell("len", MIB - 8 * KIB);
    for (int i = 0; i < times; i++)
        refused(mlock(at + 8 * KIB, MIB - 8 * KIB) != 0, i);
}

static void lock_mlockall(void)
{
    drop_right_to_lock();
    set_limit(RLIMIT_MEMLOCK, 64 * KIB);
    tell("used", status("VmLck"));
    tell("len", 0);
    for (int i = 0; i < times; i++)
        refused(mlockall(MCL_CURRENT) != 0, i);
}

static void lock_none(void)
{
    char *at = mapped(MIB, PROT_READ);
    drop_right_to_lock();
    set_limit(RLIMIT_MEMLOCK, 0);
    tell("used", status("VmLck"));
    tell("len", MIB);
    for (int i = 0; i < times; i++)
        refused(mlock(at, MIB) != 0, i);
}

static void overcommit(void)
{
    FILE *f = fopen("/proc/sys/vm/overcommit_memory", "re");
    int mode = f ? fgetc(f) : EOF;
    if (mode != '0')
        not_here("vm.overcommit_memory is not 0");
    fclose(f);
    unsigned long all = meminfo("MemTotal") + meminfo("SwapTotal");
    tell("all", all);
    mmap_refused(all * KIB + GIB, PROT_READ | PROT_WRITE, ANON);
}

static void huge(void)
{
    unsigned long free = meminfo("HugePages_Free"), taken = meminfo("HugePages_Rsvd");
    unsigned long wanted = free - taken + 3, page = meminfo("Hugepagesize");
    tell("wanted", wanted);
    tell("page", page);
    tell("total", meminfo("HugePages_Total"));
    tell("free", free);
    tell("taken", taken);
    tell("enough", meminfo("HugePages_Total") + 3);
    mmap_refused(wanted * page * KIB, PROT_READ | PROT_WRITE, ANON | MAP_HUGETLB);
}

/* The size that is not the usual one, of 2 MiB and 1 GiB. */
static void huge_other(void)
{
    bool usual_is_2m = meminfo("Hugepagesize") == 2048;
    unsigned long page = usual_is_2m ? 1048576 : 2048;
    char path[128];
    snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%lukB", page);
    if (access(path, F_OK))
        not_here("the machine has huge pages of one size");
    tell("page", page);
    mmap_refused(1000 * page * KIB, PROT_READ | PROT_WRITE,
                 ANON | MAP_HUGETLB | (usual_is_2m ? MAP_HUGE_1GB : MAP_HUGE_2MB));
}

/* Bytes of the largest range that /proc/self/maps leaves free. */
static unsigned long largest_gap(void)
{
    static char buffer[1 << 16];
    char line[8192];
    unsigned long from, to, last = 64 * KIB, largest = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    if (!f)
        die("cannot read the maps");
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx", &from, &to) != 2)
            die("what is '%s'?", line);
        if (from - last > largest && !strstr(line, "[vsyscall]"))
            largest = from - last;
        last = to;
    }
    fclose(f);
    return largest;
}

static void gap(void)
{
    unsigned long largest = largest_gap();
    tell("gap", largest);
    mmap_refused(largest + GIB, PROT_NONE, ANON | MAP_NORESERVE);
}

/* Private and writable, so that overcommit would forbid it as well. */
static void space(void)
{
    mmap_refused(1UL << 58, PROT_READ | PROT_WRITE, ANON);
}

/* ---- the map limit ---- */

#define FILES 120
#define PIECES 150

static void deleted_files(void)
{
    for (int n = 0; n < FILES; n++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%d.dvd", folder, n);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, 2L * PIECES * (long)PAGE) || unlink(path))
            die("cannot make %s", path);
        for (long i = 0; i < PIECES; i++)
            if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * i * (long)PAGE) == MAP_FAILED)
                die("mmap: %s", strerror(errno));
        close(fd);
    }
}

/* Neighbours differ in protection, so that the kernel does not merge them. */
static bool map_page(long n)
{
    return mmap(NULL, PAGE, n % 2 ? PROT_READ : PROT_NONE, ANON, -1, 0) != MAP_FAILED;
}

static void maps(void)
{
    deleted_files();
    tell("dvd", FILES * PIECES);
    tell("len", PAGE);
    long n = 0;
    while (map_page(n))
        n++;
    for (int i = 0; i < times; i++) {
        errno = 0;
        refused(!map_page(n), i);
    }
    tell("maps", (unsigned long)look(NULL).maps);
}

/* ---- what has to be passed over in silence ---- */

static void expect(const char *what, bool ok)
{
    if (!ok)
        die("%s: %s", what, strerror(errno));
}

/* Calls that succeed, and calls that fail because nothing is mapped there. */
static void nothing(void)
{
    for (int i = 0; i < times; i++) {
        char *at = mapped(16 * PAGE, PROT_READ | PROT_WRITE);
        expect("mprotect", !mprotect(at + PAGE, PAGE, PROT_READ));
        expect("madvise", !madvise(at, PAGE, MADV_RANDOM));
        expect("mlock", !mlock(at, PAGE));
        expect("munlock", !munlock(at, PAGE));
        expect("munmap in the middle", !munmap(at + 8 * PAGE, PAGE));
        expect("mprotect over a hole", mprotect(at, 16 * PAGE, PROT_READ) && errno == ENOMEM);
        expect("madvise over a hole", madvise(at, 16 * PAGE, MADV_RANDOM) && errno == ENOMEM);
        expect("mlock over a hole", mlock(at, 16 * PAGE) && errno == ENOMEM);
        expect("msync over a hole", msync(at, 16 * PAGE, MS_ASYNC) && errno == ENOMEM);
        expect("munmap", !munmap(at, 16 * PAGE));
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} causes[] = {
    { "as", as },
    { "as-mremap", as_mremap },
    { "data", data },
    { "data-mprotect", data_mprotect },
    { "lock-mmap", lock_mmap },
    { "lock-mlock", lock_mlock },
    { "lock-mlockall", lock_mlockall },
    { "lock-none", lock_none },
    { "overcommit", overcommit },
    { "huge", huge },
    { "huge-other", huge_other },
    { "gap", gap },
    { "space", space },
    { "maps", maps },
    { "nothing", nothing },
};

int main(int argc, char **argv)
{
    /* Its own buffer, so that no later line needs memory of which there may be none. */
    static char buffer[1 << 16];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    if (argc < 3)
        die("usage: explain CAUSE TIMES [FOLDER]");
    times = atoi(argv[2]);
    folder = argv[3];
    tell("library", look(NULL).library);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (strcmp(causes[i].name, argv[1]) == 0) {
            causes[i].run();
            return 0;
        }
    }
    die("unknown cause %s", argv[1]);
}
