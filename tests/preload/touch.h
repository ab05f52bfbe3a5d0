/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * touch: may this byte be touched? A fault is an answer, not the end.
 */
#ifndef TESTS_TOUCH_H
#define TESTS_TOUCH_H

#include <stdbool.h>

/* Takes SIGSEGV and SIGBUS. Threads may touch after it, each for itself. */
void touch_start(void);

bool touch_reads(const volatile char *byte);
bool touch_stores(volatile char *byte, char value);

#endif
