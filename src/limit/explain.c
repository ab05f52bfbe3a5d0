/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * explain: the causes, in order, each with its own numbers. See explain.h.
 *
 * The conditions are those of the kernel: do_mmap (mm/mmap.c; the order is its), may_expand_vm,
 * mlock_future_ok and accountable_mapping (mm/mmap.c, mm/vma.c), do_mlock (mm/mlock.c),
 * mprotect_fixup (mm/mprotect.c), __vm_enough_memory (mm/util.c), hugetlb_acct_memory.
 */
#define _GNU_SOURCE
#include "limit/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/canary.h"
#include "kernel/procmaps.h"
#include "kernel/procstat.h"
#include "kernel/remedy.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/zone.h"
#include "tell/log.h"
#include "tell/status.h"

#define EVERY_MS 60000
#define LOOKS_A_SECOND 50
#define BECAUSE 640
#define MREMAP_SPARE 5 /* an mremap that moves needs so many VMAs below the limit */
#define CAN_IPC_LOCK (1UL << 14)
#define CAN_ADMINISTER (1UL << 21)

/* The file of the calling thread: if the first thread has ended, the files of the process are
 * empty. */
#define STATUS_FILE "/proc/thread-self/status"

#define OVERCOMMIT "/proc/sys/vm/overcommit_memory"

enum { GROWS = 1, CHARGES = 2, LOCKS = 4 };

/* What the kernel checks in a call, apart from the number of VMAs. */
static const struct {
    const char *name;
    unsigned checks;
} kinds[] = {
    { "mmap", GROWS | CHARGES | LOCKS },
    { "mremap", GROWS | CHARGES | LOCKS },
    { "mprotect", CHARGES },
    { "pkey_mprotect", CHARGES },
    { "mlock", LOCKS },
    { "mlock2", LOCKS },
    { "mlockall", LOCKS },
};

/* A failed call, and what all causes need of it. */
struct failure {
    const struct failed_call *call;
    unsigned checks;
    size_t len; /* in whole pages */
    bool full;  /* the canary cannot be split */
};

static unsigned long kib(unsigned long bytes)
{
    return bytes / 1024 + (bytes % 1024 != 0);
}

/* The call is about private writable memory that is no stack, which RLIMIT_DATA counts. What mremap
 * moves, and mprotect's range, may be such memory. */
static bool is_data(const struct failure *f)
{
    int flags = f->call->flags, prot = f->call->prot;
    if (!flags)
        return (f->checks & CHARGES) && ((f->checks & GROWS) || (prot & PROT_WRITE));
    return (flags & MAP_TYPE) == MAP_PRIVATE && (prot & PROT_WRITE) && !(flags & MAP_GROWSDOWN);
}

/* ---- the map limit ---- */

static void tell_of_maps(struct count_known *known, char *because, size_t size)
{
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (limit < 0) {
        fmt(because, size,
            "the process has as many maps as vm.max_map_count allows (it cannot be "
            "read here: is /proc mounted?)");
        return;
    }
    if (known->growth.peak < limit)
        known->growth.peak = limit;
    size_t at =
        fmt(because, size,
            "the process has %ld maps, all that vm.max_map_count = %ld "
            "allows; to raise it%s: sysctl -w vm.max_map_count=%ld",
            limit, limit, remedy_where(PROCMAPS_LIMIT_PATH), growth_advice(&known->growth, limit));
    if (known->growth.an_hour)
        at += fmt(because + at, size - at, "; they grew by %ld an hour", known->growth.an_hour);
    if (known->words[0])
        fmt(because + at, size - at, "; %s", known->words);
}

static bool map_limit(const struct failure *f, char *because, size_t size)
{
    struct count_known known;
    if (!f->full)
        return false;
    count_known(&known);
    tell_of_maps(&known, because, size);
    return true;
}

/* A move needs some VMAs below the limit, and the canary needs none. The upper bound may be too
 * high, so the count is measured before the cause is named. */
static bool no_spare_maps(const struct failure *f, char *because, size_t size)
{
    static struct log_limit scans;
    unsigned more;
    struct count_known known;
    if (strcmp(f->call->name, "mremap") != 0 || f->call->error != -ENOMEM)
        return false;
    for (int read = 0; read < 2; read++) {
        count_known(&known);
        if (known.limit <= 0 || known.upper_bound < known.limit - MREMAP_SPARE)
            return false;
        if (read == 0 && !log_allowed(&scans, EVERY_MS, &more))
            return false;
        if (read == 0)
            count_scan();
    }
    tell_of_maps(&known, because, size);
    return true;
}

/* ---- the range ---- */

/* A call that walks a range returns ENOMEM if a part is not mapped. So does msync, and with
 * MS_ASYNC it does nothing else (mm/msync.c). */
