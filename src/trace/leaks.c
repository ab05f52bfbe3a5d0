/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * leaks: see leaks.h.
 */
#define _GNU_SOURCE
#include "trace/leaks.h"

#include <sys/mman.h>
#include <time.h>

#include "common/pages.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/recordfile.h"
#include "trace/javastack.h"
#include "unwind/module.h"
#include "unwind/unwind.h"

enum { DEPTH_MOST = 64, OWN_FRAMES = 8 };

int leaks_live;
static struct module self; /* this library */
static uint32_t number;    /* of the last mapping that was recorded */

static void start(void)
{
    struct mapherd_record_head *h = recordfile_head();
    if (!h || leaks_on() || !lock_take(&record_lock))
        return;
    if (!h->leaks_ms) { /* the first time in this record */
        ledger_start();
        stacks_start();
        number = 0;
        module_find((uintptr_t)leaks_start_or_stop, &self);
    }
    h->depth = (uint32_t)options_depth(options.stack_depth);
    h->leaks_ms = ledger_now_ms();
    h->leaks = 1;
    __atomic_store_n(&leaks_live, 1, __ATOMIC_RELEASE);
    lock_drop(&record_lock);
    log_line(EVENT_recording, "mappings are recorded with their call stacks from now on");
}

/* The ledger and the counts are cleared, because they would be wrong as soon as the program unmaps
 * something. */
static void stop(void)
{
    if (!recordfile_begin_change())
        return;
    __atomic_store_n(&leaks_live, 0, __ATOMIC_RELEASE);
    ledger_clear();
    stacks_clear_counts();
    recordfile_head()->leaks = 0;
    recordfile_end_change();
    log_line(EVENT_recording_ended, "mappings are no longer recorded");
}

void leaks_start_or_stop(enum mapherd_record_wanted wanted)
{
    if (wanted == MAPHERD_WANTED_START)
        start();
    else if (wanted == MAPHERD_WANTED_STOP)
        stop();
}

void leaks_after_fork(void)
{
    __atomic_store_n(&leaks_live, 0, __ATOMIC_RELEASE);
}

/* ---- ranges ---- */

ledger_chain leaks_leave(uintptr_t start, uintptr_t stop)
{
    if (!recordfile_begin_change())
        return 0;
    ledger_chain chain = ledger_cut(start, stop);
    recordfile_end_change();
    return chain;
}

void leaks_left(ledger_chain chain)
{
    if (!chain || !recordfile_begin_change())
        return;
    ledger_drop(chain);
    recordfile_end_change();
}

void leaks_stay(ledger_chain chain, uintptr_t start, size_t old_len, uintptr_t to, size_t new_len)
{
    if (!chain || !recordfile_begin_change())
        return;
    ledger_put(chain, start, old_len, to, new_len);
    recordfile_end_change();
}

/* ---- mappings ---- */

struct caller {
    uintptr_t pcs[DEPTH_MOST + OWN_FRAMES];
    uint32_t java[DEPTH_MOST];
    size_t first, n, java_n; /* first: of the frames that are not this library's */
};

static void find_caller(struct caller *c)
{
    size_t depth = recordfile_head() ? recordfile_head()->depth : 0;
    if (!depth || depth > DEPTH_MOST)
        depth = DEPTH_MOST;
    c->n = unwind_here(c->pcs, depth + OWN_FRAMES);
    c->first = 0;
    while (c->first < c->n && c->pcs[c->first] >= self.start && c->pcs[c->first] < self.end)
        c->first++;
    c->n -= c->first;
    if (c->n > depth)
        c->n = depth;
    c->java_n = javastack_take(c->pcs + c->first, &c->n, c->java, depth);
}

/* False: there was no space for the mapping. */
static bool enter(uintptr_t start, uintptr_t stop, struct mapherd_record_mapping *what,
                  const struct caller *c)
{
    struct mapherd_record_head *h = recordfile_head();
    what->stack = stacks_add(c->pcs + c->first, c->n, c->java, c->java_n);
    what->born_ms = ledger_now_ms();
    what->thread = lock_owner(&record_lock);
    what->number = ++number;
    bool entered = ledger_add(start, stop, what);
    h->mapped += entered;
    return entered;
}

static void tell_full(void)
{
    static bool told;
    if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
        log_line(EVENT_record_full, "the record can grow no further: there is no space for it, or "
                                    "its file cannot be opened; mappings are missing in it");
}

void leaks_mapped(uintptr_t start, size_t len, struct map_request *q)
{
    struct caller c;
    const struct stat *st = q->flags & MAP_ANONYMOUS ? NULL : request_file(q);
    find_caller(&c);
    if (!recordfile_begin_change())
        return;
    struct mapherd_record_mapping what = {
        .offset = st ? q->offset : 0,
        .file = st ? ledger_file(st, q->fd) : 0,
        .flags = MAPHERD_RECORD_FLAGS(q->prot, (q->flags & MAP_TYPE) != MAP_PRIVATE),
    };
    bool entered = enter(start, page_up(start + len), &what, &c);
    recordfile_end_change();
    if (!entered)
        tell_full();
}

void leaks_copied(uintptr_t start, size_t len, uintptr_t from)
{
    struct caller c;
    find_caller(&c);
    if (!recordfile_begin_change())
        return;
    struct mapherd_record_mapping what = { .flags =
                                               MAPHERD_RECORD_FLAGS(PROT_READ | PROT_WRITE, 0) };
    const struct mapherd_record_mapping *original = from ? ledger_find(from) : NULL;
    if (original) {
        what = *original;
        what.offset += what.file ? from - original->start : 0;
    }
    bool entered = enter(start, page_up(start + len), &what, &c);
    recordfile_end_change();
    if (!entered)
        tell_full();
}
