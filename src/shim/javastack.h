/*
 * javastack: the Java frames of a thread that maps something in a native method.
 *
 * By JVMTI on the calling thread, without an agent: GetStackTrace costs 2 to 6 us. Methods are named
 * once (stacks.h keeps the names). Asked is only where the way from the hook to Java code leads
 * through a native library and not through libjvm.so: a thread that is inside the JVM may not
 * call it. No lock may be held: the call waits where the JVM is at a safepoint.
 */
#ifndef MAPHERD_JAVASTACK_H
#define MAPHERD_JAVASTACK_H

#include <stddef.h>
#include <stdint.h>

/* leaks_java's form. Not async-signal-safe in a thread of a JVM, as nothing there is that maps. */
size_t javastack_take(const uintptr_t *pcs, size_t *n, uint32_t *frames, size_t max);

#endif
