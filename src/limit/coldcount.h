/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldcount: whether mappings are cold, for calls on their way. It costs one load, in any thread,
 * with or without a lock.
 */
#ifndef MAPHERD_COLDCOUNT_H
#define MAPHERD_COLDCOUNT_H

#include <stdbool.h>

/* Hidden, so that they can be read before this library is relocated: they are in no table that the
 * loader fills. */
extern unsigned cold_tracked_count __attribute__((visibility("hidden")));
extern unsigned cold_count __attribute__((visibility("hidden")));
extern bool cold_allowed __attribute__((visibility("hidden")));

/* True if a mapping may become cold in this process, now or later. */
static inline bool cold_may_be(void)
{
    return __atomic_load_n(&cold_allowed, __ATOMIC_RELAXED);
}

/* True if there are mappings that are cold, or may become so. */
static inline bool cold_tracks(void)
{
    return __atomic_load_n(&cold_tracked_count, __ATOMIC_RELAXED) != 0;
}

/* True if a mapping is cold. */
static inline bool cold_any(void)
{
    return __atomic_load_n(&cold_count, __ATOMIC_RELAXED) != 0;
}

#endif
