/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * engine: see engine.h.
 *
 * Rules: A range leaves the model before it leaves the kernel, and enters it afterwards (model.h).
 * No lock is held over the program's own call. After a call that failed half way, the kernel is
 * asked what it did, or the model forgets the range.
 */
#define _GNU_SOURCE
#include "entry/engine.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

#include "common/pages.h"
#include "disk/overlays.h"
#include "disk/prealloc.h"
#include "disk/spill.h"
#include "disk/zeros.h"
#include "entry/call.h"
#include "entry/capabilities.h"
#include "entry/gate.h"
#include "entry/taken.h"
#include "herd/guards.h"
#include "herd/placement.h"
#include "herd/retention.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "limit/reserve.h"
#include "space/count.h"
#include "space/model.h"
#include "space/pressure.h"
#include "space/regions.h"
#include "tell/log.h"
#include "trace/leaks.h"
#include "trace/record.h"

/* The program calls: its mappings may have to be recorded from here on. The gate comes first: it
 * notices a fork that ran no handlers, after which the record is the parent's. */
static bool call_comes(void)
{
    if (!gate_open())
        return false;
    record_before();
    return true;
}

/* ---- mmap ---- */

static uint32_t kind_of(int prot, int flags)
{
    const int unknown = MAP_GROWSDOWN | MAP_SYNC;
    return ((uint32_t)prot & REGION_PROT) |
           ((flags & MAP_TYPE) != MAP_PRIVATE ? REGION_SHARED : 0) |
           (flags & MAP_ANONYMOUS ? REGION_ANONYMOUS : 0) |
           (flags & MAP_NORESERVE ? REGION_NORESERVE : 0) | (flags & MAP_STACK ? REGION_STACK : 0) |
           ((flags & MAP_LOCKED) || call_locks_future() ? REGION_LOCKED : 0) |
           ((flags & unknown) || ((uint32_t)prot & ~(uint32_t)REGION_PROT) ? REGION_FOREIGN : 0);
}

/* Enters a mapping that no capability has placed. lone: its request, if it is a chunk that
 * placement is to remember; else NULL. replaces: a VMA went for it. */
static void enter_plain(uintptr_t at, size_t len, int prot, int flags,
                        const struct map_request *lone, bool replaces)
{
    uintptr_t end = page_up(at + len);
    struct region *r = NULL;
    if (cold_tracks())
        cold_replaced(at, end);
    if (!gate_take(at, end))
        return;
    if (flags & MAP_HUGETLB) /* the kernel rounds len up to a page size that is not known here */
        regions_forget(at, end);
    else
        r = regions_add(at, end, NULL, kind_of(prot, flags));
    if (r && lone)
        placement_remember(lone, r);
    if (replaces)
        count_replaced();
    else
        count_add(1);
    model_drop();
}

/* MAP_FIXED: the new mapping replaces what lies there. */
static long map_over(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    uintptr_t end;
    struct taken old;
    if (!call_is_valid(addr, len, &end))
        return sys_mmap(addr, len, prot, flags, fd, offset);
    cold_forgo(addr, end); /* other threads may be using it until it is replaced */
    taken_begin(&old, addr, end);
    long answer = sys_mmap(addr, len, prot, flags, fd, offset);
    if (sys_failed(answer)) {
        taken_stays(&old);
        return answer;
    }
    taken_gone(&old);
    enter_plain((uintptr_t)answer, len, prot, flags, NULL, old.fewer);
    return answer;
}

static long map_fixed(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    uintptr_t end;
    bool sound = call_is_valid(addr, len, &end);
    if (sound)
        spill_return(addr, end);
    long answer;
    do {
        bool entered = retained_enter();
        answer = map_over(addr, len, prot, flags, fd, offset);
        retained_leave(entered);
    } while (retention_makes_room(answer));
    if (sound)
        retention_tidy(addr, end);
    return answer;
}

/* The program names an address that must be free, or that it would like. What is retained there is
 * free to it. False: it cannot be made so, because the limit does not allow the split. */
