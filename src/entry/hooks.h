/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * hooks: see hooks.c. The table of the names is hooks.def.
 */
#ifndef MAPHERD_HOOKS_H
#define MAPHERD_HOOKS_H

/* Looks up the functions of libc that stay in the chain of preloaded libraries. For the
 * constructor. Earlier, the hooks make the system calls themselves. */
void hooks_resolve(void);

#endif
