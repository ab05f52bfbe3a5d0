/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * race: eight threads in the engine at once, for ThreadSanitizer to watch. The fake kernel is built
 * without it (race.sh), so that what the fake orders hides nothing.
 *
 *     race          ends with 0 if every call gave what it should
 *     race broken   counts without a lock, to see that ThreadSanitizer notices
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "entry/engine.h"
#include "entry/gate.h"
#include "fakesys.h"
#include "herd/placement.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/regions.h"
#include "tell/status.h"
#include "world.h"

#define THREADS 8
#define ROUNDS 1500
#define HELD 16
#define CHUNK (16 * FAKE_PAGE)
#define FILES 3

static int fds[FILES];
static char buffer[COUNT_BUFFER]; /* for scans */
static int wrong;
static long unlocked;

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void *work(void *number)
{
    uint32_t seed = (uint32_t)(uintptr_t)number + 1;
    long held[HELD] = { 0 };
    for (int round = 0; round < ROUNDS; round++) {
        long *h = &held[next(&seed) % HELD];
        if (*h) {
            if (next(&seed) % 2)
                engine_mprotect((uintptr_t)*h, CHUNK / 2, PROT_READ);
            if (next(&seed) % 4 == 0)
                engine_madvise((uintptr_t)*h, CHUNK, MADV_RANDOM);
            if (engine_munmap((uintptr_t)*h, CHUNK) != 0)
                __atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
            *h = 0;
            continue;
        }
        bool anonymous = next(&seed) % 4 == 0;
        *h = engine_mmap(
            0, CHUNK, PROT_READ | PROT_WRITE, anonymous ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED,
            anonymous ? -1 : fds[next(&seed) % FILES], (off_t)((next(&seed) % 64) * CHUNK));
        if (sys_failed(*h)) {
            __atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
            *h = 0;
        }
    }
    for (int i = 0; i < HELD; i++)
        if (held[i])
            engine_munmap((uintptr_t)held[i], CHUNK);
    return NULL;
}

static void *count_badly(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10000; i++)
        unlocked++;
    return NULL;
}

static void run(void *(*what)(void *))
{
    pthread_t t[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, what, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "broken") == 0) {
        run(count_badly);
        return 0;
    }
    world_start();
    fake_text("/proc/sys/vm/max_map_count", "65530\n", 0);
    count_start(buffer);
    placement_switch(true);
    gate_start(MAPHERD_HERDING, NULL);
    for (int i = 0; i < FILES; i++)
        fds[i] = fake_open((struct fake_file){ .inode = 10 + (uint64_t)i / 2,
                                               .size = 64 * CHUNK,
                                               .never_side = i == 2 },
                           O_RDWR);
    run(work);
    printf("%ld maps, %zu regions, %lu windows left; %lu compared, %lu joined\n", world_maps(),
           regions_total(), (unsigned long)mapherd_status_block.windows,
           (unsigned long)mapherd_status_block.compared,
           (unsigned long)mapherd_status_block.joined);
    return wrong || world_maps() || regions_total() || mapherd_status_block.windows;
}
