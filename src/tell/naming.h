/*
 * naming: file names that are made from the process: %p is its id, %e the program, %t the time in
 * seconds since 1970, and %h the host's name, which is often the id of a container. Any other %
 * stays.
 *
 * Every function is thread- and async-signal-safe.
 */
#ifndef MAPHERD_NAMING_H
#define MAPHERD_NAMING_H

#include <stddef.h>

#include "common/words.h"

/* Expands a form into size > 0 bytes and returns the length. A name that does not fit is cut; the
 * NUL is always there. */
size_t naming_expand(char *out, size_t size, struct option_text form, const char *program,
                     long pid);

/* Writes the host's name, without '/' and control characters; "?" where it cannot be read. */
void naming_host(char *out, size_t size);

#endif
