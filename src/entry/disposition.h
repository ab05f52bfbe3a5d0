/*
 * disposition: the action for SIGBUS as the program set it.
 *
 * sigaction is async-signal-safe, so the functions here take no lock and are async-signal- and
 * thread-safe. A writer fills a slot of its own and publishes it by one compare-and-swap. A reader
 * copies the published slot, and copies again if another one was published meanwhile. So a signal
 * handler may do either while the thread that it interrupted is in the middle of it. errno stays as
 * it was.
 */
#ifndef MAPHERD_DISPOSITION_H
#define MAPHERD_DISPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sys.h"

/* Copies the action that is in force to *now. Returns its mark, by which the two functions below
 * know it. */
uint64_t disposition_read(struct sys_action *now);

/* Replaces the action with that mark by *wanted. False: it is no longer in force, and nothing
 * has changed. */
bool disposition_change(uint64_t mark, const struct sys_action *wanted);

/* Whether the action with that mark is still in force. */
bool disposition_is(uint64_t mark);

#endif
