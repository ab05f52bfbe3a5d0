/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * zone: the range of address space from which the library takes addresses.
 *
 * The zone reaches from a quarter to five eighths of the user's address space of 39 to 48 bits.
 * That is above the addresses that AddressSanitizer and the JVM's collectors choose, and below PIE
 * programs and the addresses that the kernel chooses, from the top down. zone_pick needs the model
 * lock.
 */
#ifndef MAPHERD_ZONE_H
#define MAPHERD_ZONE_H

#include <stddef.h>
#include <stdint.h>

#define ZONE_STEP (2UL << 20) /* large folios fit */

static inline uint64_t zone_round_up(uint64_t n)
{
    return (n + ZONE_STEP - 1) & ~(ZONE_STEP - 1);
}

/* Sets the zone. Any address on the stack shows the size of the address space; random is a seed.
 * For the constructor. */
void zone_start(uintptr_t stack, uint64_t random);

/* Returns the size of the user's address space. It is the longest length that the kernel accepts,
 * and more than the distance from any address in the zone to the end. */
size_t zone_whole_space(void);

/* Returns the longest length that fits. */
uint64_t zone_longest(void);

/* Returns the address, a multiple of ZONE_STEP, of len bytes in the zone; 0 if len does not fit.
 * Addresses begin at random and ascend with random gaps. Nothing is reserved: the caller maps the
 * range with MAP_FIXED_NOREPLACE. */
uintptr_t zone_pick(uint64_t len);

/* From here on no address in this range is picked: the library's own memory grows there. The last
 * such range holds. For the constructor. */
void zone_keep(uintptr_t start, uintptr_t end);

#endif
