/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * opens: libc's functions that open a file by its name.
 *
 * Each goes on to the next function in the chain of libraries. With MAPHERD_SHOW_LIMIT, what that
 * has opened is changed where it is vm.max_map_count (limit/show.h). Without, the hook is a load
 * and a jump.
 */
#ifndef MAPHERD_OPENS_H
#define MAPHERD_OPENS_H

/* Looks up the next functions in the chain. For the constructor. */
void opens_resolve(void);

/* Shows another limit from now on, if the options say so. For the constructor, after gate_start. */
void opens_start(void);

#endif
