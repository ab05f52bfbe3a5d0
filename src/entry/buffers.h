/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * buffers: libc's functions by which the kernel reads or writes the program's memory.
 *
 * Each goes on to the next function in the chain of libraries, with all its arguments and by a
 * jump: results, errno and cancellation are that function's. Before that, the memory that the call
 * names is reached (limit/cold.h), if any mapping is cold. What the program gives as an array of
 * buffers or as a message may not be readable: it is looked into only then, and by the kernel.
 */
#ifndef MAPHERD_BUFFERS_H
#define MAPHERD_BUFFERS_H

/* Looks up the next functions in the chain. For the constructor. Earlier, the hooks make the system
 * calls themselves. */
void buffers_resolve(void);

#endif
