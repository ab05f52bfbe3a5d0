/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* mremap: shrink, grow, move, move onto, leave the old one, make a second one. */
#define _GNU_SOURCE
#include "driver.h"

#include <sys/mman.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static const struct bit_name flag_names[] = {
    { MREMAP_MAYMOVE, "maymove" },
    { MREMAP_FIXED, "fixed" },
    { MREMAP_DONTUNMAP, "dontunmap" },
    { 0, NULL },
};

struct request {
    struct range from;
    struct range target; /* with MREMAP_FIXED */
    char *at;
    size_t old_len, new_len;
    int flags;
};

/* Growth in place is the layout's answer, but where the next page is known it is ours. */
static bool can_stay(struct range from)
{
    return is_arena(from.h) || page_mapped(from.h, from.first + from.count);
}

static void choose(struct request *r)
{
    size_t more = (1 + pick(8)) * page;
    r->old_len = r->new_len = r->from.len;
    switch (pick(9)) {
    case 0:
    case 1: /* shrink, or stay */
        r->new_len = (1 + pick(r->from.count)) * page;
        r->flags = percent(50) ? MREMAP_MAYMOVE : 0;
        break;
    case 2:
    case 3: /* grow */
        r->new_len += more;
        r->flags = can_stay(r->from) && percent(50) ? 0 : MREMAP_MAYMOVE;
        break;
    case 4:
    case 5: /* onto a place, perhaps of another size */
        r->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
        if (percent(30))
            r->new_len = (1 + pick(8)) * page;
        break;
    case 6: /* a second map of the same */
        r->old_len = 0;
        r->flags = MREMAP_MAYMOVE | (percent(30) ? MREMAP_FIXED : 0);
        break;
    case 7: /* move and leave an empty one */
        r->flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP | (percent(30) ? MREMAP_FIXED : 0);
        break;
    case 8: /* wrong */
        switch (pick(6)) {
        case 0: r->at += 1; break;
        case 1: r->new_len = 0; break;
        case 2: r->flags = MREMAP_FIXED; break;
        case 3: r->flags = 0x80; break;
        case 4:
            r->flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
            r->new_len += page;
            break;
        case 5:
            r->new_len = (size_t)1 << 62;
            r->flags = MREMAP_MAYMOVE;
            break;
        }
        break;
    }
}

/* A target whose every page is ours: the call unmaps all of new_len there. */
static void choose_target(struct request *r)
{
    r->target = pick_place();
    size_t room = (size_t)(r->target.h->base + r->target.h->pages * page - r->target.at);
    if (!is_arena(r->target.h))
        room = r->target.count * page;
    if (r->new_len > room) {
        if (r->flags & MREMAP_DONTUNMAP)
            r->old_len = room;
        r->new_len = room;
    }
}

void step_mremap(void)
{
    if (handles_full()) {
        step_munmap();
        return;
    }
    struct request r = { .from = pick_range() };
    /* Beside an arena lies nothing, so the two processes agree on it, but for guards. */
    if (r.from.h->parted && r.from.count > 1 && (differs.guards || !is_arena(r.from.h))) {
        r.from.count = 1;
        r.from.len = page;
    }
    r.at = r.from.at;
    choose(&r);
    say("mremap ");
    say_range(r.from);
    if (r.from.h->registered && !is_arena(r.from.h)) {
        if (r.new_len > r.old_len && r.old_len)
            r.new_len = r.old_len;
        /* Where the kernel puts the second map beside the first it makes one of them, and takes that one's registration
         * away for the second's sake (mm/mremap.c, mremap_userfaultfd_prep): the layout's answer. */
        if (!(r.flags & MREMAP_FIXED))
            r.flags &= ~MREMAP_DONTUNMAP;
    }
    /* The kernel gives a grown mapping its memory policy, and the file's new pages not, until a neighbour of the mapping
     * gets the same one (mm/mempolicy.c, vma_replace_policy). Which neighbours there are is the layout's answer. */
    if (ways_unseen() && r.new_len > r.old_len && r.old_len &&
        memory_policy(r.at + (r.old_len - 1) / page * page) > 0)
        r.new_len = r.old_len;
    char *where = NULL;
    if (r.flags & MREMAP_FIXED) {
        choose_target(&r);
        where = r.target.at;
        /* What is moved loses its registration. So does all that the kernel makes one map with it
         * at the target, and whether it does is chance (mm/mremap.c, mremap_userfaultfd_prep). */
        if (r.from.h->registered)
            userfaultfd_end(r.from.at, r.from.len);
        say(" onto ");
        say_range(r.target);
    }
    handles_by_name(r.from.h);
    say(" from %zu to %zu ", r.old_len, r.new_len);
    say_bits((unsigned)r.flags, flag_names);

    /* MREMAP_DONTUNMAP unlocks all of the kernel's map that the range lies in (seen on 6.18), and
     * what else of the process that holds is the layout's answer. */
    if ((r.flags & MREMAP_DONTUNMAP) && !is_arena(r.from.h))
        way->munlock(r.from.at, r.from.len);
    if ((r.flags & MREMAP_MAYMOVE) && !(r.flags & MREMAP_FIXED))
        handles_placing();
    char *got = CALL(way->mremap(r.at, r.old_len, r.new_len, r.flags, where));
    int error = errno;
    bool grown = r.new_len > r.old_len && r.old_len;
    if (got == MAP_FAILED) {
        ;
    } else if (where) {
        say(got == where ? " there" : " somewhere else");
        handles_replaced(r.target.h, got, r.new_len);
        handles_inherit(r.target.h, r.from.h);
    } else if (is_arena(r.from.h) ? got != r.at
                                  : grown || !r.old_len || (r.flags & MREMAP_DONTUNMAP)) {
        /* A float that grew has perhaps moved, perhaps not: from now on it is another handle, which may get the
         * same number. */
        const struct handle was = *r.from.h;
        if (grown)
            handles_lose(r.from);
        struct handle *h = handles_add(got, r.new_len);
        say(" as h%d", h ? (int)(h - handles) : -1);
        if (h)
            handles_inherit(h, &was);
    } else {
        say(got == r.at ? " where it was" : " somewhere else");
    }
    errno = error;
    say_result(got == MAP_FAILED);
    handles_refresh(r.from.h);
    if (where)
        handles_refresh(r.target.h);
}
