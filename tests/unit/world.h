/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * world: the model as the library's start leaves it, in a fake kernel.
 */
#ifndef MAPHERD_WORLD_H
#define MAPHERD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A fake kernel as new, the pool at work, the zone chosen. The model has to be empty: what a test
 * maps it unmaps. */
void world_start(void);

/* world_start for cmocka. */
int world_setup(void **state);
#define WORLD(test) cmocka_unit_test_setup(test, world_setup)

/* Maps in the fake kernel that are not the library's own memory. */
long world_maps(void);

/* A random number below n, from a seed that is printed; UNIT_SEED in the environment repeats it. */
uint32_t world_random(uint32_t n);

#endif
