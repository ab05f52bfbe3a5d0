/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * swing: see swing.h.
 */
#include "space/swing.h"

#include "kernel/sys.h"

#define FIRST_SHARE 20 /* of the limit */
#define FALLS_MOST 5   /* by then it is more than the whole limit */
#define FORGOTTEN_MS 3600000UL

static unsigned falls_of(const struct swing *s)
{
    bool old = sys_now_ms() - __atomic_load_n(&s->last_ms, __ATOMIC_RELAXED) >= FORGOTTEN_MS;
    return old ? 0 : __atomic_load_n(&s->falls, __ATOMIC_RELAXED);
}

long swing_falls_below(const struct swing *s, long border, long limit)
{
    return border - (limit / FIRST_SHARE << falls_of(s));
}

bool swing_has_fallen(const struct swing *s, long maps, long border, long limit)
{
    return maps < swing_falls_below(s, border, limit);
}

void swing_fell(struct swing *s)
{
    unsigned falls = falls_of(s);
    __atomic_store_n(&s->falls, falls < FALLS_MOST ? falls + 1 : falls, __ATOMIC_RELAXED);
    __atomic_store_n(&s->last_ms, sys_now_ms(), __ATOMIC_RELAXED);
}
