/*
 * jvm: the handler that HotSpot installs for SIGBUS, and HotSpot's answer to a fault.
 *
 * libjvm.so exports JVM_handle_linux_signal(sig, info, context, abort), for programs that have the
 * handler in the kernel themselves: it makes an InternalError of a fault in a mapped buffer, and
 * says 0 to what it does not know.
 */
#ifndef MAPHERD_JVM_H
#define MAPHERD_JVM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* The program is about to install this handler. Reads the list of maps once a handler and looks
 * HotSpot's function up where it lies in libjvm.so. Async-signal-safe for handlers that do not. */
void jvm_notice(uintptr_t handler);

/* It is the one that HotSpot installed first, and HotSpot can be asked. One that it installs later
 * is that of its crash report, and is left alone. */
bool jvm_owns(uintptr_t handler);

/* Only after jvm_owns: true if HotSpot took it. */
bool jvm_takes(int sig, siginfo_t *info, void *context);

#endif
