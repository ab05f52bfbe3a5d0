/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * explain: each cause by its numbers, up to their borders, in order, and not too often.
 */
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "fakespace.h"
#include "kernel/canary.h"
#include "kernel/sys.h"
#include "limit/explain.h"
#include "space/count.h"
#include "tell/log.h"
#include "tell/options.h"
#include "world.h"

#define KIB 1024UL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static char status[256], meminfo[512], overcommit[8];

/* A machine and a process with nothing that forbids anything. */
static int plenty(void **state)
{
    static uint64_t story; /* of which each test has its own hours: what is said is remembered */
    world_setup(state);
    story += 100 * 60000;
    fake_now_ms = story;
    strcpy(status, "VmSize:\t 1000 kB\nVmLck:\t 8 kB\nVmData:\t 500 kB\n"
                   "CapEff:\t0000000000000000\n");
    strcpy(meminfo, "MemTotal: 1000000 kB\nSwapTotal: 24 kB\nCommitLimit: 500000 kB\n"
                    "Committed_AS: 100000 kB\nHugePages_Total: 0\nHugePages_Free: 0\n"
                    "HugePages_Rsvd: 0\nHugepagesize: 2048 kB\n");
    strcpy(overcommit, "0\n");
    fake_text("/proc/thread-self/status", status, 0);
    fake_text("/proc/meminfo", meminfo, 0);
    fake_text("/proc/sys/vm/overcommit_memory", overcommit, 0);
    fake_text("/proc/sys/vm/admin_reserve_kbytes", "8000\n", 0);
    fake_text("/proc/sys/vm/user_reserve_kbytes", "2000\n", 0);
    fake_text("/proc/sys/vm/max_map_count", "1000\n", 0);
    options.log_level = LOG_DEBUG;
    log_start("prog");
    canary_start(0);
    return 0;
}

static struct failed_call mapping(size_t len, int prot, int flags)
{
    return (struct failed_call){ "mmap", -ENOMEM, len, prot, flags, 0, false };
}

static struct failed_call other(const char *name, size_t len, long error)
{
    return (struct failed_call){ .name = name, .error = error, .len = len };
}

/* What is said of a call, "" if nothing. Each has a minute of its own. */
static const char *said(struct failed_call call)
{
    size_t before = strlen(fake_written());
    fake_now_ms += 60000;
    explain_failure(&call);
    return fake_written() + before;
}

static void says(struct failed_call call, const char *text, int line)
{
    const char *words = said(call);
    if (text ? !strstr(words, text) : *words)
        fail_msg("line %d: '%s', not '%s'", line, words, text ? text : "");
}

#define SAYS(...) says(__VA_ARGS__, __LINE__)
#define UNKNOWN(...) says(__VA_ARGS__, "debug: ", __LINE__)
#define SILENT(...) says(__VA_ARGS__, NULL, __LINE__)

static void no_cause(void **state)
{
    (void)state;
    SAYS(mapping(4096, RW, ANON), "debug: mmap of 4096 bytes failed: cause not known");
    UNKNOWN(other("mremap", 4096, -ENOMEM));
    UNKNOWN(other("mlock", 4096, -ENOMEM));
    UNKNOWN(mapping(4096, RW, ANON | MAP_LOCKED));
    SILENT(other("madvise", 4096, -ENOMEM));
    SILENT(other("munmap", 4096, -ENOMEM));
    SILENT(other("mlock", 4096, -EPERM));
    SILENT(other("mprotect", 4096, -EPERM));
}

static void rlimit_as(void **state)
{
    (void)state;
    fake_rlimits[RLIMIT_AS] = 1100 * KIB;
    UNKNOWN(mapping(100 * KIB, PROT_NONE, ANON)); /* it fits */
    SAYS(mapping(100 * KIB + 1, PROT_NONE, ANON),
         "warning: mmap of 102401 bytes failed: RLIMIT_AS "
         "allows 1100 KiB of address space and the process has 1000 KiB (VmSize in /proc/self/"
         "status), 4 KiB too much with this call; to raise it: ulimit -v 1104 or more");
    SAYS(other("mremap", 200 * KIB, -ENOMEM), "RLIMIT_AS");
    UNKNOWN(other("mprotect", 200 * KIB, -ENOMEM)); /* makes nothing larger */
    fake_rlimits[RLIMIT_AS] = 900 * KIB;            /* lowered below what there is */
    SAYS(mapping(4096, PROT_NONE, ANON), "104 KiB too much");
}