static bool hole_in_range(const struct failure *f, char *because, size_t size)
{
    uintptr_t start = page_down(f->call->addr), end = page_up(f->call->addr + f->call->len);
    if ((f->checks & GROWS) || !f->call->addr || !f->call->len || f->call->error != -ENOMEM ||
        end <= start || sys_msync(start, end - start, MS_ASYNC) != -ENOMEM)
        return false;
    fmt(because, size, "part of the range is not mapped");
    return true;
}

/* ---- limits of the process ---- */

static const struct process_limit {
    int resource;
    const char *name, *what, *label;
    const char *unit, *container; /* its names in a systemd unit, and for container engines */
    char ulimit;
} by_size = { RLIMIT_AS, "RLIMIT_AS", "address space", "VmSize", "LimitAS", "as", 'v' },
  by_data = { RLIMIT_DATA, "RLIMIT_DATA", "private writable memory", "VmData", "LimitDATA", "data",
              'd' },
  by_lock = {
      RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", "locked memory", "VmLck", "LimitMEMLOCK", "memlock", 'l'
  };

/* What sets the limit of a service, of a container, or of a pod. */
static void say_setting(const struct process_limit *l, char *text, size_t size)
{
    switch (remedy_host()) {
    case HOST_POD:
        fmt(text, size,
            "%s=infinity in the systemd unit of the container runtime on the node of this pod",
            l->unit);
        break;
    case HOST_CONTAINER: fmt(text, size, "--ulimit %s=-1 for the container", l->container); break;
    default: fmt(text, size, "%s=infinity in a systemd unit", l->unit);
    }
}

/* What is used, in KiB, and the call's length exceed the limit. */
static bool over(const struct process_limit *l, unsigned long used, size_t len, char *because,
                 size_t size)
{
    unsigned long limit = sys_rlimit(l->resource), wanted = used + kib(len);
    if (limit == RLIM_INFINITY || used == PROCSTAT_NONE || wanted <= limit / 1024)
        return false;
    size_t at = fmt(because, size,
                    "%s allows %lu KiB of %s and the process has %lu KiB (%s in /proc/self/"
                    "status), %lu KiB too much with this call; to raise it: ulimit -%c %lu or more "
                    "(or unlimited), ",
                    l->name, limit / 1024, l->what, used, l->label, wanted - limit / 1024,
                    l->ulimit, wanted);
    say_setting(l, because + at, size - at);
    return true;
}

static unsigned long used_of(const struct process_limit *l)
{
    struct procstat used = { l->label, 0, false };
    if (sys_rlimit(l->resource) == RLIM_INFINITY)
        return PROCSTAT_NONE;
    procstat_read(STATUS_FILE, &used, 1);
    return used.value;
}

static bool address_space_limit(const struct failure *f, char *because, size_t size)
{
    return (f->checks & GROWS) && f->call->error == -ENOMEM &&
           over(&by_size, used_of(&by_size), f->len, because, size);
}

static bool data_limit(const struct failure *f, char *because, size_t size)
{
    /* With a soft limit of 0 the kernel applies the hard limit. */
    return is_data(f) && f->call->error == -ENOMEM && sys_rlimit(RLIMIT_DATA) != 0 &&
           over(&by_data, used_of(&by_data), f->len, because, size);
}

/* mmap and mremap return EAGAIN. The others return ENOMEM, which may also mean a hole in the range.
 * All return EPERM if the limit is 0. */
static bool may_be_lock_limit(const struct failed_call *call, unsigned checks)
{
    bool grows = checks & GROWS;
    if (!(checks & LOCKS))
        return false;
    if (call->error == -EPERM)
        return (!grows || (call->flags & MAP_LOCKED)) && sys_rlimit(RLIMIT_MEMLOCK) == 0;
    return call->error == (grows ? -EAGAIN : -ENOMEM);
}

static bool lock_limit(const struct failure *f, char *because, size_t size)
{
    enum { LOCKED, MAPPED, RIGHTS };
    struct procstat now[] = { { "VmLck", 0, false },
                              { "VmSize", 0, false },
                              { "CapEff", 0, true } };
    if (!may_be_lock_limit(f->call, f->checks))
        return false;
    procstat_read(STATUS_FILE, now, sizeof now / sizeof *now);
    if (now[LOCKED].value == PROCSTAT_NONE || (now[RIGHTS].value & CAN_IPC_LOCK))
        return false;
    bool all = strcmp(f->call->name, "mlockall") == 0;
    size_t len = all ? (now[MAPPED].value - now[LOCKED].value) * 1024 : f->len;
    return over(&by_lock, now[LOCKED].value, len, because, size);
}

