/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * life: the start and the end of the library in a process.
 */
#ifndef MAPHERD_LIFE_H
#define MAPHERD_LIFE_H

/* What the constructor does, with its arguments: argv is followed by the environment and the
 * auxiliary vector. For the one thread of a process, before the program's first instruction. */
void life_start(int argc, char **argv);

#endif