static void rlimit_data(void **state)
{
    (void)state;
    fake_rlimits[RLIMIT_DATA] = 600 * KIB;
    SAYS(mapping(104 * KIB, RW, ANON),
         "RLIMIT_DATA allows 600 KiB of private writable memory and "
         "the process has 500 KiB (VmData in /proc/self/status), 4 KiB too much");
    UNKNOWN(mapping(100 * KIB, RW, ANON));
    UNKNOWN(mapping(104 * KIB, PROT_READ, ANON));
    UNKNOWN(mapping(104 * KIB, RW, MAP_SHARED));
    UNKNOWN(mapping(104 * KIB, RW, ANON | MAP_GROWSDOWN));
    fake_rlimits[RLIMIT_DATA] = 0;
    UNKNOWN(mapping(104 * KIB, RW, ANON)); /* the hard limit counts then, whatever it is */
    fake_rlimits[RLIMIT_DATA] = 600 * KIB;
    struct failed_call protect = other("mprotect", 104 * KIB, -ENOMEM);
    UNKNOWN(protect);
    protect.prot = RW;
    SAYS(protect, "mprotect of 106496 bytes failed: RLIMIT_DATA");
}

static void rlimit_memlock(void **state)
{
    (void)state;
    struct failed_call map = mapping(60 * KIB, RW, ANON | MAP_LOCKED);
    map.error = -EAGAIN;
    UNKNOWN(map);
    fake_rlimits[RLIMIT_MEMLOCK] = 64 * KIB;
    SAYS(map,
         "RLIMIT_MEMLOCK allows 64 KiB of locked memory and the process has 8 KiB (VmLck in "
         "/proc/self/status), 4 KiB too much with this call; to raise it: ulimit -l 68 or more (or "
         "unlimited), LimitMEMLOCK=infinity");
    SAYS(other("mlock", 60 * KIB, -ENOMEM), "RLIMIT_MEMLOCK");
    SAYS(other("mlock2", 60 * KIB, -ENOMEM), "RLIMIT_MEMLOCK");
    SAYS(other("mremap", 60 * KIB, -EAGAIN), "RLIMIT_MEMLOCK");
    SAYS(other("mlockall", 0, -ENOMEM), "mlockall failed: RLIMIT_MEMLOCK");
    UNKNOWN(other("mlock", 56 * KIB, -ENOMEM));
    UNKNOWN(other("mlock", 60 * KIB, -EAGAIN)); /* not the limit: it could not be read in */
    SILENT(other("mlock", 60 * KIB, -EPERM));
    fake_rlimits[RLIMIT_MEMLOCK] = 0;
    SAYS(other("mlock", 4 * KIB, -EPERM), "allows 0 KiB of locked memory");
    map.error = -EPERM;
    SAYS(map, "allows 0 KiB of locked memory");
    map.flags = MAP_PRIVATE;
    SILENT(map); /* a sealed file, or one on a noexec mount */
    strcpy(strstr(status, "CapEff"), "CapEff:\t0000000000004000\n");
    UNKNOWN(other("mlock", 60 * KIB, -ENOMEM));
}