/* ---- what the machine promises ---- */

/* What is kept for the repair of a machine that is full: for root, and of this process's size. */
static unsigned long kept_in_reserve(void)
{
    enum { MAPPED, RIGHTS };
    struct procstat now[] = { { "VmSize", 0, false }, { "CapEff", 0, true } };
    unsigned long admin = procstat_number("/proc/sys/vm/admin_reserve_kbytes");
    unsigned long user = procstat_number("/proc/sys/vm/user_reserve_kbytes");
    procstat_read(STATUS_FILE, now, sizeof now / sizeof *now);
    if (now[MAPPED].value == PROCSTAT_NONE || user == PROCSTAT_NONE)
        user = 0;
    else if (now[MAPPED].value / 32 < user)
        user = now[MAPPED].value / 32;
    if (admin == PROCSTAT_NONE ||
        (now[RIGHTS].value != PROCSTAT_NONE && (now[RIGHTS].value & CAN_ADMINISTER)))
        admin = 0;
    return admin + user;
}

/* vm.overcommit_memory = 2 */
static bool over_commit_limit(unsigned long wanted, unsigned long limit, unsigned long promised,
                              char *because, size_t size)
{
    if (limit == PROCSTAT_NONE || promised == PROCSTAT_NONE)
        return false;
    unsigned long kept = kept_in_reserve();
    if (promised + wanted + kept < limit)
        return false;
    fmt(because, size,
        "vm.overcommit_memory = 2 promises no more than CommitLimit = %lu KiB, and "
        "Committed_AS = %lu KiB are promised (/proc/meminfo); %lu KiB stay in reserve; to "
        "promise more%s: sysctl -w vm.overcommit_memory=0, or a larger vm.overcommit_ratio, or swap",
        limit, promised, kept, remedy_where(OVERCOMMIT));
    return true;
}

static bool overcommit(const struct failure *f, char *because, size_t size)
{
    enum { RAM, SWAP, LIMIT, PROMISED };
    struct procstat memory[] = { { "MemTotal", 0, false },
                                 { "SwapTotal", 0, false },
                                 { "CommitLimit", 0, false },
                                 { "Committed_AS", 0, false } };
    int flags = f->call->flags;
    bool shared_memory = (flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) != MAP_PRIVATE;
    if (!(is_data(f) || shared_memory) || (flags & MAP_HUGETLB) || f->call->error != -ENOMEM)
        return false;
    unsigned long mode = procstat_number(OVERCOMMIT);
    if (mode != 2 && (mode != 0 || (flags & MAP_NORESERVE)))
        return false;
    procstat_read("/proc/meminfo", memory, sizeof memory / sizeof *memory);
    unsigned long wanted = kib(f->len);
    if (mode == 2)
        return over_commit_limit(wanted, memory[LIMIT].value, memory[PROMISED].value, because,
                                 size);
    unsigned long ram = memory[RAM].value, swap = memory[SWAP].value;
    if (ram == PROCSTAT_NONE || swap == PROCSTAT_NONE || wanted <= ram + swap)
        return false;
    fmt(because, size,
        "vm.overcommit_memory = 0 allows no call to ask for more than RAM and swap "
        "together, MemTotal + SwapTotal = %lu KiB (/proc/meminfo); to allow it%s: sysctl -w "
        "vm.overcommit_memory=1; or MAP_NORESERVE in the program",
        ram + swap, remedy_where(OVERCOMMIT));
    return true;
}

/* ---- huge pages ---- */

static bool huge_pages(const struct failure *f, char *because, size_t size)
{
    struct hugepool pool;
    unsigned shift = (unsigned)f->call->flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
    if (!(f->call->flags & MAP_HUGETLB) || f->call->error != -ENOMEM ||
        !hugepool_read(shift, &pool))
        return false;
    unsigned long wanted = (kib(f->len) + pool.page - 1) / pool.page;
    unsigned long left = pool.free > pool.reserved ? pool.free - pool.reserved : 0;
    if (wanted <= left)
        return false;
    size_t at = fmt(because, size,
                    "it wants %lu huge pages of %lu KiB, and of %lu in the pool %lu "
                    "are free and %lu of those reserved (%s); to enlarge the pool%s: ",
                    wanted, pool.page, pool.total, pool.free, pool.reserved,
                    pool.usual ? "/proc/meminfo" : "/sys/kernel/mm/hugepages",
                    remedy_where("/proc/sys/vm/nr_hugepages"));
    unsigned long enough = pool.total + wanted - left;
    if (pool.usual)
        fmt(because + at, size - at, "sysctl -w vm.nr_hugepages=%lu", enough);
    else
        fmt(because + at, size - at,
            "echo %lu > /sys/kernel/mm/hugepages/hugepages-%lukB/"
            "nr_hugepages",
            enough, pool.page);
    return true;
}