static bool make_free(uintptr_t addr, size_t len)
{
    uintptr_t start = page_up(addr), end = page_up(start + len);
    return !start || end <= start || call_give_back(start, end);
}

static long end_mmap(struct map_request *q, long answer)
{
    if (sys_failed(answer))
        return call_end_of(
            &(struct failed_call){ "mmap", answer, q->len, q->prot, q->flags, q->addr, q->own });
    if (!(q->flags & MAP_ANONYMOUS))
        spill_mapped((uintptr_t)answer, page_up((uintptr_t)answer + q->len), q);
    if (leaks_on())
        leaks_mapped((uintptr_t)answer, q->len, q);
    call_settle_due();
    return answer;
}

/* In a sandbox: spilled pages that could not be returned are not pages of the new mapping. */
static long note_new(long answer, size_t len)
{
    if (!sys_failed(answer) && gate_helpless())
        spill_forget_abandoned((uintptr_t)answer, page_up((uintptr_t)answer + len));
    return answer;
}

static long map(struct map_request *q)
{
    uintptr_t addr = q->addr;
    size_t len = q->len;
    int prot = q->prot, flags = q->flags, fd = q->fd;
    off_t offset = (off_t)q->offset;
    if (!call_comes())
        return note_new(sys_mmap(addr, len, prot, flags, fd, offset), len);
    long answer;
    bool herded = !(flags & MAP_ANONYMOUS) && !q->own; /* a file, for the program */
    long refusal = herded ? prealloc_map(q) : 0;
    if (refusal)
        return end_mmap(q, refusal);
    if ((flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE))
        return end_mmap(q, map_fixed(addr, len, prot, flags, fd, offset));
    if (addr && !make_free(addr, len) && (flags & MAP_FIXED_NOREPLACE))
        return end_mmap(q, -ENOMEM);
    if (herded) {
        long at = placement_map(q);
        if (at != PLACEMENT_DECLINED) {
            if (!sys_failed(at) && pressure_actions().fill)
                retention_fill(q, (uintptr_t)at, page_up((uintptr_t)at + len));
            return end_mmap(q, at);
        }
        refusal = flags & MAP_FIXED_NOREPLACE ? 0 : reserve_answer(len);
        if (refusal) {
            count_settle();
            return refusal;
        }
    }
    do
        answer = sys_mmap(addr, len, prot, flags, fd, offset);
    while (sys_failed(answer) && retention_makes_room(answer));
    if (!sys_failed(answer)) {
        /* New memory has no guards. Those known there went in a call that no hook saw: glibc
         * unmaps the stacks of threads that way. */
        if (guards_any())
            guards_drop(guards_take((uintptr_t)answer, page_up((uintptr_t)answer + len)));
        enter_plain((uintptr_t)answer, len, prot, flags, q->lone ? q : NULL, false);
        /* Its file may have pages in the spill file. */
        if (herded && cold_may_be() && !overlays_any())
            cold_mapped(q, (uintptr_t)answer);
    }
    return end_mmap(q, answer);
}

long engine_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    struct map_request q;
    request_start(&q, addr, len, prot, flags, fd, (uint64_t)offset);
    return map(&q);
}

long engine_mmap_own(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    struct map_request q;
    request_start(&q, addr, len, prot, flags, fd, (uint64_t)offset);
    q.own = true;
    return map(&q);
}

/* ---- munmap ---- */

/*
 * munmap. *full: the kernel refused it for the map limit, and the range may be retained instead.
 * Another thread may make room between the refusal and the question about the limit: then munmap is
 * tried again.
 */
static long try_unmap(uintptr_t start, size_t len, bool *full)
{
    enum { TRIES = 4 };
    long answer = -ENOMEM;
    *full = false;
    for (int n = 0; answer == -ENOMEM && !*full && n < TRIES; n++) {
        answer = sys_munmap(start, len);
        *full = answer == -ENOMEM && call_may_relieve();
    }
    return answer;
}

