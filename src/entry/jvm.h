/*
 * jvm: the handler that HotSpot installs for SIGBUS.
 *
 * It makes an InternalError of a fault in a mapped buffer. That error comes several stores after
 * the access, so that these are lost unnoticed. Any other fault ends the JVM (JDK:
 * PosixSignals::pd_hotspot_signal_handler).
 */
#ifndef MAPHERD_JVM_H
#define MAPHERD_JVM_H

#include <stdbool.h>
#include <stdint.h>

/* The program is about to install this handler for SIGBUS. Scans /proc/self/maps once for each
 * handler, to see whether it lies in libjvm.so. Takes no lock; thread- and async-signal-safe. */
void jvm_notice(uintptr_t handler);

/* Returns true if the handler is the first one that HotSpot installed; a later one is for its crash
 * report. Takes no lock; thread- and async-signal-safe. */
bool jvm_owns(uintptr_t handler);

#endif
