/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cure: what mapherd can make of a process's VMAs: how many fewer they would be, by which of its
 * mechanisms, if the program had run under it from the start. It is foretold from the kernel's list
 * alone, for any process, and is right to a few VMAs where a program maps as the list looks: what
 * the list does not show (the order of the calls, MAP_FIXED, advice, locks, open files) may change
 * it. Nothing is foretold of devices and memfds.
 *
 *   placing  parts of a file that continue each other lie side by side (herd/placement.h). Of each
 *            file the first part stays where it is.
 *   filling  gaps of up to 16 MiB between the parts of a file that is mapped shared are mapped too
 *            (herd/retention.h). Of a file whose parts never continue each other, five more VMAs
 *            stay.
 *   guards   guard pages are made without a VMA of their own (herd/guards.h). Those of threads are
 *            made by libc itself or before the stack is in use, and stay.
 *   cooling  mappings of files that are not in use need no VMA (limit/cold.h), so that the count
 *            stays at four fifths of the limit however many files are mapped.
 */
#ifndef MAPHERD_CURE_H
#define MAPHERD_CURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "command/lib/print.h"
#include "command/watch/pieces.h"

/* In the order of COLD_WORDS (tell/options.h). */
enum cure_cold { CURE_COLD_AUTO, CURE_COLD_ON, CURE_COLD_OFF };

struct cure {
    long maps;                     /* VMAs now */
    long placing, filling, guards; /* VMAs fewer by each */
    long left;                     /* VMAs that would be left by these three */
    long cooling;                  /* of what is left, mappings of files that may be cold */
    bool overlay;                  /* of those, most are on overlayfs: MAPHERD_COLD=on is needed */
    long border;         /* with cooling the count stays here; 0: the limit is not known */
    bool calm;           /* less than half of the limit is used, so nothing need be done */
    bool preloaded;      /* mapherd is in the process */
    enum cure_cold cold; /* and what MAPHERD_COLD was there */
    bool reachable;      /* it can be; else nothing is foretold */
    bool go;             /* the program is in Go: nothing is cold there */
    bool markers;        /* this kernel can make guards without VMAs (Linux 6.13) */
    bool file_markers;   /* and fill gaps (Linux 6.16); else guards and filling are 0 */
};

/* The process of the pieces. */
struct patient {
    pid_t pid; /* 0: it does not run here */
    long threads, limit;
    bool preloaded;
};

struct cure cure_of(const struct pieces *p, const struct patient *of);

/* Whether a notable part of the VMAs would be fewer, or most of them may be cold. */
bool cure_helps(const struct cure *c);

/* A sentence: whether mapherd cures it, and a second one where there is nothing to cure yet. In
 * memory of malloc. */
char *cure_verdict(const struct cure *c);

/* A clause for each mechanism: how many VMAs are fewer, how, and what switches it on. In memory of
 * malloc; NULL where they are less than a twentieth. which: from 0 to CURES - 1. */
enum { CURES = 4 };
char *cure_by(const struct cure *c, int which);

/* Writes the member "cure". */
void cure_json(const struct cure *c, struct json *j);

#endif
