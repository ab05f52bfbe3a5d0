/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * world: one arena of real memory for the pool, known to the fake kernel.
 */
#define _GNU_SOURCE
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "fakespace.h"
#include "fakesys.h"
#include "kernel/pool.h"
#include "kernel/sys.h"
#include "space/regions.h"
#include "space/zone.h"

#define ARENA (256UL << 20) /* reserved; the pool grows into it */
#define FIRST (64UL << 10)
#define STACK 0x7ffd12345678UL

void world_start(void)
{
    uintptr_t base = 0;
    size_t len = pool_bytes(&base);
    if (regions_total())
        abort();
    fake_reset();
    if (!base) {
        void *arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena == MAP_FAILED)
            abort();
        base = (uintptr_t)arena;
        len = FIRST;
        pool_start(NULL, base, len);
    }
    sys_mmap(base, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    zone_start(STACK, 7);
}

int world_setup(void **state)
{
    (void)state;
    world_start();
    return 0;
}

long world_maps(void)
{
    return fake_vma_count() - 1;
}

uint32_t world_random(uint32_t n)
{
    static uint64_t state;
    if (!state) {
        const char *given = getenv("UNIT_SEED");
        if (!given || strcmp(given, "random") != 0)
            state = given ? strtoull(given, NULL, 0) : 1;
        else if (getrandom(&state, sizeof state, 0) < 0)
            perror("UNIT_SEED=random");
        if (!state) /* where it would stay for ever */
            state = 1;
        printf("UNIT_SEED=%llu\n", (unsigned long long)state);
    }
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 32) % n;
}