static void heuristic_overcommit(void **state)
{
    (void)state;
    UNKNOWN(mapping(1000024 * KIB, RW, ANON));
    SAYS(mapping(1000028 * KIB, RW, ANON),
         "vm.overcommit_memory = 0 allows no call to ask for "
         "more than RAM and swap together, MemTotal + SwapTotal = 1000024 KiB (/proc/meminfo); to "
         "allow it: sysctl -w vm.overcommit_memory=1");
    SAYS(mapping(1000028 * KIB, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS), "vm.overcommit_memory = 0");
    UNKNOWN(mapping(1000028 * KIB, PROT_READ, ANON));
    UNKNOWN(mapping(1000028 * KIB, RW, MAP_SHARED));
    UNKNOWN(mapping(1000028 * KIB, RW, ANON | MAP_NORESERVE));
    strcpy(overcommit, "1\n");
    UNKNOWN(mapping(1000028 * KIB, RW, ANON));
}

static void strict_overcommit(void **state)
{
    (void)state;
    strcpy(overcommit, "2\n");
    UNKNOWN(mapping(391964 * KIB, RW, ANON));
    const char *why = "vm.overcommit_memory = 2 promises no more than CommitLimit = 500000 KiB, "
                      "and Committed_AS = 100000 KiB are promised (/proc/meminfo); 8031 KiB stay";
    SAYS(mapping(391972 * KIB, RW, ANON), why); /* VmSize / 32 and root's are kept */
    SAYS(mapping(391972 * KIB, RW, ANON | MAP_NORESERVE), why); /* which this mode ignores */
    strcpy(strstr(status, "CapEff"), "CapEff:\t0000000000200000\n");
    UNKNOWN(mapping(391972 * KIB, RW, ANON)); /* root's is root's */
    SAYS(mapping(399972 * KIB, RW, ANON), "31 KiB stay in reserve");
}

static void huge_pool(void **state)
{
    (void)state;
    char *pool = strstr(meminfo, "HugePages_Total");
    SAYS(mapping(3 * 2048 * KIB, RW, ANON | MAP_HUGETLB),
         "info: mmap of 6291456 bytes failed: it wants 3 huge pages of 2048 KiB, and "
         "of 0 in the pool 0 are free and 0 of those reserved (/proc/meminfo); to enlarge the "
         "pool: sysctl -w vm.nr_hugepages=3");
    strcpy(pool, "HugePages_Total: 10\nHugePages_Free: 6\nHugePages_Rsvd: 2\n"
                 "Hugepagesize: 2048 kB\n");
    UNKNOWN(mapping(4 * 2048 * KIB, RW, ANON | MAP_HUGETLB));
    SAYS(mapping(4 * 2048 * KIB + 1, RW, ANON | MAP_HUGETLB), "wants 5 huge pages");
    SAYS(mapping(5 * 2048 * KIB, RW, ANON | MAP_HUGETLB), "vm.nr_hugepages=11");
    UNKNOWN(mapping(4 * GIB, RW, ANON | MAP_HUGETLB | MAP_HUGE_1GB)); /* a size not here */
    strcpy(meminfo, "MemTotal: 1000 kB\n");
    UNKNOWN(mapping(4 * 2048 * KIB, RW, ANON | MAP_HUGETLB));
}

/* All but 16 TiB of the fake's space is taken. */
static const size_t gap = 1UL << 44;
static void leave_a_gap(void)
{
    uintptr_t from = 0x10000, upto = 0x7ffff7fff000;
    uintptr_t middle = 0x300000000000;
    assert_false(sys_failed(sys_mmap(from, middle - from, PROT_NONE, ANON | MAP_FIXED, -1, 0)));
    assert_false(sys_failed(
        sys_mmap(middle + gap, upto - middle - gap, PROT_READ, ANON | MAP_FIXED, -1, 0)));
}

