/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * zone: see zone.h.
 */
#include "space/zone.h"

#include "common/pages.h"

#define GAPS_MOST 256

static struct {
    uintptr_t start, end, at;
    uintptr_t kept_start, kept_end; /* zone_keep */
    size_t whole_space;
    uint64_t random;
} zone;

/* splitmix64. The seed is from the kernel. */
static uint64_t next_random(void)
{
    uint64_t z = zone.random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void zone_start(uintptr_t stack, uint64_t random)
{
    unsigned bits = 64 - (unsigned)__builtin_clzl(stack | 1);
    uintptr_t eighth = 1UL << (bits > 3 ? bits - 3 : 0);
    zone.whole_space = 8 * eighth - page_size; /* x86-64 leaves the last page out */
    zone.start = 2 * eighth;
    zone.end = 5 * eighth;
    zone.random = random;
    zone.at = zone.start + (next_random() % (zone.end - zone.start) & ~(ZONE_STEP - 1));
}

size_t zone_whole_space(void)
{
    return zone.whole_space;
}

uint64_t zone_longest(void)
{
    return (zone.end - zone.start) / 8;
}

uintptr_t zone_pick(uint64_t len)
{
    if (len > zone_longest())
        return 0;
    uint64_t gaps = len / 4 / ZONE_STEP;
    gaps = gaps < 8 ? 8 : gaps > GAPS_MOST ? GAPS_MOST : gaps;
    uint64_t gap = (1 + next_random() % gaps) * ZONE_STEP;
    if (zone.end - zone.at < gap || zone.end - zone.at - gap < len)
        zone.at = zone.start;
    uintptr_t base = zone.at + gap;
    if (base < zone.kept_end && base + len > zone.kept_start) {
        base = zone_round_up(zone.kept_end) + gap;
        if (base > zone.end || zone.end - base < len)
            base = zone.start + gap;
    }
    zone.at = base + zone_round_up(len);
    return base;
}

void zone_keep(uintptr_t start, uintptr_t end)
{
    zone.kept_start = start;
    zone.kept_end = end;
}
