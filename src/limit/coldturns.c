/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldturns: see coldturns.h.
 */
#include "limit/coldturns.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

#include "kernel/keepers.h"
#include "kernel/lock.h"
#include "kernel/sys.h"
#include "limit/coldcount.h"
#include "limit/coldset.h"
#include "limit/coldspare.h"
#include "limit/coldswitch.h"
#include "space/count.h"
#include "tell/options.h"
#include "tell/status.h"

#define BATCH_BYTES (64UL << 20)
#define SPARED_MOST 7 /* rounds of the queue */
#define USES_MAX 1024

_Static_assert(COLD_SPARES >= 4 * COLD_YOUNG, "so many become warm that others make room");

bool cold_allowed;
enum cold_state cold_state;
long cold_refused;
static uintptr_t handler; /* of SIGBUS: the library's */
static uint64_t warmings; /* how often a mapping was made warm, and a turn has begun */

/* The calls that are using a range. */
static struct {
    uintptr_t start, end;
    int thread;
} uses[USES_MAX];
static unsigned use_count;

/* The lock is held: of one turn, and of one batch at a time. */
static struct {
    uint64_t newest; /* what was made warm later, or used, does not become cold in this turn */
    uint64_t number; /* of the turn, in warmings: what is in use has it, however much that is */
    unsigned adoptions;
} current;
static struct switched batch;
static struct {
    unsigned count;
    uintptr_t at[64];
} cold_referred;

/* After so many turns in vain, no other one comes before that time, or before so many warmings. */
static unsigned vain;
static uint64_t not_before; /* sys_now_ms */
static uint64_t not_before_warming;

/* The kernel has something else in the place of r: it is forgotten. */
static void lose(struct region *r)
{
    coldset_remove(r);
    STATUS_ADD(cold_lost, 1);
}

void turns_start(uintptr_t own)
{
    handler = own;
    cold_state = COLD_READY;
    cold_allowed = true;
    count_cools();
}

void turns_end(void)
{
    cold_state = COLD_OVER;
    __atomic_store_n(&cold_allowed, false, __ATOMIC_RELAXED);
}

/* ---- what is in use ---- */

static bool in_use(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < use_count; i++)
        if (uses[i].start < end && start < uses[i].end)
            return true;
    return false;
}

bool turns_begin_use(uintptr_t start, uintptr_t end)
{
    struct region *r = tree_from(&coldset, start);
    bool noted = r && r->start < end && use_count < USES_MAX;
    if (noted) {
        uses[use_count].start = start;
        uses[use_count].end = end;
        uses[use_count++].thread = lock_thread();
    }
    return noted;
}

/* Where the first mapping was tracked during the call, there is no such use. */
void turns_end_use(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < use_count; i++) {
        if (uses[i].start == start && uses[i].end == end && uses[i].thread == lock_thread()) {
            uses[i] = uses[--use_count];
            return;
        }
    }
}

bool turns_any_use(void)
{
    return use_count != 0;
}

void turns_forget_uses(void)
{
    use_count = 0;
}

/* ---- warm ---- */

static void put_last(struct region *r, uint64_t warmed)
{
    r->warmed = warmed;
    r->kind &= ~(uint32_t)WATCHED;
    coldset_wait(r);
}

void turns_begin(struct region *r)
{
    put_last(r, ++warmings);
}

static void advise(const struct region *r)
{
    static const struct {
        uint32_t bit;
        int advice;
    } given[] = {
        { REGION_RANDOM, MADV_RANDOM },     { REGION_SEQUENTIAL, MADV_SEQUENTIAL },
        { REGION_DONTDUMP, MADV_DONTDUMP }, { REGION_HUGE, MADV_HUGEPAGE },
        { REGION_NOHUGE, MADV_NOHUGEPAGE },
    };
    for (unsigned i = 0; i < sizeof given / sizeof *given; i++)
        if (r->kind & given[i].bit)
            sys_madvise(r->start, r->end - r->start, given[i].advice);
}

