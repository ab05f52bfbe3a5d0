/*
 * filter: whether a seccomp filter that the process was started under lets spilling be.
 *
 * A filter may kill for a call that its author did not expect (systemd's SystemCallFilter= does), and nothing
 * but the call itself shows whether it does. So a child makes the calls first. It is made at a fault for want of
 * space and, unless MAPHERD_SECCOMP=start, not before: a process that has space never has such a child.
 */
#ifndef MAPHERD_FILTER_H
#define MAPHERD_FILTER_H

#include <stdbool.h>

/* The process has a filter (PR_GET_SECCOMP, asked once). What is said of it below is of no other calls than
 * those of spilling. Thread- and async-signal-safe, as is filter_passes. */
bool filter_is_there(void);

/* There is none, or a child has lived through the calls. */
bool filter_passes(void);

/* A child did not live through them, or was refused one, or could not be made. */
bool filter_refuses(void);

/*
 * filter_passes, by a child if that is not known yet; the first answer stays. The clone that makes the child may
 * be what the filter kills for. So it is made only where the process dies of the
 * fault anyway (dies), or has threads, which a clone has made; and not where the child would be the first process of a
 * namespace (unshare(2)). Writes a line before. Less than 1 KiB of stack. The
 * caller holds the overlay lock; async-signal-safe.
 */
bool filter_ask(bool dies);

/* The same in the constructor, because the user wants it: MAPHERD_SECCOMP=start. */
void filter_ask_at_start(void);

#endif