static long unmap(uintptr_t addr, uintptr_t end)
{
    struct taken t;
    bool full = false;
    /* Another thread may have cut a part of the range out to give it back. Then it is unmapped,
     * or in the model again, before this range is cut out. */
    bool entered = regions_ever_retained() && retained_enter();
    taken_begin(&t, addr, end);
    if (entered)
        retained_leave(true);
    long answer = t.seen ? try_unmap(addr, end - addr, &full) : sys_munmap(addr, end - addr);
    if (full && taken_is_retained(&t)) {
        explain_failure(&(struct failed_call){ .name = "munmap", .len = end - addr });
        return 0;
    }
    if (answer < 0)
        taken_stays(&t);
    else
        taken_gone(&t);
    if (t.seen && regions_retained_bytes())
        retention_tidy(addr, end);
    return answer;
}

long engine_munmap(uintptr_t addr, size_t len)
{
    uintptr_t end;
    bool sound = call_is_valid(addr, len, &end), ours = call_comes();
    if (!ours && sound && gate_helpless())
        spill_forget_abandoned(addr, end);
    if (!ours || !sound)
        return sys_munmap(addr, len);
    if (overlays_any())
        spill_return(addr, end);
    if (pressure_actions().fill) {
        ledger_chain mappings = leaks_on() ? leaks_leave(addr, end) : 0;
        if (retention_retain(addr, end)) {
            leaks_left(mappings);
            return call_end(0, "munmap", len);
        }
        leaks_stay(mappings, addr, end - addr, addr, end - addr);
    }
    return call_end(unmap(addr, end), "munmap", len);
}

/* ---- mremap ---- */

/* mremap(old_len = 0): makes a second mapping of what is at addr. */
static long duplicate(uintptr_t addr, size_t new_len, int flags, uintptr_t to)
{
    long answer = sys_mremap(addr, 0, new_len, flags, to);
    uintptr_t at = (uintptr_t)answer, end = page_up(at + new_len);
    if (!sys_failed(answer) && gate_take(at, end)) {
        struct region *original = regions_from(addr);
        uint32_t kind = original && original->start <= addr ? original->kind : REGION_FOREIGN;
        regions_add(at, end, NULL, kind);
        count_add(1);
        model_drop();
    }
    if (!sys_failed(answer) && leaks_on())
        leaks_copied(at, new_len, addr);
    return answer;
}

/* mremap(MREMAP_DONTUNMAP), or one with old_len 0 and an address: the old range stays, and the new
 * one has the same flags. */
static void enter_second(uintptr_t at, size_t len, uint32_t kind)
{
    if (!gate_take(at, at + len))
        return;
    regions_add(at, at + len, NULL, kind);
    count_add(3);
    model_drop();
}

/* mremap of pages [addr, end). to_end: the end of the new place, 0 where the program does not name
 * one. */
static long remap_known(uintptr_t addr, uintptr_t end, size_t old_len, size_t new_len, int flags,
                        uintptr_t to, uintptr_t to_end)
{
    struct taken from, over;
    bool stays = (flags & MREMAP_DONTUNMAP) || !old_len;
    size_t pages = page_up(new_len);
    if (to_end) {
        cold_forgo(to, to_end);
        taken_begin(&over, to, to_end);
    }
    taken_begin_move(&from, addr, old_len ? end : addr, stays ? end - addr : pages);
    uint32_t kind = from.regions ? from.regions->kind : REGION_FOREIGN;
    long answer = sys_mremap(addr, old_len, new_len, flags, to);
    uintptr_t at = (uintptr_t)answer;
    if (sys_failed(answer)) {
        taken_stays(&from);
        if (to_end)
            taken_stays(&over);
        return answer;
    }
    if (to_end)
        taken_gone(&over);
    if (!stays) {
        taken_moved(&from, at, pages);
        return answer;
    }
    taken_left_behind(&from, at);
    enter_second(at, pages, kind);
    return answer;
}