static void address_space(void **state)
{
    (void)state;
    leave_a_gap();
    long maps = fake_vma_count();
    SAYS(
        mapping(gap + 1, PROT_NONE, ANON),
        "warning: mmap of 17592186044417 bytes failed: no free range "
        "of the address space is as large: the largest one has 17592186044416 bytes (/proc/self/maps)");
    UNKNOWN(mapping(gap, PROT_NONE, ANON));
    UNKNOWN(other("mprotect", gap + 1, -ENOMEM));
    SAYS(other("mremap", gap + 1, -ENOMEM), "no free range of the address space is as large");
    /* Larger than all of it, whatever else would forbid it. */
    SAYS(mapping(1UL << 47, RW, ANON),
         "mmap of 140737488355328 bytes failed: the whole address space of "
         "a process has 140737488351232 bytes");
    SAYS(mapping(SIZE_MAX, RW, ANON), "the whole address space of a process has 140737488351232 "
                                      "bytes (47 bits); no setting gives more");
    /* At the place that was asked for. */
    struct failed_call fixed = mapping(4096, RW, ANON | MAP_FIXED);
    fixed.addr = 0x7ffff7fff000;
    SAYS(fixed, "no free range");
    fixed.addr = 0x20000;
    UNKNOWN(fixed); /* what lies there would have gone */
    assert_int_equal(fake_vma_count(), maps);
}

/* The walk came upon nothing: no limit is to blame. */
static void a_hole(void **state)
{
    (void)state;
    uintptr_t at = (uintptr_t)sys_mmap(0, 4 * FAKE_PAGE, PROT_NONE, ANON, -1, 0);
    fake_rlimits[RLIMIT_DATA] = KIB;
    struct failed_call call = other("mprotect", 4 * FAKE_PAGE, -ENOMEM);
    call.prot = RW;
    call.addr = at;
    SAYS(call, "RLIMIT_DATA");
    sys_munmap(at + FAKE_PAGE, FAKE_PAGE);
    SAYS(call, "debug: mprotect of 16384 bytes failed: part of the range is not mapped");
    call.name = "mlock";
    SAYS(call, "part of the range is not mapped");
    fake_rlimits[RLIMIT_MEMLOCK] = KIB; /* which mlock asks first */
    SAYS(call, "RLIMIT_MEMLOCK");
}

static void a_reading_is_rare(void **state)
{
    (void)state;
    leave_a_gap();
    said(mapping(gap + GIB, PROT_NONE, ANON));
    unsigned opened = fake_calls(FAKE_OPEN);
    struct failed_call call = mapping(gap + GIB, PROT_NONE, ANON);
    for (int i = 0; i < 10; i++) {
        fake_now_ms += 1000;
        explain_failure(&call);
    }
    assert_int_equal(fake_calls(FAKE_OPEN), opened + 10); /* "/" each, and no list */
}

static void place_canary(void)
{
    canary_start((uintptr_t)sys_mmap(0x200000000000, 3 * FAKE_PAGE, PROT_NONE, ANON, -1, 0));
}

static void map_limit(void **state)
{
    (void)state;
    uint64_t before = mapherd_status_block.enomem;
    place_canary();
    UNKNOWN(mapping(4096, RW, ANON));
    fake_limit = fake_vma_count();
    SAYS(
        mapping(4096, RW, ANON),
        "error: mmap of 4096 bytes failed: the process has 1000 maps, "
        "all that vm.max_map_count = 1000 allows; to raise it: sysctl -w vm.max_map_count=1048576\n");
    SAYS(other("munmap", 8192, 0), "munmap of 8192 bytes was refused a split, and honoured "
                                   "without: the process has 1000 maps");
    fake_rlimits[RLIMIT_AS] = 0;
    SAYS(mapping(4096, RW, ANON), "vm.max_map_count"); /* the first cause of the order */
    SILENT(other("mlock", 4096, -EPERM));
    assert_int_equal(mapherd_status_block.enomem, before + 3);
}

/* Who may change it, and where, by what the kernel answers and by the files of containers. */
static void where_to_type(void **state)
{
    (void)state;
    struct failed_call call = mapping(4096, RW, ANON);
    place_canary();
    fake_limit = fake_vma_count();
    SAYS(call, "; to raise it: sysctl -w vm.max_map_count=1048576\n");
    fake_may_write = -EACCES;
    SAYS(call, "; to raise it as root: sysctl -w vm.max_map_count=1048576\n");
    fake_text("/dev/termination-log", "", 0); /* a file alone is no pod */
    SAYS(call, "; to raise it as root: sysctl -w vm.max_map_count=1048576\n");
}

