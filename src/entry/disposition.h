/*
 * disposition: the action for SIGBUS as the program set it.
 *
 * sigaction is async-signal-safe, so this is lock-free: a writer prepares a slot of its own and
 * publishes it by one compare-and-swap; a reader copies and looks whether it was current all the
 * time. A frame that was interrupted by a handler that does the same stands in nobody's way.
 */
#ifndef MAPHERD_DISPOSITION_H
#define MAPHERD_DISPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sys.h"

/* Copies what is in force; the mark names it for disposition_change and disposition_is. */
uint64_t disposition_read(struct sys_action *now);

/* Puts another in its place: false if that is no longer in force, and nothing has changed. */
bool disposition_change(uint64_t mark, const struct sys_action *wanted);

/* Still in force? */
bool disposition_is(uint64_t mark);

#endif
