/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cold: see cold.h.
 *
 * coldset.h has the mappings, coldwhich.h says which they may be, coldturns.h which of them become
 * cold and when, and coldswitch.h does it. Here is what the program does meanwhile: maps and calls,
 * faults and forks.
 */
#include "limit/cold.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "common/due.h"
#include "common/fmt.h"
#include "common/pages.h"
#include "kernel/keepers.h"
#include "kernel/lock.h"
#include "kernel/sys.h"
#include "limit/coldset.h"
#include "limit/coldspare.h"
#include "limit/coldswitch.h"
#include "limit/coldturns.h"
#include "limit/coldwhich.h"
#include "space/count.h"
#include "space/tree.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

static bool future_locked;  /* mlockall(MCL_FUTURE) is in force */
static long not_bequeathed; /* why a forked child lacks files, as -errno; or 0 */

/* Lock held. */
static void track(const struct map_request *q, uintptr_t at, uint32_t kind, struct held *file)
{
    struct stat now;
    long answer = coldswitch_start();
    if (answer == 0)
        answer = keepers_hold(q->fd);
    if (answer < 0) {
        cold_refused = answer;
        return;
    }
    file->file = (unsigned)answer;
    file->base = at - q->offset;
    /* Another thread may have given the number to another file meanwhile. */
    bool same = sys_fstat(q->fd, &now) == 0 && now.st_dev == q->st.st_dev &&
                now.st_ino == q->st.st_ino && (!file->anew || coldswitch_open_anew(file) == 0);
    struct region *r = same ? coldset_add(at, page_up(at + q->len), file, kind) : NULL;
    if (r)
        turns_begin(r);
    else
        keepers_drop(file->file);
}

void cold_mapped(struct map_request *q, uintptr_t at)
{
    struct held file;
    uint64_t mask;
    uint32_t kind = which_kind(q);
    if (!cold_may_be() || !which_may(kind) || __atomic_load_n(&future_locked, __ATOMIC_RELAXED) ||
        !which_file(q, &file) || !coldswitch_passes(false) || !coldset_take(&mask))
        return;
    track(q, at, kind, &file);
    bool over = turns_wanted();
    coldset_drop(mask);
    if (over || cold_refused)
        due_set(DUE_COLD);
}

/* ---- the fault ---- */

/*
 * Whether a thread may try again although the mapping is warm: another thread may have made it so
 * since the fault. One that faults at the same address again, and the mapping was not cold
 * meanwhile, has a fault of another kind.
 */
static bool may_be_late(const struct region *r, uintptr_t addr)
{
    static struct {
        uintptr_t addr;
        uint64_t warmed;
        int thread;
    } late[64];
    unsigned n = (unsigned)lock_thread() % 64;
    if (late[n].thread == lock_thread() && late[n].addr == addr && late[n].warmed == r->warmed)
        return false;
    late[n].thread = lock_thread();
    late[n].addr = addr;
    late[n].warmed = r->warmed;
    return true;
}

bool cold_fault(uintptr_t addr)
{
    uint64_t mask;
    if (!cold_tracks() || !coldset_take(&mask))
        return false;
    struct region *r = coldset_find(addr);
    bool again = r && (range_is_cold(r) ? turns_warm(r) : may_be_late(r, addr));
    /* One instruction may need several mappings at once. */
    if (again && turns_due())
        turns_cool(COLD_BATCH, COLD_YOUNG);
    coldset_drop(mask);
    return again;
}

/* ---- the limit ---- */

bool cold_makes_room(void)
{
    uint64_t mask;
    unsigned done = 1;
    while (done && count_refuses_files()) {
        if (!cold_tracks() || !coldset_take(&mask))
            return false;
        done = cold_state == COLD_OVER ? 0 : turns_cool(COLD_BATCH, 0);
        coldset_drop(mask);
    }
    return !count_refuses_files();
}

/* Tells once that it has begun, and once what it could not do. */
static void tell(void)
{
    static bool told_begun, told_why, told_fork;
    if (cold_state == COLD_BEGUN && !__atomic_exchange_n(&told_begun, true, __ATOMIC_RELAXED))
        log_line(
            EVENT_cold,
            "mappings of files that were not used lately are cold from now on: they take no VMA, "
            "and are mapped again at the first access (MAPHERD_COLD); %u of %u mappings are cold",
            cold_count, cold_tracked_count);
    if (cold_refused && !__atomic_exchange_n(&told_why, true, __ATOMIC_RELAXED))
        log_line(EVENT_cold_failed,
                 "a mapping of a file could not become cold, or warm again: %s (error %ld)",
                 cold_refused == -EACCES ? "/proc does not show what threads wait for, because the "
                                           "process is not dumpable (prctl(2))"
                                         : reason_of(-cold_refused),
                 -cold_refused);
    if (not_bequeathed && !__atomic_exchange_n(&told_fork, true, __ATOMIC_RELAXED))
        log_line(EVENT_cold_fork,
                 "a forked child did not get all files of cold mappings, and opens them by its "
                 "parent's entry in /proc, if that is possible then: %s (error %ld)",
                 reason_of(-not_bequeathed), -not_bequeathed);
}

