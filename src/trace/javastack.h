/*
 * javastack: the Java frames of a thread that maps something in a native method.
 *
 * By JVMTI on the calling thread, without an agent: GetStackTrace costs 2 to 6 us. Methods are named
 * once (stacks.h keeps the names). Asked is only where the way from the hook to Java code leads
 * through a native library and not through libjvm.so: a thread that is inside the JVM may not
 * call it. Nor may an allocator that maps, because the JVM allocates for the answer, nor a signal's
 * handler, because what it has interrupted may be Java code, or the JVM. No lock may be held: the call waits where the JVM is at a
 * safepoint.
 */
#ifndef MAPHERD_JAVASTACK_H
#define MAPHERD_JAVASTACK_H

#include <stddef.h>
#include <stdint.h>

/* Once, in the constructor. */
void javastack_start(void);

/* leaks_java's form. */
size_t javastack_take(const uintptr_t *pcs, size_t *n, uint32_t *frames, size_t max);

#endif
