/*
 * explain: the causes, in order, each with its own numbers.
 *
 * The rules are the kernel's: may_expand_vm, mlock_future_ok and accountable_mapping (mm/mmap.c,
 * mm/vma.c), do_mlock (mm/mlock.c), __vm_enough_memory (mm/util.c), hugetlb_acct_memory.
 */
#define _GNU_SOURCE
#include "policy/explain.h"

#include <errno.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/fmt.h"
#include "base/log.h"
#include "base/sys.h"
#include "model/canary.h"
#include "model/count.h"
#include "model/gaps.h"
#include "model/hugepool.h"
#include "model/model.h"
#include "model/procmaps.h"
#include "model/procstat.h"

#define EVERY_MS 60000
#define LOOKS_A_SECOND 50
#define BECAUSE 640
#define GAP_WORTH_READING (1UL << 30)
#define GAP_SLACK (4UL << 20) /* alignment, and what stays free below a stack */
#define MREMAP_SPARE 5        /* mremap that moves wants so many maps free */
#define CAN_IPC_LOCK (1UL << 14)

/* Of the calling thread: the first one may be gone, and the files of the process empty then. */
#define STATUS_FILE "/proc/thread-self/status"

enum { GROWS = 1, CHARGES = 2, LOCKS = 4 };

/* What the kernel checks in a call, but for the number of maps. */
static const struct {
    const char *name;
    unsigned checks;
} kinds[] = {
    { "mmap", GROWS | CHARGES | LOCKS }, { "mremap", GROWS | CHARGES | LOCKS },
    { "mprotect", CHARGES }, { "pkey_mprotect", CHARGES },
    { "mlock", LOCKS }, { "mlock2", LOCKS }, { "mlockall", LOCKS },
};

/* A failed call, as the causes look at it. */
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

/* Private and writable: what RLIMIT_DATA counts. What mremap moves may be, mprotect's range too. */
static bool is_data(const struct failure *f)
{
    int flags = f->call->flags, prot = f->call->prot;
    if (!flags)
        return (f->checks & CHARGES) && ((f->checks & GROWS) || (prot & PROT_WRITE));
    return (flags & MAP_TYPE) == MAP_PRIVATE && (prot & PROT_WRITE);
}

/* ---- the map limit ---- */

static bool map_limit(const struct failure *f, char *because, size_t size)
{
    struct count_known known;
    count_known(&known);
    /* A move wants spare maps, which the canary does not. */
    bool move = strcmp(f->call->name, "mremap") == 0 && f->call->error == -ENOMEM &&
                known.limit > 0 &&
                known.bound >= known.limit - MREMAP_SPARE;
    if (!f->full && !move)
        return false;
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (limit < 0) {
        fmt(because, size, "the process has as many maps as vm.max_map_count allows (it cannot be "
            "read here: is /proc mounted?)");
        return true;
    }
    if (known.growth.peak < limit)
        known.growth.peak = limit;
    size_t at = fmt(because, size, "the process has %ld maps, all that vm.max_map_count = %ld "
                    "allows; to raise it: sysctl -w vm.max_map_count=%ld (for a container, on its "
                    "host)", limit, limit, growth_advice(&known.growth));
    if (known.growth.an_hour)
        at += fmt(because + at, size - at, "; they grew by %ld an hour", known.growth.an_hour);
    if (known.words[0])
        fmt(because + at, size - at, "; %s", known.words);
    return true;
}

/* ---- limits of the process ---- */

