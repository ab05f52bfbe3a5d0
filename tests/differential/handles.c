/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* Handles: memory by name. See driver.h for arenas, floats and the epoch. */
#define _GNU_SOURCE
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct handle handles[MAX_HANDLES];

/* Low enough for 39 bits of address space, far from programs, heaps and the kernel's choice. */
#define ARENA_BASE 0x1000000000ul
#define ARENA_STEP 0x10000000ul

enum { STALE = 1 };
static uint32_t epoch = STALE + 1;

bool is_arena(const struct handle *h)
{
    return h < handles + ARENAS;
}

void handles_start(void)
{
    for (unsigned i = 0; i < ARENAS; i++) {
        handles[i].base = (char *)(ARENA_BASE + i * ARENA_STEP);
        handles[i].pages = MAX_PAGES;
        char *end = handles[i].base + MAX_PAGES * page;
        void *got = mmap(handles[i].base - page, (size_t)(end - handles[i].base) + 2 * page,
                         PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (got != handles[i].base - page) {
            fputs("diff-driver: something lies where an arena should be\n", stderr);
            exit(6);
        }
        munmap(got, (size_t)(end - handles[i].base) + 2 * page);
    }
}

void handles_placing(void)
{
    epoch++;
}

static bool in_memory(const char *at)
{
    unsigned char resident;
    return mincore((void *)at, page, &resident) == 0;
}

static unsigned pages_of(size_t len)
{
    return (unsigned)((len + page - 1) / page);
}

struct handle *handles_add(char *at, size_t len)
{
    for (unsigned i = 0; i < ARENAS; i++)
        if (at >= handles[i].base && at < handles[i].base + MAX_PAGES * page)
            return NULL;
    for (unsigned i = ARENAS; i < MAX_HANDLES; i++) {
        if (handles[i].pages)
            continue;
        handles[i].base = at;
        handles[i].pages = pages_of(len);
        memset(handles[i].gone, 0, sizeof handles[i].gone);
        handles[i].parted = handles[i].registered = handles[i].guarded = false;
        return &handles[i];
    }
    abort(); /* handles_full was not asked */
}

/* Mapped, or a hole that nobody can have filled. */
static bool usable(const struct handle *h, unsigned index)
{
    return is_arena(h) || h->gone[index] == 0 || h->gone[index] == epoch;
}

/* Any call may name it; holes only where they are certain to be holes in both processes. */
static bool nameable(const struct handle *h, unsigned index)
{
    return differs.retained && no_hook ? is_arena(h) || h->gone[index] == 0 : usable(h, index);
}

bool page_mapped(const struct handle *h, unsigned index)
{
    return index < h->pages && !is_arena(h) && h->gone[index] == 0;
}

bool page_hole(const struct handle *h, unsigned index)
{
    return !is_arena(h) && h->gone[index] == epoch;
}

bool range_mapped(struct range r)
{
    for (unsigned i = r.first; i < r.first + r.count; i++)
        if (!page_mapped(r.h, i))
            return false;
    return true;
}

void handles_refresh(struct handle *h)
{
    if (is_arena(h))
        return;
    unsigned left = 0;
    for (unsigned i = 0; i < h->pages; i++) {
        if (!usable(h, i))
            continue;
        bool mapped = in_memory(h->base + i * page);
        if (h->gone[i] == 0 && !mapped)
            h->gone[i] = epoch;
        if (h->gone[i] && mapped && (alone || !differs.retained)) {
            fprintf(stderr, "diff-driver: step %lu: page %u of h%d is mapped again\n", step_now, i,
                    (int)(h - handles));
            exit(7);
        }
        left++;
    }
    if (!left)
        h->pages = 0;
}

void handles_refresh_all(void)
{
    for (unsigned i = ARENAS; i < MAX_HANDLES; i++)
        if (handles[i].pages)
            handles_refresh(&handles[i]);
}

void handles_unmapped(struct range r)
{
    if (is_arena(r.h) || !r.len)
        return;
    for (unsigned i = r.first; i < r.first + pages_of(r.len); i++)
        if (usable(r.h, i))
            r.h->gone[i] = epoch;
}

void handles_replaced(struct handle *h, const char *at, size_t len)
{
    if (is_arena(h))
        return;
    unsigned first = (unsigned)((size_t)(at - h->base) / page);
    for (unsigned i = first; i < first + pages_of(len) && i < h->pages; i++)
        h->gone[i] = 0;
    h->parted |= pages_of(len) < h->pages;
}

void handles_by_name(const struct handle *h)
{
    if (differs.guards && h->guarded)
        ways_by_name();
}

void handles_parted(struct range r)
{
    /* remap_file_pages rounds a length down, all others up. */
    r.h->parted |= r.count < r.h->pages || r.len < r.count * page;
}

void handles_inherit(struct handle *to, const struct handle *from)
{
    to->parted |= from->parted;
    to->registered |= from->registered;
    to->guarded |= from->guarded;
}

void handles_end(void)
{
    for (unsigned i = 0; i < MAX_HANDLES; i++) {
        struct handle *h = &handles[i];
        for (unsigned k = 0, from; k < h->pages; k++) {
            from = k;
            while (k < h->pages && (is_arena(h) || page_mapped(h, k)))
                k++;
            if (k > from)
                munmap(h->base + from * page, (k - from) * page);
        }
        h->pages = 0;
    }
}

void handles_lose(struct range r)
{
    if (is_arena(r.h))
        return;
    for (unsigned i = r.first; i < r.first + r.count; i++)
        r.h->gone[i] = STALE;
    handles_refresh(r.h);
}

static bool none_free(void)
{
    for (unsigned i = ARENAS; i < MAX_HANDLES; i++)
        if (!handles[i].pages)
            return false;
    return true;
}

bool handles_full(void)
{
    if (!none_free())
        return false;
    handles_placing(); /* what is nothing but holes is given up */
    handles_refresh_all();
    return none_free();
}

typedef bool test_fn(const struct handle *h, unsigned index);

/* A stretch of pages that pass the test around index, which does. */
static struct range stretch(struct handle *h, unsigned index, test_fn *fit)
{
    unsigned first = index, count = 0;
    if (percent(30)) /* from the very start of what is there */
        while (first > 0 && fit(h, first - 1))
            first--;
    unsigned want = percent(30) ? MAX_PAGES : 1 + pick(percent(50) ? 3 : 16);
    while (count < want && first + count < h->pages && fit(h, first + count))
        count++;
    size_t cut = percent(15) ? pick((unsigned)page) : 0; /* lengths are rounded up by the kernel */
    return (struct range){ h, first, count, h->base + first * page, count * page - cut };
}

struct range pick_arena(void)
{
    return stretch(&handles[pick(ARENAS)], pick(MAX_PAGES), usable);
}

static struct range any_float(test_fn *fit)
{
    unsigned from = pick(MAX_HANDLES);
    for (unsigned i = 0; i < MAX_HANDLES; i++) {
        struct handle *h = &handles[(from + i) % MAX_HANDLES];
        if (is_arena(h) || !h->pages)
            continue;
        unsigned at = pick(h->pages);
        bool lost = true; /* all of it became holes of an older epoch */
        for (unsigned k = 0; k < h->pages; k++, at = (at + 1) % h->pages) {
            if (fit(h, at))
                return stretch(h, at, fit);
            lost = lost && !usable(h, at);
        }
        if (lost)
            h->pages = 0;
    }
    return (struct range){ 0 };
}

struct range pick_float(void)
{
    return any_float(nameable);
}

struct range pick_float_place(void)
{
    return any_float(usable);
}

static struct range any_range(test_fn *fit)
{
    if (percent(65)) {
        struct range r = any_float(fit);
        if (r.h)
            return r;
    }
    return pick_arena();
}

struct range pick_range(void)
{
    return any_range(nameable);
}

struct range pick_place(void)
{
    return any_range(usable);
}

void say_range(struct range r)
{
    say("%c%d+%u len %zu", is_arena(r.h) ? 'a' : 'h', (int)(r.h - handles), r.first, r.len);
}
