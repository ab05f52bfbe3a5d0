/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * jitmap: names of code that belongs to no file, from the map file that a JIT writes.
 *
 * The file is /tmp/perf-PID.map, as this process sees it: lines of START, SIZE and NAME
 * (tools/perf/Documentation/jit-interface.txt of the kernel). Any user can make a file of that
 * name. So it is only read if it is a regular file of this user or of root that not everybody can
 * write to, and that was written to since the program began.
 */
#ifndef MAPHERD_JITMAP_H
#define MAPHERD_JITMAP_H

#include <stddef.h>
#include <stdint.h>

/* Remembers when the program began. For the constructor. */
void jitmap_start(void);

struct jitmap_name {
    uintptr_t pc;
    char text[96]; /* cut; without blanks and control characters; "": not known */
};

/*
 * Sets the text of each of n names, at most 32. Reads the file once, 32 MiB of it at most; of two
 * lines for one place the later one counts. Thread- and async-signal-safe, with little stack; in a
 * signal handler that has interrupted it, and while another thread is in it, no name is known.
 */
void jitmap_find(struct jitmap_name *names, size_t n);

#endif