static const struct process_limit {
    int resource;
    const char *name, *what, *label, *unit;
    char ulimit;
} by_size = { RLIMIT_AS, "RLIMIT_AS", "address space", "VmSize", "LimitAS", 'v' },
  by_data = { RLIMIT_DATA, "RLIMIT_DATA", "private writable memory", "VmData", "LimitDATA", 'd' },
  by_lock = { RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", "locked memory", "VmLck", "LimitMEMLOCK", 'l' };

/* used, in KiB, and the call's length do not fit under the limit. */
static bool over(const struct process_limit *l, unsigned long used, size_t len, char *because,
                 size_t size)
{
    unsigned long limit = sys_rlimit(l->resource), wanted = used + kib(len);
    if (limit == RLIM_INFINITY || used == PROCSTAT_NONE || wanted <= limit / 1024)
        return false;
    fmt(because, size, "%s allows %lu KiB of %s and the process has %lu KiB (%s in /proc/self/"
        "status), %lu KiB too much with this call; to raise it: ulimit -%c %lu or more (or "
        "unlimited), %s=infinity in a systemd unit", l->name, limit / 1024, l->what, used, l->label,
        wanted - limit / 1024, l->ulimit, wanted, l->unit);
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
    return is_data(f) && f->call->error == -ENOMEM &&
           over(&by_data, used_of(&by_data), f->len, because, size);
}

/* mmap and mremap say EAGAIN, the others ENOMEM, which may also be a hole in the range. All say
 * EPERM where the limit is 0. */
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
    struct procstat now[] = { { "VmLck", 0, false }, { "VmSize", 0, false },
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

/* vm.overcommit_memory = 2. Some of the limit is kept for the repair of a machine that is full. */
static bool over_commit_limit(unsigned long wanted, unsigned long limit, unsigned long promised,
                              char *because, size_t size)
{
    unsigned long admin = procstat_number("/proc/sys/vm/admin_reserve_kbytes");
    unsigned long user = procstat_number("/proc/sys/vm/user_reserve_kbytes");
    unsigned long kept = (admin == PROCSTAT_NONE ? 0 : admin) + (user == PROCSTAT_NONE ? 0 : user);
    if (limit == PROCSTAT_NONE || promised == PROCSTAT_NONE || promised + wanted + kept < limit)
        return false;
    fmt(because, size, "vm.overcommit_memory = 2 promises no more than CommitLimit = %lu KiB, and "
        "Committed_AS = %lu KiB are promised (/proc/meminfo); up to %lu KiB stay in reserve; to "
        "promise more: sysctl -w vm.overcommit_memory=0, or a larger vm.overcommit_ratio, or swap",
        limit, promised, kept);
    return true;
}

static bool overcommit(const struct failure *f, char *because, size_t size)
{
    enum { RAM, SWAP, LIMIT, PROMISED };
    struct procstat memory[] = { { "MemTotal", 0, false }, { "SwapTotal", 0, false },
                                 { "CommitLimit", 0, false }, { "Committed_AS", 0, false } };
    int flags = f->call->flags;
    bool shared_memory = (flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) != MAP_PRIVATE;
    if (!(is_data(f) || shared_memory) || (flags & MAP_HUGETLB) || f->call->error != -ENOMEM)
        return false;
    unsigned long mode = procstat_number("/proc/sys/vm/overcommit_memory");
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
    fmt(because, size, "vm.overcommit_memory = 0 allows no call to ask for more than RAM and swap "
        "together, MemTotal + SwapTotal = %lu KiB (/proc/meminfo); to allow it: sysctl -w "
        "vm.overcommit_memory=1 (for a container, on its host), or MAP_NORESERVE in the program",
        ram + swap);
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
    size_t at = fmt(because, size, "it wants %lu huge pages of %lu KiB, and of %lu in the pool %lu "
                    "are free and %lu of those reserved (%s); to enlarge the pool: ", wanted,
                    pool.page, pool.total, pool.free, pool.reserved,
                    pool.usual ? "/proc/meminfo" : "/sys/kernel/mm/hugepages");
    unsigned long enough = pool.total + wanted - left;
    if (pool.usual)
        fmt(because + at, size - at, "sysctl -w vm.nr_hugepages=%lu", enough);
    else
        fmt(because + at, size - at, "echo %lu > /sys/kernel/mm/hugepages/hugepages-%lukB/"
            "nr_hugepages", enough, pool.page);
    return true;
}

/* ---- the address space itself ---- */

static bool no_gap(const struct failure *f, char *because, size_t size)
{
    static struct log_limit reading;
    unsigned more;
    if (!(f->checks & GROWS) || f->call->error != -ENOMEM || f->len < GAP_WORTH_READING ||
        !log_allowed(&reading, EVERY_MS, &more))
        return false;
    size_t gap = gaps_largest();
    if (!gap || f->len + GAP_SLACK <= gap)
        return false;
    fmt(because, size, "the largest free range of the address space has %zu bytes (/proc/self/"
        "maps); no setting gives more: map less at once, or release large reservations first", gap);
    return true;
}

/* ---- all of them ---- */

static const struct {
    bool (*is)(const struct failure *f, char *because, size_t size);
    enum log_level level;
} causes[] = {
    { map_limit, LOG_ERROR },
    { address_space_limit, LOG_WARNING },
    { data_limit, LOG_WARNING },
    { lock_limit, LOG_WARNING },
    { overcommit, LOG_WARNING },
    { huge_pages, LOG_WARNING },
    { no_gap, LOG_WARNING },
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
    log_line(level | LOG_ABOUT_REFUSAL, "%s%s %s%s: %s", call->name, size,
             call->error ? "failed" : "was refused a split, and honoured without", again, because);
}

/* A program may call and fail as fast as it can: only some of that is looked into. */
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
    if (!(f.full || f.checks) || !may_look())
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
