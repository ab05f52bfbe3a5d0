/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * hints: what the user can do to see more of a leak.
 */
#ifndef MAPHERD_COMMAND_HINTS_H
#define MAPHERD_COMMAND_HINTS_H

#include <stdbool.h>

#include "command/leaks/groups.h"

/*
 * Says behind the groups what would tell more: in a JVM, a collection before mappings are judged by
 * their age; for scripts, the map file that has their functions. older: the user has asked for old
 * mappings alone.
 */
enum hints_form { HINTS_TEXT, HINTS_JSON, HINTS_COMPLAINTS };
void hints_give(const struct groups *g, bool older, enum hints_form form);

#endif