/* A range that is needed again before half of the others were: it was made cold too early. */
static void spare(struct region *r)
{
    size_t warm = coldset_warm_total();
    bool soon = warmings - r->warmed < warm / 2;
    r->overlay = soon ? (r->overlay * 2 + 1 < SPARED_MOST ? r->overlay * 2 + 1 : SPARED_MOST) : 0;
    if (soon)
        STATUS_ADD(cold_early, 1);
}

/* Maps the file of a cold range. Returns 0 if something is mapped there again, or -errno. */
static long map_again(struct region *r)
{
    bool odd;
    long at = coldswitch_map(r, &odd);
    if (at == -ESTALE || (at == 0 && odd)) {
        lose(r);
        return at;
    }
    if (sys_failed(at))
        return at;
    advise(r);
    coldset_count(r, -1);
    r->kind &= ~(uint32_t)COLD;
    spare(r);
    turns_begin(r);
    STATUS_ADD(warmed, 1);
    coldset_counted();
    return 0;
}

/* ---- what the kernel has addresses of ---- */

/* It is in use. Runs on a keeper's thread, as does the next one. */
static void spare_referred(struct region *r)
{
    if (!range_is_cold(r) && r->warmed <= current.newest)
        put_last(r, current.number);
}

/* A mutex that was locked while its mapping became cold. */
static void note_referred(struct region *r)
{
    if (range_is_cold(r) &&
        cold_referred.count < sizeof cold_referred.at / sizeof *cold_referred.at)
        cold_referred.at[cold_referred.count++] = r->start;
}

/* What is cold hides the mutexes that follow it in the list. */
static void warm_referred(void)
{
    enum { TRIES = 8 };
    for (int n = 0; n < TRIES; n++) {
        cold_referred.count = 0;
        if (coldswitch_refs(note_referred, false) < 0 || !cold_referred.count)
            return;
        for (unsigned i = 0; i < cold_referred.count; i++) {
            struct region *r = coldset_find(cold_referred.at[i]);
            if (r && range_is_cold(r))
                map_again(r);
        }
    }
}

/* ---- cooling ---- */

/* How many mappings may be warm, where MAPHERD_COLD_WARM says so. */
static size_t warm_most(void)
{
    long most = options_number(options.cold_warm);
    return most > 0 ? (size_t)most : SIZE_MAX;
}

/* Whether mappings are to become cold now. Once that begins it goes on until there is some room, so
 * that one scan of the list serves for many mappings. */
bool turns_wanted(void)
{
    static bool going_on;
    if (cold_state == COLD_OVER || coldset_waiting() == 0)
        return false;
    going_on = count_wants_cold(going_on);
    return going_on || coldset_warm_total() > warm_most();
}

/* At the limit itself nothing can become cold, because mmap takes a VMA for a moment. So no time is
 * lost once the spare ones are in use. */
bool turns_due(void)
{
    return turns_wanted() && (!vain || coldspare_given() || warmings >= not_before_warming ||
                              sys_now_ms() >= not_before);
}

/* The kernel is asked whether faults come to the library: a raw system call may have changed the
 * handler. */
static bool faults_come_here(void)
{
    struct sys_action now;
    return sys_sigaction(SIGBUS, NULL, &now) == 0 && now.handler == handler;
}

/* The ranges in which an access since the look was seen wait for another turn. */
static void spare_used(const struct switched *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct region *r = s->used >> i & 1 ? coldset_find(s->expected[i].start) : NULL;
        if (r) {
            put_last(r, current.number);
            STATUS_ADD(cold_spared, 1);
        }
    }
}

/*
 * Watches the ranges whose turn comes in a while: an access until then enters pages into the page
 * tables again, and shows that the range is in use. The first ones that become cold were not
 * watched.
 */