bool cold_settle(void)
{
    uint64_t mask;
    if (!cold_tracks() || !coldset_take(&mask))
        return false;
    if (turns_due())
        turns_cool(COLD_BATCH, 0);
    bool more = turns_wanted();
    if (cold_state == COLD_BEGUN && !(more && turns_due()))
        coldspare_take();
    coldset_drop(mask);
    tell();
    return more;
}

/* ---- the program's calls ---- */

void cold_reach(const void *at, size_t len)
{
    uintptr_t start = (uintptr_t)at;
    uint64_t mask;
    if (!cold_any() || !len || !coldset_take(&mask))
        return;
    turns_warm_all(start, start + len < start ? UINTPTR_MAX : start + len);
    coldset_drop(mask);
}

bool cold_begin_use(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_tracks() || end <= start || !coldset_take(&mask))
        return false;
    bool noted = turns_begin_use(start, end);
    turns_warm_all(start, end);
    coldset_drop(mask);
    return noted;
}

bool cold_in(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_any() || !coldset_take(&mask))
        return false;
    struct region *r = tree_from(&coldset, start);
    while (r && r->start < end && !range_is_cold(r))
        r = r->after;
    bool any = r && r->start < end;
    coldset_drop(mask);
    return any;
}

void cold_end_use(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!turns_any_use() || !coldset_take(&mask))
        return;
    turns_end_use(start, end);
    coldset_drop(mask);
}

/* Makes the ranges warm, and takes them out of the tree. Lock held. Where one cannot be mapped, it
 * stays. */
static void forgo(uintptr_t start, uintptr_t end)
{
    turns_warm_all(start, end);
    tree_split_at(&coldset, start);
    tree_split_at(&coldset, end);
    for (struct region *r = tree_from(&coldset, start), *next; r && r->start < end; r = next) {
        next = r->after;
        if (!range_is_cold(r))
            tree_remove(&coldset, r);
    }
    coldset_counted();
}

void cold_forgo(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_tracks() || !coldset_take(&mask))
        return;
    forgo(start, end);
    coldset_drop(mask);
}

void cold_forgo_file(dev_t dev, ino_t ino)
{
    uint64_t mask;
    if (!cold_tracks() || !coldset_take(&mask))
        return;
    uintptr_t at = 0;
    for (struct region *r; (r = tree_from(&coldset, at));) {
        at = r->end;
        if ((!r->held->dev || r->held->dev == dev) && r->held->ino == ino)
            forgo(r->start, r->end);
    }
    coldset_drop(mask);
}

void cold_end_change(uintptr_t start, uintptr_t end, long answer, uint32_t clear, uint32_t set)
{
    uint64_t mask;
    if ((!cold_tracks() && !turns_any_use()) || !coldset_take(&mask))
        return;
    turns_end_use(start, end);
    bool changed = answer == 0 && (clear | set);
    if (answer < 0) {
        forgo(start, end);
    } else if (changed) {
        tree_split_at(&coldset, start);
        tree_split_at(&coldset, end);
        for (struct region *r = tree_from(&coldset, start); r && r->start < end; r = r->after)
            r->kind = (r->kind & ~(clear & ~(uint32_t)COLD)) | set;
        uintptr_t at = start;
        for (struct region *r; (r = tree_from(&coldset, at)) && r->start < end;) {
            at = r->end;
            if (!which_may(r->kind))
                forgo(r->start, r->end);
        }
    }
    coldset_drop(mask);
}

struct region *cold_cut(uintptr_t start, uintptr_t end)
{
    uint64_t mask;
    if (!cold_tracks() || !coldset_take(&mask))
        return NULL;
    tree_split_at(&coldset, start);
    tree_split_at(&coldset, end);
    for (struct region *r = tree_from(&coldset, start); r && r->start < end; r = r->after) {
        if (!range_is_cold(r))
            continue;
        coldset_count(r, -1);
        r->kind = (r->kind & ~(uint32_t)COLD) | CUT_COLD;
    }
    struct region *cut = tree_cut(&coldset, start, end);
    coldset_counted();
    coldset_drop(mask);
    return cut;
}

void cold_replaced(uintptr_t start, uintptr_t end)
{
    cold_gone(cold_cut(start, end));
}

