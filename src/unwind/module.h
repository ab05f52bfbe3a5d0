/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * module: the program and its libraries, by an address in them.
 */
#ifndef MAPHERD_MODULE_H
#define MAPHERD_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module {
    uintptr_t start, end;        /* from the first segment's start to the last one's end */
    uintptr_t bias;              /* address - bias is the address in its file */
    const char *path;            /* empty for the program itself */
    const unsigned char *unwind; /* its .eh_frame_hdr, or NULL */
};

/* Notes the modules that are loaded, where module_find needs that. For the constructor: it takes
 * the loader's lock. */
void module_start(void);

/*
 * Finds the module of an address, by _dl_find_object of glibc 2.35 and later, which takes 5 to 9
 * ns. With an older glibc, and with musl, the modules are those that module_start has noted, 64 at
 * most, and that are still there; of a path longer than 255 bytes its end is known then. False
 * where there is none. Thread- and async-signal-safe; no lock. The answer holds until the module is
 * unloaded: a module with a call on the caller's stack is not.
 */
bool module_find(uintptr_t address, struct module *m);

/* ---- reach ---- */

/*
 * Reads of memory that may not be mapped.
 *
 * A walk up a stack reads memory at addresses in registers and on the stack, which may have any
 * value. It asks the kernel for each page once before it reads there: sys_readable costs 0.12 us,
 * and the calling thread's own stack stays mapped while the thread runs. Where a broken chain
 * points to other memory, another thread may unmap that within the few instructions between the
 * question and the read. Only process_vm_readv would prevent that. It costs four times as much, and
 * seccomp filters (systemd's @system-service) kill for it. Every function is thread- and
 * async-signal-safe, and has no state but the caller's.
 */

/* The pages that can be read, [low, high). Zeroed: none is known. */
struct reach {
    uintptr_t low, high;
};

#define REACH_PAGE 4096UL /* the smallest page of both machines */

/* Notes that the page of an address can be read: that of the caller's own stack pointer. */
static inline void reach_own(struct reach *r, uintptr_t at)
{
    r->low = at & -REACH_PAGE;
    r->high = r->low + REACH_PAGE;
}

/* True if [at, at + len) can be read. Notes the whole pages around it. */
bool reach_span(struct reach *r, uintptr_t at, size_t len);

/* Reads the word at an aligned address. False, with *word unchanged, if it cannot be read. */
bool reach_word(struct reach *r, uintptr_t at, uintptr_t *word);

#endif
