/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * text: changes the code of a library in place.
 *
 * The kernel writes to a mapping without write access for whoever writes to /proc/self/mem: the
 * page becomes a private copy, and its VMA stays one, with its protection. mprotect would split it.
 * A page that may be written and executed never exists.
 *
 * Where the kernel refuses that (proc_mem.force_override=, a process that is not dumpable), or
 * /proc is not there, is read-only or is another file's, nothing is changed.
 *
 * For the constructor: no other thread may run the code meanwhile.
 */
#ifndef MAPHERD_TEXT_H
#define MAPHERD_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Opens the process's memory. Returns a descriptor for text_jump and text_close, or -1. */
int text_open(void);
void text_close(int mem);

/* Puts a jump of five bytes to `to` at `from`. False: it has not been written, because the kernel
 * refuses it, or to is too far away. Then the bytes are what they were. */
bool text_jump(int mem, uintptr_t from, uintptr_t to);

#endif
