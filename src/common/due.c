/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * due: see due.h.
 */
#include "common/due.h"

unsigned due_word;
unsigned due_calls;