/* Nobody may change it here. */
static void where_others_type(void **state)
{
    (void)state;
    struct failed_call call = mapping(4096, RW, ANON);
    place_canary();
    fake_limit = fake_vma_count();
    fake_may_write = -EACCES;
    fake_text("/proc/self/mountinfo", "29 1 0:21 / /proc/sys ro,nosuid - proc proc rw\n", 0);
    SAYS(call, "; to raise it as root, outside of this service or container: sysctl -w vm.");
    fake_text("/run/.containerenv", "", 0);
    SAYS(call, "; to raise it on the host of this container: sysctl -w vm.");
    fake_text("/run/secrets/kubernetes.io", "", 0);
    SAYS(call, "; to raise it on the node of this pod (its securityContext cannot): sysctl -w vm.");
    fake_may_write = -EROFS; /* to root */
    SAYS(call, " on the node of this pod ");
    fake_may_write = 0; /* privileged */
    SAYS(call, "; to raise it: sysctl -w vm.max_map_count=1048576\n");
}

/* A limit of the process is set where it is started. */
static void where_to_set(void **state)
{
    (void)state;
    struct failed_call call = mapping(MIB, RW, ANON);
    fake_rlimits[RLIMIT_AS] = 100 * KIB;
    SAYS(call, "or more (or unlimited), LimitAS=infinity in a systemd unit\n");
    fake_text("/proc/self/mountinfo", "29 1 0:21 / /proc/sys ro,nosuid - proc proc rw\n", 0);
    fake_text("/.dockerenv", "", 0);
    SAYS(call, "or more (or unlimited), --ulimit as=-1 for the container\n");
    fake_text("/dev/termination-log", "", 0);
    SAYS(call,
         "LimitAS=infinity in the systemd unit of the container runtime on the node of this pod\n");
}

static void the_limit_without_proc(void **state)
{
    (void)state;
    place_canary();
    fake_limit = fake_vma_count();
    fake_fail(FAKE_OPEN, 0, -ENOENT);
    SAYS(mapping(4096, RW, ANON), "as many maps as vm.max_map_count allows (it cannot be read");
}

/* mremap is refused when five maps are left, which the canary does not notice. The upper bound may be too
 * high: it is not believed. */
static void the_limit_of_a_move(void **state)
{
    (void)state;
    static char buffer[COUNT_BUFFER];
    place_canary();
    fake_backing = true; /* a scan that names files uses memory of its own */
    count_start(buffer);
    struct count_known known;
    count_known(&known);
    count_add(994 - known.upper_bound);
    UNKNOWN(other("mremap", 0, -ENOMEM));
    count_add(1);
    UNKNOWN(other("mremap", 0, -ENOMEM)); /* by far too high */
    int fd = fake_open((struct fake_file){ .inode = 10, .size = FAKE_PAGE }, O_RDONLY);
    while (fake_vma_count() < 995)
        sys_mmap(0, FAKE_PAGE, PROT_READ, MAP_SHARED, fd, 0);
    count_known(&known);
    count_add(995 - known.upper_bound);
    SAYS(other("mremap", 0, -ENOMEM), "error: mremap failed: the process has 1000 maps");
    UNKNOWN(other("mremap", 0, -EAGAIN));
    UNKNOWN(mapping(4096, RW, ANON));
}

static void forbid_overcommit(void)
{
    strcpy(overcommit, "0\n");
}
static void forbid_data(void)
{
    fake_rlimits[RLIMIT_DATA] = MIB;
}
static void forbid_address_space(void)
{
    fake_rlimits[RLIMIT_AS] = MIB;
}
static void forbid_place(void)
{
    place_canary();
    sys_mmap(0x10000, 0x200000000000 - 0x10000, PROT_NONE, ANON | MAP_FIXED, -1, 0);
    sys_mmap(0x200000003000, 0x7ffff7fff000 - 0x200000003000, PROT_NONE, ANON | MAP_FIXED, -1, 0);
}
static void forbid_maps(void)
{
    fake_limit = fake_vma_count();
}