/* ---- the address space itself ---- */

/*
 * Asks the kernel for such a range in a way that cannot succeed: the kernel looks for a place
 * before it checks the access to the file, and this file cannot be written. So nothing is mapped,
 * and no other thread lacks that place for a moment. With MAP_FIXED the kernel would refuse as
 * late, but that is not risked.
 */
static bool has_place(const struct failed_call *call, size_t len)
{
    int flags = call->flags, fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    flags = MAP_SHARED | (fixed ? MAP_FIXED_NOREPLACE : 0);
#ifdef MAP_32BIT
    flags |= call->flags & MAP_32BIT;
#endif
    long fd = brief_open("/", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return true;
    long answer = sys_mmap(call->addr, len, PROT_WRITE, flags, (int)fd, 0);
    brief_close((int)fd);
    if (!sys_failed(answer)) /* another file has come to have this number */
        sys_munmap((uintptr_t)answer, len);
    return answer != -ENOMEM;
}

static bool no_gap(const struct failure *f, char *because, size_t size)
{
    static struct log_limit scans;
    unsigned more;
    if (!(f->checks & GROWS) || f->call->error != -ENOMEM)
        return false;
    bool never = f->call->len > zone_whole_space();
    if (!never && (!f->len || has_place(f->call, f->len)))
        return false;
    if (never) {
        fmt(because, size,
            "the whole address space of a process has %zu bytes (%d bits); no setting gives more: "
            "map less at once",
            zone_whole_space(), 64 - __builtin_clzl(zone_whole_space()));
        return true;
    }
    size_t at = fmt(because, size, "no free range of the address space is as large");
    size_t gap = log_allowed(&scans, EVERY_MS, &more) ? gaps_largest() : 0;
    if (gap && gap < f->len)
        at +=
            fmt(because + at, size - at, ": the largest one has %zu bytes (/proc/self/maps)", gap);
    fmt(because + at, size - at,
        "; no setting gives more: map less at once, or release large "
        "reservations first");
    return true;
}

/* ---- all of them ---- */

static const struct {
    bool (*is)(const struct failure *f, char *because, size_t size);
    enum log_level level;
} causes[] = {
    { map_limit, LOG_ERROR },
    { no_gap, LOG_WARNING },
    { lock_limit, LOG_WARNING },
    { hole_in_range, LOG_DEBUG },
    { address_space_limit, LOG_WARNING },
    { data_limit, LOG_WARNING },
    { overcommit, LOG_WARNING },
    { huge_pages, LOG_INFO }, /* JVMs and databases try them first, and do without */
    { no_spare_maps, LOG_ERROR },
};
#define CAUSES (sizeof causes / sizeof *causes)

static void tell(const struct failed_call *call, enum log_level level, const char *because,
                 struct log_limit *said)
{
    unsigned more;
    if (!log_allowed(said, EVERY_MS, &more))
        return;
    char size[32] = "", again[48] = "";
    if (call->len)
        fmt(size, sizeof size, " of %zu bytes", call->len);
    if (more)
        fmt(again, sizeof again, " (and %u more since it was last told)", more);
    log_line_at(level, EVENT_failed, "%s%s %s%s: %s", call->name, size,
                call->error ? "failed" : "was refused a split, and honoured without", again,
                because);
}

/* A program may make calls that fail as fast as it can. Only some of them are looked into. */
static bool may_look(void)
{
    static uint64_t second;
    static unsigned looks;
    uint64_t now = sys_now_ms() / 1000 + 1;
    if (__atomic_exchange_n(&second, now, __ATOMIC_RELAXED) != now)
        __atomic_store_n(&looks, 0, __ATOMIC_RELAXED);
    return __atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED) <= LOOKS_A_SECOND;
}

void explain_failure(const struct failed_call *call)
{
    static struct log_limit said[CAUSES + 1];
    char because[BECAUSE];
    struct failure f = { call, 0, page_up(call->len), false };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, call->name) == 0)
            f.checks = kinds[i].checks;
    if (call->error != -EPERM)
        f.full = canary_at_limit();
    if (f.full)
        STATUS_ADD(enomem, 1);
    if (!(f.full || (f.checks && !call->own)) || !may_look())
        return;
    for (size_t i = 0; i < CAUSES; i++) {
        if (causes[i].is(&f, because, sizeof because)) {
            tell(call, causes[i].level, because, &said[i]);
            return;
        }
    }
    if (call->error != -EPERM)
        tell(call, LOG_DEBUG, "cause not known: no limit that is asked for forbids it",
             &said[CAUSES]);
}
