/*
 * reason: why a file cannot be made or written, in words for a log line.
 */
#ifndef MAPHERD_REASON_H
#define MAPHERD_REASON_H

/* error: the kernel's number, positive. Thread- and async-signal-safe. */
const char *reason_of(long error);

#endif