void cold_gone(struct region *cut)
{
    uint64_t mask;
    if (!cut || !coldset_take(&mask))
        return;
    tree_drop_all(&coldset, cut);
    coldset_drop(mask);
}

void cold_stays(struct region *cut)
{
    uint64_t mask;
    if (!cut || !coldset_take(&mask))
        return;
    for (struct region *r = cut, *rest; r; r = rest) {
        rest = r->left;
        r->left = NULL;
        bool was_cold = r->kind & CUT_COLD;
        r->kind &= ~(uint32_t)CUT_COLD;
        tree_insert(&coldset, r);
        if (was_cold) {
            r->kind |= COLD;
            coldset_count(r, 1);
        } else {
            coldset_wait(r);
        }
    }
    coldset_counted();
    coldset_drop(mask);
}

/* ---- start, fork and end ---- */

void cold_start(bool handled)
{
    struct sys_action now;
    if (!handled || options.mode == MODE_OBSERVE || !which_any() ||
        sys_sigaction(SIGBUS, NULL, &now) < 0)
        return;
    uintptr_t room = coldset_start();
    if (!room)
        return;
    keepers_start(room);
    turns_start(now.handler);
    if (options.seccomp == SECCOMP_START)
        coldswitch_passes(true);
}

void cold_lock_future(bool on)
{
    __atomic_store_n(&future_locked, on, __ATOMIC_RELAXED);
}

void cold_withdraw(void)
{
    uint64_t mask;
    if (cold_state == COLD_NEVER || !coldset_take(&mask))
        return;
    forgo(0, UINTPTR_MAX);
    coldspare_give();
    if (!cold_any())
        keepers_end();
    turns_end();
    coldset_drop(mask);
    if (cold_any())
        log_line(EVENT_cold_left,
                 "%u mappings stay cold, because the limit allows no more that are warm; no other "
                 "mapping becomes cold from now on",
                 cold_count);
}

void cold_limit_files(uint64_t hard)
{
    enum { OTHERS = 128 }; /* descriptors of a table that has the files: the program's, sockets */
    uint64_t mask;
    if (cold_state == COLD_NEVER || !coldset_take(&mask))
        return;
    keepers_settle();
    bool few = keepers_threads() && hard < keepers_files() + OTHERS;
    coldset_drop(mask);
    if (few)
        cold_withdraw();
}

bool cold_thread_ends(void)
{
    uint64_t mask;
    if (cold_state == COLD_NEVER || !coldset_take(&mask))
        return false;
    bool first = sys_gettid() == sys_getpid(), alone = keepers_thread_ends(first);
    if (alone || !first || !keepers_threads())
        coldset_drop(mask);
    else
        lock_drop(&coldset_lock); /* no handler may jump out of the end of the thread */
    return alone;
}

void cold_follow(void)
{
    uint64_t mask;
    if (cold_state == COLD_NEVER || !coldset_take(&mask))
        return;
    long answer = keepers_follow();
    coldset_drop(mask);
    if (answer < 0)
        log_line(
            EVENT_cold_rights,
            "a thread of mapherd keeps users or capabilities that the program has given up: %s "
            "(error %ld)",
            reason_of(-answer), -answer);
}

/* The child has no VMA of what is cold: the open files go with it. */
static void bequeath(void)
{
    for (struct region *r = tree_from(&coldset, 0); r; r = r->after)
        if (range_is_cold(r))
            keepers_bequeath(r->held->file);
    coldswitch_bequeath();
    keepers_before_fork();
}

void cold_before_fork(void)
{
    lock_take(&coldset_lock);
    keepers_settle();
    if (cold_any())
        bequeath();
}

void cold_fork_ended(void)
{
    if (!lock_mine(&coldset_lock))
        return;
    long answer = keepers_fork_ended();
    if (answer < 0 && !not_bequeathed) {
        not_bequeathed = answer;
        due_set(DUE_COLD);
    }
    lock_drop(&coldset_lock);
}

/* What a child has made warm and cold itself: a rate since it began would be that of its parent. */
static void begin_counts(void)
{
    STATUS_SET(cooled, 0);
    STATUS_SET(warmed, 0);
    STATUS_SET(cold_early, 0);
    STATUS_SET(cold_spared, 0);
    STATUS_SET(cold_failed, 0);
    STATUS_SET(cold_lost, 0);
}

void cold_after_fork(void)
{
    bool held = lock_owner(&coldset_lock) != 0;
    lock_reset(&coldset_lock);
    turns_forget_uses();
    if (held && !lock_mine(&coldset_lock)) {
        coldset_forget();
        turns_end();
    }
    keepers_after_fork();
    begin_counts();
    if (!cold_any())
        coldswitch_forget();
}
