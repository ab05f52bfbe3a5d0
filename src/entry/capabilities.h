/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * capabilities: the parts of the library, and the order in which things happen to them.
 *
 * One table (capabilities.c) has a row for each part. A part uses what stands above it. So what
 * begins goes down the table: the constructor, and the reset in a forked child. What ends goes up:
 * the withdrawal from the program, and the end of the process. What is due at the end of a call has
 * the order of its bits (common/due.h). A new capability is a row.
 *
 * The locks of a fork have an order of their own (kernel/lock.h, entry/gate.c). The handler of
 * SIGBUS starts after the table (entry/life.c), because a fault may need every part.
 */
#ifndef MAPHERD_CAPABILITIES_H
#define MAPHERD_CAPABILITIES_H

/* For the constructor, when the options are read and the library has its memory. */
void capabilities_start(void);

/* The end of a call: does what is due (common/due.h). The caller holds no lock. Thread- and
 * async-signal-safe. errno stays as it was. */
void capabilities_settle(void);

/* In a forked child that has no other thread yet: what threads that are not here held is free, and
 * what is the parent's alone is forgotten. */
void capabilities_begin_in_child(void);

/* The program is to run on without the library: everything is given back, and nothing is written
 * from then on. The caller closes the gate. */
void capabilities_withdraw(void);

/* The process ends. */
void capabilities_end(void);

#endif