/* In the order of the kernel: what is named is the first that forbids the call, one by one. */
static void the_first_cause(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        void (*forbid)(void);
    } order[] = {
        { "debug: ", NULL },
        { "huge pages", NULL },
        { "vm.overcommit_memory", forbid_overcommit },
        { "RLIMIT_DATA", forbid_data },
        { "RLIMIT_AS", forbid_address_space },
        { "no free range", forbid_place },
        { "vm.max_map_count", forbid_maps },
    };
    struct failed_call call = mapping(2 * GIB, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (i == 1)
            call.flags = ANON | MAP_HUGETLB;
        else if (i == 2)
            call.flags = ANON;
        if (order[i].forbid)
            order[i].forbid();
        SAYS(call, order[i].words);
    }
}

static void once_a_minute_each(void **state)
{
    (void)state;
    fake_rlimits[RLIMIT_AS] = MIB;
    fake_rlimits[RLIMIT_MEMLOCK] = 64 * KIB;
    struct failed_call map = mapping(GIB, PROT_NONE, ANON), lock = other("mlock", GIB, -ENOMEM);
    SAYS(map, "RLIMIT_AS");
    size_t before = strlen(fake_written());
    for (int i = 0; i < 5; i++)
        explain_failure(&map);
    fake_now_ms += 59998;
    explain_failure(&map);
    assert_int_equal(strlen(fake_written()), before);
    explain_failure(&lock); /* another cause */
    assert_non_null(strstr(fake_written() + before, "RLIMIT_MEMLOCK"));
    SAYS(map, "mmap of 1073741824 bytes failed (and 6 more since it was last told): RLIMIT_AS");
}

/* A program may fail in a loop: that must not become a loop of scans. */
static void failing_fast_is_cheap(void **state)
{
    (void)state;
    fake_rlimits[RLIMIT_AS] = MIB;
    struct failed_call call = mapping(4096, PROT_NONE, ANON);
    unsigned before = fake_calls(FAKE_OPEN);
    for (int i = 0; i < 10000; i++)
        explain_failure(&call);
    unsigned looks = fake_calls(FAKE_OPEN) - before;
    assert_true(looks > 0 && looks <= 100);
    fake_now_ms += 1000;
    explain_failure(&call);
    assert_true(fake_calls(FAKE_OPEN) - before > looks);
}

static void without_proc(void **state)
{
    (void)state;
    fake_fail(FAKE_OPEN, 0, -ENOENT);
    fake_rlimits[RLIMIT_AS] = fake_rlimits[RLIMIT_DATA] = fake_rlimits[RLIMIT_MEMLOCK] = 0;
    UNKNOWN(mapping(1UL << 46, RW, ANON | MAP_HUGETLB));
    UNKNOWN(other("mlock", GIB, -ENOMEM));
}

static void errno_is_the_programs(void **state)
{
    (void)state;
    errno = 4321;
    said(mapping(1UL << 46, RW, ANON));
    assert_int_equal(errno, 4321);
}

#define PLENTY(test) cmocka_unit_test_setup(test, plenty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLENTY(no_cause),
        PLENTY(rlimit_as),
        PLENTY(rlimit_data),
        PLENTY(rlimit_memlock),
        PLENTY(heuristic_overcommit),
        PLENTY(strict_overcommit),
        PLENTY(huge_pool),
        PLENTY(address_space),
        PLENTY(a_hole),
        PLENTY(a_reading_is_rare),
        PLENTY(map_limit),
        PLENTY(where_to_type),
        PLENTY(where_others_type),
        PLENTY(where_to_set),
        PLENTY(the_limit_without_proc),
        PLENTY(the_limit_of_a_move),
        PLENTY(the_first_cause),
        PLENTY(once_a_minute_each),
        PLENTY(failing_fast_is_cheap),
        PLENTY(without_proc),
        PLENTY(errno_is_the_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