static void watch_next(void)
{
    enum { AHEAD_MOST = 16384 };
    size_t waiting = coldset_waiting();
    size_t ahead = waiting / 2 < AHEAD_MOST ? waiting / 2 : AHEAD_MOST;
    struct switched *s = &batch;
    s->count = 0;
    for (size_t i = ahead; i < waiting && i < ahead + 4 * COLD_BATCH && s->count < COLD_BATCH;
         i++) {
        struct region *r = coldset_waiter(i);
        if (r && !(r->kind & WATCHED))
            coldswitch_expect(s, r);
    }
    coldswitch_watch(s);
    for (unsigned i = 0; i < s->count; i++)
        if (s->used >> i & 1)
            coldset_find(s->expected[i].start)->kind |= WATCHED;
}

/* ---- a batch ---- */

static bool is_in(const struct switched *s, const struct region *r)
{
    unsigned n = 0;
    while (n < s->count && s->expected[n].start != r->start)
        n++;
    return n < s->count;
}

/* Whether r may become cold together with first: it is as old, and is watched if first is. */
static bool goes_along(const struct switched *s, const struct region *r, const struct region *first)
{
    return !range_is_cold(r) && !r->overlay && r->warmed <= current.newest &&
           r->warmed <= first->warmed + coldset_warm_total() / 4 &&
           (r->kind & WATCHED) == (first->kind & WATCHED) && keepers_has(r->held->file) &&
           !in_use(r->start, r->end) && !is_in(s, r);
}

/* Adds a range whose turn it is, and those beside it which go along, up to most in all. */
static void add_span(struct switched *s, const struct region *first, unsigned most)
{
    const struct region *low = first, *high = first, *r;
    unsigned n = 1, turn = 0;
    for (r = first->after; r && n < most && r->start == high->end &&
                           r->end - low->start <= BATCH_BYTES && goes_along(s, r, first);
         r = r->after, n++)
        high = r;
    for (r = first->before; r && n < most && r->end == low->start &&
                            high->end - r->start <= BATCH_BYTES && goes_along(s, r, first);
         r = r->before, n++, turn++)
        low = r;
    s->span[s->spans++] = (struct span){ .from = s->count, .count = n, .turn = s->count + turn };
    for (r = low; n; r = r->after, n--)
        coldswitch_expect(s, r);
}

/* In a forked child, a mapping whose file only the parent holds becomes cold after a keeper of the
 * child has the file: it may be impossible to open later. False: it is impossible now, and the
 * mapping stays warm for good. */
static bool is_kept_here(const struct region *r)
{
    if (keepers_has(r->held->file))
        return true;
    current.adoptions--;
    if (keepers_adopt(r->held->file) < 0)
        return false;
    keepers_settle();
    return true;
}

/* Collects up to most mappings whose turn it is, and those beside them. Looks at no more than *left
 * entries of the queue. Returns which have left it, one bit for each. */
static unsigned collect(struct switched *s, unsigned most, size_t *left)
{
    unsigned left_queue = 0;
    s->count = s->spans = s->used = 0;
    for (; *left && s->count < most && current.adoptions; --*left) {
        struct region *r = coldset_next();
        if (!r)
            break;
        for (unsigned i = 0; i < s->count; i++)
            if (s->expected[i].start == r->start)
                left_queue |= 1U << i;
        if (is_in(s, r))
            continue;
        if (!is_kept_here(r)) {
            coldset_remove(r);
            continue;
        }
        bool spared = r->overlay || r->warmed > current.newest || !keepers_has(r->held->file);
        if (spared || in_use(r->start, r->end)) {
            r->overlay -= r->overlay != 0;
            coldset_wait(r);
            continue;
        }
        add_span(s, r, most - s->count);
        left_queue |= 1U << s->span[s->spans - 1].turn;
    }
    return left_queue;
}

/* Notes what has become cold, and returns how many. */
static unsigned note_cold(const struct switched *s)
{
    unsigned done = 0;
    for (const struct span *p = s->span; p < s->span + s->spans; p++) {
        if (p->answer == -ESTALE)
            lose(coldset_find(p->wrong));
        else if (sys_failed(p->answer) && p->answer != -EAGAIN)
            cold_refused = p->answer;
        if (sys_failed(p->answer))
            continue;
        for (unsigned i = p->from; i < p->from + p->count; i++, done++) {
            struct region *r = coldset_find(s->expected[i].start);
            r->kind = (r->kind | COLD) & ~(uint32_t)WATCHED;
            r->warmed = warmings;
            coldset_count(r, 1);
        }
    }
    return done;
}

