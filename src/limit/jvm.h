/*
 * jvm: the handler that HotSpot installs for SIGBUS.
 *
 * It makes an InternalError of a fault in a mapped buffer, a moment after the access and several
 * stores later (so the stores in between are lost unnoticed), and dies of what it does not know.
 */
#ifndef MAPHERD_JVM_H
#define MAPHERD_JVM_H

#include <stdbool.h>
#include <stdint.h>

/* The program is about to install this handler. Reads the list of maps once a handler. Takes no
 * lock; async-signal-safe. */
void jvm_notice(uintptr_t handler);

/* It is the one that HotSpot installed first. One that it installs later is that of its crash
 * report. */
bool jvm_owns(uintptr_t handler);

#endif
