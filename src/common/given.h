/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * given: what the kernel has given the process at its start: the environment and the auxiliary
 * vector.
 *
 * They come by libc. A Go program that is linked without cgo has none: then they are found behind
 * the arguments, which glibc's loader hands to constructors.
 */
#ifndef MAPHERD_GIVEN_H
#define MAPHERD_GIVEN_H

#include <stdbool.h>

/* For the constructor, with its arguments, and before the other functions. False: the program has
 * no libc, and the arguments do not look like those of glibc's loader. */
bool given_start(int argc, char **argv);

/* Whether the program has a libc. */
bool given_libc(void);

/* As environ(7). The program may change it. */
char **given_environ(void);

/* As getauxval(3): 0 where there is no such entry, and before given_start without a libc. */
unsigned long given_value(unsigned long type);

/* The program's name without folders, or "?". It points into the arguments. */
const char *given_name(void);

#endif
