/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * tick: the kernel's clock for timestamps, which moves in steps of milliseconds.
 *
 * Of what was stored since its last step, MAPHERD_SYNC=fast skips no msync (doc/sync.md).
 */
#ifndef MAPHERD_TESTS_TICK_H
#define MAPHERD_TESTS_TICK_H

#include <time.h>

/* Returns when that clock is past this moment. */
static inline void next_tick(void)
{
    struct timespec stored, now;
    clock_gettime(CLOCK_REALTIME, &stored);
    do
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
    while (now.tv_sec < stored.tv_sec ||
           (now.tv_sec == stored.tv_sec && now.tv_nsec <= stored.tv_nsec));
}

#endif
