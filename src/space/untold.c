/*
 * untold: a tree of ranges; their kind is the error.
 */
#define _GNU_SOURCE
#include "space/untold.h"

struct tree untold_ranges;

void untold_add(uintptr_t start, uintptr_t end, int error)
{
    untold_forget(start, end);
    struct region *r = tree_add(&untold_ranges, start, end);
    if (r)
        r->kind = (uint32_t)error;
}

int untold_take(uintptr_t start, uintptr_t end)
{
    if (!untold_any())
        return 0;
    struct region *chain = tree_cut(&untold_ranges, start, end);
    int error = chain ? (int)chain->kind : 0;
    tree_drop_all(chain);
    return error;
}

void untold_forget(uintptr_t start, uintptr_t end)
{
    if (untold_any())
        tree_drop_all(tree_cut(&untold_ranges, start, end));
}

void untold_move(uintptr_t start, uintptr_t end, intptr_t delta)
{
    if (!untold_any())
        return;
    for (struct region *r = tree_cut(&untold_ranges, start, end), *rest; r; r = rest) {
        rest = r->left;
        r->start += (uintptr_t)delta;
        r->end += (uintptr_t)delta;
        untold_forget(r->start, r->end);
        tree_insert(&untold_ranges, r);
    }
}