static long remap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to)
{
    uintptr_t end, to_end = 0;
    bool fixed = flags & MREMAP_FIXED;
    if (!call_comes() || (fixed && !call_is_valid(to, new_len, &to_end)) ||
        page_up(new_len) < new_len)
        return sys_mremap(addr, old_len, new_len, flags, to);
    /* The kernel moves or grows one VMA only, and puts no markers into a second mapping: with
     * plain guards it answers as it does without mapherd. */
    if (((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) || page_up(new_len) > page_up(old_len)) &&
        call_is_valid(addr, old_len ? old_len : new_len, &end))
        call_make_guards_plain(addr, end);
    if (!call_is_valid(addr, old_len ? old_len : 1, &end))
        return sys_mremap(addr, old_len, new_len, flags, to);
    uintptr_t grown = addr + page_up(new_len);
    if (regions_retained_bytes() && !call_give_back(addr, end))
        return call_end(-EFAULT, "mremap", new_len);
    if (!fixed && grown > end)
        call_give_back(end, grown); /* the range may grow in place */
    spill_return(addr, end);
    if (fixed)
        spill_return(to, to_end);
    /* An overlay does not grow with its file, and cannot be mapped a second time. */
    bool more = !old_len || (flags & MREMAP_DONTUNMAP) || page_up(new_len) > end - addr;
    if (more && overlays_over(addr, end))
        return call_end(-EFAULT, "mremap", new_len);
    if (!old_len && !fixed)
        return call_end(duplicate(addr, new_len, flags, to), "mremap", new_len);
    long answer;
    do {
        bool entered = fixed && retained_enter();
        answer = remap_known(addr, end, old_len, new_len, flags, to, to_end);
        retained_leave(entered);
    } while (retention_makes_room(answer));
    retention_tidy(addr, end);
    if (fixed)
        retention_tidy(to, to_end);
    new_len = page_up(new_len);
    /* Without a lock, because a JVM is asked for its frames. */
    if (!sys_failed(answer) && ((flags & MREMAP_DONTUNMAP) || !old_len) && leaks_on())
        leaks_copied((uintptr_t)answer, new_len, old_len ? 0 : addr);
    return call_end(answer, "mremap", new_len > end - addr ? new_len - (end - addr) : 0);
}

long engine_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to)
{
    uintptr_t end;
    if (call_is_valid(addr, old_len ? old_len : new_len, &end))
        cold_forgo(addr, end);
    long answer = remap(addr, old_len, new_len, flags, to);
    if (!sys_failed(answer) && overlays_any() && gate_open())
        spill_moved((uintptr_t)answer, page_up((uintptr_t)answer + new_len));
    return answer;
}

/* ---- what is not about ranges ---- */

void engine_exit(void)
{
    if (!gate_helpless() && gate_is_ours())
        capabilities_end();
}

bool engine_thread_ends(void)
{
    return !gate_helpless() && gate_is_ours() && cold_thread_ends();
}

int engine_status(int status)
{
    return gate_helpless() || !gate_is_ours() ? status : zeros_end(status);
}

/* A file with spilled pages or zeros is len bytes long now. */
static void cut_overlays(long known, const struct stat *st, off_t len)
{
    if (known == 0)
        spill_trim(st, (uint64_t)len);
    zeros_settle();
}

long engine_ftruncate(int fd, off_t len)
{
    struct stat st;
    long answer = gate_open() ? prealloc_truncate(fd, len) : sys_ftruncate(fd, len);
    if (answer == 0 && overlays_any() && gate_open())
        cut_overlays(sys_fstat(fd, &st), &st, len);
    return answer;
}

long engine_truncate(const char *path, off_t len)
{
    struct stat st;
    long answer = sys_truncate(path, len);
    if (answer == 0 && overlays_any() && gate_open())
        cut_overlays(sys_stat(path, &st), &st, len);
    return answer;
}

#define WRITE_ZEROES 0x80 /* FALLOC_FL_WRITE_ZEROES, Linux 6.17 */

