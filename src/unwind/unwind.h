/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * unwind: the native call stack of this thread, also without frame pointers.
 *
 * A walk uses .eh_frame where a module has it, and otherwise the chain of frame pointers, which a
 * JIT may keep (the JVM with -XX:+PreserveFramePointer). It continues through a signal handler to
 * the code that was interrupted. In what a program of musl, or of glibc before 2.35, loads after
 * its start, it uses frame pointers alone (module_find).
 *
 * Each address that it returns lies inside an instruction: the one to run next in code that a
 * signal has interrupted, and the last byte of the call in all others. So it can be looked up as it
 * is, also where the call is the last instruction of its function. The return address is one more.
 *
 * Every function is thread- and async-signal-safe, takes no lock, allocates nothing, does not
 * change errno, and uses less than 1.5 KiB of stack. None faults, whatever the stack contains: a
 * walk ends where the chain does not lead upwards, or cannot be read. So a stack may be incomplete.
 */
#ifndef MAPHERD_UNWIND_H
#define MAPHERD_UNWIND_H

#include <stddef.h>
#include <stdint.h>

/* Sets pcs[0 .. max) to the code that a signal has interrupted and its callers, the innermost
 * first. ucontext is the handler's third argument. Returns how many there are. */
size_t unwind_context(const void *ucontext, uintptr_t *pcs, size_t max);

/* Sets pcs[0 .. max) to the caller of this function and its callers, the innermost first. Returns
 * how many there are. */
size_t unwind_here(uintptr_t *pcs, size_t max);

/*
 * Writes "libc.so.6+0x1234 prog+0x5678 0x7f0012345678" into size > 0 bytes: names of files without
 * their folders, with addresses as addr2line -e takes them; an address in no file stays as it is,
 * and is followed by its name, "0x7f0012345678(py::leak:/srv/a.py)", where a JIT's map file has one.
 * Addresses that do not fit are left out; the NUL is always there. Returns the length.
 */
size_t unwind_text(char *out, size_t size, const uintptr_t *pcs, size_t count);

#endif
