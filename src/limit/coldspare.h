/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldspare: VMAs that are kept for mappings which are to become warm.
 *
 * A program may map up to the limit what cannot be cold, anonymous memory for instance. A cold
 * mapping that is accessed then needs up to two VMAs more, and there may be no other mapping whose
 * VMA it could have. The spare VMAs are given up for it. The mappings that became warm by them make
 * room for the next ones.
 *
 * Every function needs the lock of coldset.h.
 */
#ifndef MAPHERD_COLDSPARE_H
#define MAPHERD_COLDSPARE_H

#include <stdbool.h>

#define COLD_SPARES 64

/* Maps the spare VMAs, where the limit allows, unless there are any. */
void coldspare_take(void);

/* Unmaps them. Returns false if there are none. */
bool coldspare_give(void);

/* True if they were given, and not taken again. */
bool coldspare_given(void);

#endif