/*
 * fallocate(2) of a file with spilled pages. What it makes zeros must be zeros in the spill file,
 * too, which would bring it back otherwise. What moves the contents of the file first writes what
 * is in the page cache; while spilled pages cannot be written, it fails as if that had failed.
 */
long engine_fallocate(int fd, int mode, off_t offset, off_t len, engine_fallocate_ask *ask)
{
    const int moves = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE,
              zeros = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | WRITE_ZEROES;
    struct stat st;
    if (!(mode & (moves | zeros)) || !overlays_any() || !gate_open() || sys_fstat(fd, &st) < 0)
        return ask(fd, mode, offset, len);
    int error = mode & moves ? spill_return_file(&st) : 0;
    if (error)
        return -error;
    if (!(mode & zeros))
        return ask(fd, mode, offset, len);
    struct spill_zeroed z = { .from = (uint64_t)offset, .to = (uint64_t)offset + (uint64_t)len };
    enum { TRIES = 100 };
    for (unsigned tries = 0; tries < TRIES; tries++) {
        spill_zero_begin(&st, &z);
        long answer = ask(fd, mode, offset, len);
        if (answer == 0)
            answer = spill_zero_end(&st, &z);
        if (answer != -EAGAIN)
            return answer;
    }
    return -EINTR; /* the program makes the call again */
}

/* With SHM_REMAP the segment replaces what lies there, as with MAP_FIXED. Without, the range has
 * to be free. */
long engine_shmat(int id, uintptr_t addr, int flags)
{
    size_t len;
    struct taken old;
    if (!addr || !call_comes() || sys_shm_size(id, &len) != 0)
        return sys_shmat(id, addr, flags);
    uintptr_t start = page_down(addr), end = page_up(addr + len);
    bool over = end > start && (flags & SHM_REMAP);
    if (end > start)
        call_give_back(start, end);
    if (over) {
        cold_forgo(start, end);
        taken_begin(&old, start, end);
    }
    long answer = sys_shmat(id, addr, flags);
    if (over && sys_failed(answer))
        taken_stays(&old);
    else if (over)
        taken_gone(&old);
    if (over && !sys_failed(answer) && gate_take(start, end)) {
        count_add(1);
        model_drop();
    }
    return call_end(answer, "shmat", len);
}

void engine_limits(long pid, int resource, const void *set)
{
    const struct rlimit *limit = set;
    if (resource == RLIMIT_NOFILE && set && gate_open() && gate_is_ours() &&
        (!pid || pid == sys_getpid()) && sys_readable((uintptr_t)&limit->rlim_max))
        cold_limit_files(limit->rlim_max);
}

/* What is retained counts against RLIMIT_AS, though the program has unmapped it. */
long engine_prlimit(long pid, int resource, const void *set, void *before)
{
    engine_limits(pid, resource, set);
    long answer = sys_prlimit(pid, resource, set, before);
    if (answer == 0 && set && resource == RLIMIT_AS && gate_open() &&
        sys_rlimit(RLIMIT_AS) != RLIM_INFINITY)
        retention_give_all_back();
    return answer;
}

long engine_flock(int fd, int operation)
{
    if (gate_open())
        placement_flocked(fd);
    return sys_flock(fd, operation);
}

bool engine_sandboxes(int option, unsigned long a)
{
    return (option == PR_SET_SECCOMP || (option == PR_SET_NO_NEW_PRIVS && a == 1)) && gate_open() &&
           gate_is_ours();
}

bool engine_filters(unsigned long operation, unsigned long filter)
{
    return (operation == SECCOMP_SET_MODE_STRICT ||
            (operation == SECCOMP_SET_MODE_FILTER && filter)) &&
           gate_open() && gate_is_ours();
}

void engine_enter_sandbox(void)
{
    call_make_guards_plain(0, UINTPTR_MAX - page_size + 1); /* nothing lifts the markers later */
    log_line(EVENT_sandboxed,
             "the program sandboxes itself: everything passes through from here on");
    capabilities_withdraw();
    gate_close(MAPHERD_SANDBOXED);
}
