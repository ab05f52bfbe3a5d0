/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards: the set of ranges that carry markers, and the conditions for a marker.
 *
 * The set and the model may be wrong where no hook saw a call. So neither decides: the kernel is
 * asked what is mapped and what its pages hold. Anything but empty private anonymous memory keeps
 * its plain guard, which is right whatever the memory is.
 */
#define _GNU_SOURCE
#include "herd/guards.h"

#include <errno.h>
#include <sys/mman.h>

#include "common/pages.h"
#include "kernel/markers.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "space/merge.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/status.h"

struct tree guards_ranges;
static bool unsupported; /* the kernel has no markers */

/* Private anonymous memory: every kernel with markers takes them there. */
static bool is_private_memory(const struct procmap *m)
{
    return !m->shared && !m->inode;
}

/* By the kernel's list the range is private anonymous memory in one VMA, with access or without. */
static bool is_guardable(uintptr_t start, uintptr_t end, bool access)
{
    struct procmap m;
    char name[64];
    return procmaps_at(PROCMAPS_SELF, start, &m, name, sizeof name) == 0 && m.start <= start &&
           m.end >= end && is_private_memory(&m) && (m.read || m.write || m.exec) == access;
}

/* The protection of the private anonymous memory beside the range. False: there is none. */
static bool access_beside(uintptr_t start, uintptr_t end, int *prot)
{
    const uintptr_t beside[] = { end, start - page_size };
    struct procmap m;
    char name[64];
    for (unsigned i = 0; i < 2; i++) {
        if (procmaps_at(PROCMAPS_SELF, beside[i], &m, name, sizeof name) < 0 ||
            !is_private_memory(&m) || !(m.read || m.write || m.exec))
            continue;
        *prot = (m.read ? PROT_READ : 0) | (m.write ? PROT_WRITE : 0) | (m.exec ? PROT_EXEC : 0);
        return true;
    }
    return false;
}

/* Marks the whole range, which holds nothing, or nothing of it. */
static bool mark(uintptr_t start, uintptr_t end)
{
    long answer = markers_put(start, end);
    if (answer == 0)
        return true;
    /* An older kernel, or memory that takes no markers. */
    if (answer == -EINVAL && guards_ranges.total == 0)
        __atomic_store_n(&unsupported, markers_put(0, 0) < 0, __ATOMIC_RELAXED);
    /* The kernel may have stopped half way. The range held nothing, so nothing is lost. */
    markers_remove(start, end);
    return false;
}

/* Enters the guard in the set. Without memory for that it could not be lifted later, so its markers
 * are removed. Model lock held. */
static bool note(uintptr_t start, uintptr_t end)
{
    tree_drop_all(&guards_ranges, tree_cut(&guards_ranges, start, end));
    bool known = tree_add(&guards_ranges, start, end) != NULL;
    if (!known)
        markers_remove(start, end);
    return known;
}

bool guards_possible(uintptr_t start, uintptr_t end)
{
    return (end - start) / page_size <= MARKERS_LOOK &&
           !__atomic_load_n(&unsupported, __ATOMIC_RELAXED);
}

/*
 * Without access no thread stores there, so a range that is seen to hold nothing still does when it
 * is marked. Then it gets its neighbour's protection. A call that gives access waits for the model
 * lock, or is under way and found by changes_meet. Model lock held.
 */
static bool unsplit(uintptr_t start, uintptr_t end)
{
    int prot;
    if (changes_meet(start, end) || !access_beside(start, end, &prot) ||
        !is_guardable(start, end, false) || !markers_nothing_there(start, end) || !mark(start, end))
        return false;
    if (!note(start, end))
        return false;
    if (sys_mprotect(start, end - start, prot) == 0 && (merge_at(start) || merge_at(end))) {
        STATUS_ADD(guards, 1);
        return true;
    }
    sys_mprotect(start, end - start, PROT_NONE); /* the marker spares no split */
    tree_drop_all(&guards_ranges, tree_cut(&guards_ranges, start, end));
    markers_remove(start, end);
    return false;
}

bool guards_install(uintptr_t start, uintptr_t end)
{
    if (!guards_possible(start, end) || !model_take())
        return false;
    bool done = unsplit(start, end);
    model_drop();
    return done;
}

bool guards_instead(uintptr_t start, uintptr_t end)
{
    if (!guards_possible(start, end) || !is_guardable(start, end, true) || !model_take())
        return false;
    bool done = !changes_meet(start, end) && markers_nothing_there(start, end) &&
                mark(start, end) && note(start, end);
    if (done)
        STATUS_ADD(guards, 1);
    model_drop();
    return done;
}

/* A marker that is installed before there is access would keep the kernel from merging the VMA with
 * its neighbours: it would have an anon_vma of its own (mm/madvise.c, guard_install). So it comes
 * second, and the kernel is asked first whether it has markers at all. */
long guards_beneath(uintptr_t low, uintptr_t start, uintptr_t end, int prot)
{
    long answer = 0;
    if (!guards_possible(low, start) || !model_take())
        return 0;
    if (!changes_meet(low, end) && is_guardable(low, end, false) &&
        markers_nothing_there(low, start) && markers_put(0, 0) == 0 &&
        sys_mprotect(low, end - low, prot) == 0) {
        if (mark(low, start) && note(low, start)) {
            STATUS_ADD(guards, 1);
            answer = 1;
        } else if (sys_mprotect(low, start - low, PROT_NONE) != 0) {
            answer = -ENOMEM;
        }
    }
    model_drop();
    return answer;
}

bool guards_next(uintptr_t *start, uintptr_t *end)
{
    if (!guards_any() || !model_take())
        return false;
    struct region *r = tree_from(&guards_ranges, *start);
    bool found = r && r->start < *end;
    if (found) {
        *start = r->start > *start ? r->start : *start;
        *end = r->end < *end ? r->end : *end;
    }
    model_drop();
    return found;
}

struct region *guards_take(uintptr_t start, uintptr_t end)
{
    if (!guards_any() || !model_take())
        return NULL;
    struct region *chain = tree_cut(&guards_ranges, start, end);
    model_drop();
    return chain;
}

void guards_put(struct region *chain, intptr_t delta)
{
    if (!chain || !model_take())
        return;
    while (chain) {
        struct region *rest = chain->left;
        chain->start += (uintptr_t)delta;
        chain->end += (uintptr_t)delta;
        tree_drop_all(&guards_ranges, tree_cut(&guards_ranges, chain->start, chain->end));
        tree_insert(&guards_ranges, chain);
        chain = rest;
    }
    model_drop();
}

void guards_drop(struct region *chain)
{
    if (!chain || !model_take())
        return;
    tree_drop_all(&guards_ranges, chain);
    model_drop();
}

void guards_open(struct region *chain)
{
    for (struct region *r = chain; r; r = r->left)
        markers_remove(r->start, r->end);
    guards_drop(chain);
}

void guards_lift(uintptr_t start, uintptr_t end)
{
    if (model_mine() && guards_any())
        markers_remove(start, end); /* a handler cannot change the set */
    else
        guards_open(guards_take(start, end));
}

void guards_abandon(void)
{
    __atomic_store_n(&guards_ranges.total, 0, __ATOMIC_RELAXED);
    guards_ranges.root = NULL;
}
