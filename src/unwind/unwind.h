/*
 * unwind: who called, in native code, also without frame pointers.
 *
 * By .eh_frame where a module has it, else by the chain of frame pointers: what a JIT wrote that
 * keeps them (the JVM with -XX:+PreserveFramePointer). Signal handlers are passed through, to what
 * they interrupted. Without glibc's _dl_find_object (before 2.35) by frame pointers alone.
 *
 * An address that is given lies inside the instruction that the function is at: the one to run next
 * in what a signal interrupted, the last byte of the call in all others. So it can be looked up as it
 * is, also where the call is a function's last instruction; the return address is one more.
 *
 * All are thread- and async-signal-safe, take no lock, allocate nothing, leave errno alone, use less
 * than 1.5 KiB of stack, and never fault, whatever the stack holds: the walk ends where the chain
 * does not go on upwards, or cannot be read. What they give is best effort.
 */
#ifndef MAPHERD_UNWIND_H
#define MAPHERD_UNWIND_H

#include <stddef.h>
#include <stdint.h>

/* What a signal interrupted and its callers, innermost first, by the handler's third argument.
 * Fills pcs[0 .. max) and returns how many. */
size_t unwind_context(const void *ucontext, uintptr_t *pcs, size_t max);

/* The same from the function on that calls this one. */
size_t unwind_here(uintptr_t *pcs, size_t max);

/*
 * "libc.so.6+0x1234 prog+0x5678 0x7f0012345678": names of files without their folders, and
 * addresses in them as addr2line -e takes them; what belongs to no file as it is. Always ends with NUL
 * (size > 0), leaves out what does not fit, returns the length.
 */
size_t unwind_text(char *out, size_t size, const uintptr_t *pcs, size_t count);

#endif
