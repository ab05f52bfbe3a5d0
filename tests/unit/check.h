/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * check: for the tests that are programs without cmocka, because they fork, end or are ended.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdio.h>
#include <unistd.h>

/* Says where and what it was, and ends the process at once, a child too. */
#define CHECK(...)                                                                    \
    do {                                                                              \
        if (!(__VA_ARGS__)) {                                                         \
            fprintf(stderr, "%s:%d: %s (%m)\n", __FILE__, __LINE__, "" #__VA_ARGS__); \
            _exit(1);                                                                 \
        }                                                                             \
    } while (0)

#endif
