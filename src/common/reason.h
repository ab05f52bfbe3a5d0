/*
 * reason: why a file cannot be made or written, in words for a log line.
 */
#ifndef MAPHERD_REASON_H
#define MAPHERD_REASON_H

/* Returns the words for error, a positive errno value. They are static. Thread- and
 * async-signal-safe. */
const char *reason_of(long error);

#endif
