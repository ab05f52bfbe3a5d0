/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pending: a tree of ranges. The kind of each range is its error.
 */
#define _GNU_SOURCE
#include "space/pending.h"

#include "kernel/lock.h"
#include "tell/status.h"

struct tree pending_ranges;

static void publish(void)
{
    STATUS_SET(errors_pending, pending_ranges.total);
}

void pending_add(uintptr_t start, uintptr_t end, int error)
{
    LOCK_ASSERT(&model_lock);
    pending_forget(start, end);
    struct region *r = tree_add(&pending_ranges, start, end);
    if (r)
        r->kind = (uint32_t)error;
    publish();
}

int pending_take(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    if (!pending_any())
        return 0;
    struct region *chain = tree_cut(&pending_ranges, start, end);
    int error = chain ? (int)chain->kind : 0;
    tree_drop_all(&pending_ranges, chain);
    publish();
    return error;
}

void pending_forget(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&model_lock);
    if (!pending_any())
        return;
    tree_drop_all(&pending_ranges, tree_cut(&pending_ranges, start, end));
    publish();
}

void pending_move(uintptr_t start, uintptr_t end, intptr_t delta)
{
    LOCK_ASSERT(&model_lock);
    if (!pending_any())
        return;
    for (struct region *r = tree_cut(&pending_ranges, start, end), *rest; r; r = rest) {
        rest = r->left;
        r->start += (uintptr_t)delta;
        r->end += (uintptr_t)delta;
        pending_forget(r->start, r->end);
        tree_insert(&pending_ranges, r);
    }
    publish();
}