/* Lets a batch of up to most mappings become cold whose turn it is, and returns how many. Some may
 * be in use. */
static unsigned take_turns(unsigned most, size_t *left)
{
    struct switched *s = &batch;
    unsigned left_queue = collect(s, most, left), done = 0;
    if (!s->count)
        return 0;
    long answer = coldswitch_cover(s);
    if (answer == 0)
        done = note_cold(s);
    else
        cold_refused = answer;
    spare_used(s);
    /* What stays warm waits again; what was used does already. */
    for (unsigned i = 0; i < s->count; i++) {
        const struct region *r =
            (left_queue & ~s->used) >> i & 1 ? coldset_find(s->expected[i].start) : NULL;
        if (r && !range_is_cold(r))
            coldset_wait(r);
    }
    return done;
}

/* So many at once, where many are warm: each turn asks all threads what they wait for. */
static unsigned least_of(unsigned most)
{
    enum { SHARE = 64, TIMES = 4 };
    size_t share = coldset_warm_total() / SHARE;
    return share <= most ? most : share < TIMES * most ? (unsigned)share : TIMES * most;
}

/* After a turn in vain, because all that is warm is young or in use, the next one waits until
 * others are no longer young, or 2 ms at first, and 64 at most. What has to make room does not
 * wait. */
static void note_success(bool success)
{
    enum { DOUBLINGS = 6 };
    vain = success ? 0 : vain + 1;
    if (!vain)
        return;
    not_before = sys_now_ms() + (1U << (vain < DOUBLINGS ? vain : DOUBLINGS));
    not_before_warming = warmings + COLD_YOUNG;
}

/* Lets batches become cold, until there are enough or all of the queue was looked at. */
static unsigned take_all_turns(unsigned most)
{
    unsigned done = 0;
    size_t left = coldset_waiting(), before = left + 1;
    while (left < before && done < most && current.adoptions) {
        before = left;
        watch_next();
        watch_next(); /* more than become cold now, for some are in use */
        done += take_turns(most - done < COLD_BATCH ? most - done : COLD_BATCH, &left);
    }
    return done;
}

unsigned turns_cool(unsigned most, uint64_t young)
{
    unsigned done = 0;
    current.newest = warmings > young ? warmings - young : 0;
    current.number = ++warmings;
    current.adoptions = COLD_BATCH;
    keepers_settle(); /* a fork that runs no handlers may come at any time */
    if (faults_come_here()) {
        long answer = coldswitch_refs(spare_referred, true);
        if (answer < 0)
            cold_refused = answer;
        else
            done = take_all_turns(least_of(most));
    }
    if (done)
        warm_referred();
    note_success(done > 0);
    STATUS_ADD(cooled, done);
    if (done && cold_state == COLD_READY)
        cold_state = COLD_BEGUN;
    coldset_counted();
    return done;
}

bool turns_warm(struct region *r)
{
    enum { TRIES = SPARED_MOST + 1 };
    const uintptr_t start = r->start;
    long answer = map_again(r);
    /* The program itself may have mapped up to the limit. What is spared for some rounds of the
     * queue is so for fewer with each turn. */
    for (unsigned n = 0; answer == -ENOMEM && n < TRIES; n++) {
        if (!turns_cool(COLD_BATCH, COLD_YOUNG))
            coldspare_give();
        r = coldset_find(start); /* it may have been lost, or become warm */
        answer = !r ? -ESTALE : range_is_cold(r) ? map_again(r) : 0;
    }
    if (answer < 0 && answer != -ESTALE) {
        STATUS_ADD(cold_failed, 1);
        cold_refused = answer;
    }
    return answer == 0;
}

void turns_warm_all(uintptr_t start, uintptr_t end)
{
    uintptr_t at = start;
    for (struct region *r; (r = tree_from(&coldset, at)) && r->start < end;) {
        at = r->end;
        if (range_is_cold(r))
            turns_warm(r);
    }
}
