/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * placer: puts the library into a static program, which has no loader that would do it.
 *
 * A process beside this one traces it (ptrace(2)). When this one becomes the program, the other
 * maps the library there, lets it start before the first instruction of the program, and ends. The
 * program has the process id of this one, and no child: the library waits for the other's end.
 */
#ifndef MAPHERD_COMMAND_PLACER_H
#define MAPHERD_COMMAND_PLACER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Before exec: library is the path, name the program's for a line that says what has failed then.
 * Returns NULL, or a sentence that says why nothing is placed: then there is no other process.
 */
const char *placer_start(const char *library, const char *name);

/* Where exec has failed: ends the other process. */
void placer_stop(void);

#endif
