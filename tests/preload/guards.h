/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards: what a program sees of its guard pages, case by case.
 *
 * A case works in an area of AREA pages and prints what it was answered and what each page is
 * then. Nothing that is printed depends on the library, on addresses or on time.
 */
#ifndef TESTS_GUARDS_H
#define TESTS_GUARDS_H

#include <stddef.h>

#define PAGE 4096UL
#define AREA 16UL

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* AREA fresh pages of memory with maps of another kind on both sides. */
char *area(int prot, int flags);

/* "WHAT: 0", or the errno's name. */
void told(const char *what, long answer);

/*
 * One word for each page of [a, a + AREA pages): "F" reading faults, "r" writing faults, else its
 * first byte; with that, "E" where a system call is refused the page though the program is not.
 */
void show(const char *what, char *a);

/* Runs a part of a case in a child. */
void in_child(void (*part)(char *), char *a);

/* A part: show. */
void child_shows(char *a);

int protect(char *a, size_t from, size_t to, int prot);

struct guard_case {
    const char *name;
    void (*run)(void);
};
extern const struct guard_case guard_basics[], guard_calls[], guard_kinds[]; /* end with NULL */

#endif
