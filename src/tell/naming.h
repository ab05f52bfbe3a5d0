/*
 * naming: names of files with the process in them: %p its id, %e the program, %t the time in
 * seconds since 1970, %h the host's name (a container's id, often). Any other % is itself.
 */
#ifndef MAPHERD_NAMING_H
#define MAPHERD_NAMING_H

#include <stddef.h>

#include "common/words.h"

/* What does not fit is cut; always ends with NUL (size > 0). Returns the length. Thread- and
 * async-signal-safe. */
size_t naming_expand(char *out, size_t size, struct option_text form, const char *program, long pid);

/* The host's name; "?" where it cannot be read. No '/' and no control characters. */
void naming_host(char *out, size_t size);

#endif
