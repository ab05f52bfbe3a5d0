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

/*
 * The same for code that is further away from the library than a jump of five bytes reaches, which
 * is 2 GiB. Such a jump leads to a bridge, which lies close to the code and has the whole address.
 * A page has room for all bridges of a program. text_bridges maps it below start, the address of
 * the program's first byte, where no heap grows. False: the kernel refuses it, as SELinux may for
 * memory that is executed and is no file's (execmem).
 */
struct text_bridges {
    uintptr_t next, end;
};
bool text_bridges(struct text_bridges *b, uintptr_t start);
bool text_jump_far(int mem, struct text_bridges *b, uintptr_t from, uintptr_t to);

#endif
