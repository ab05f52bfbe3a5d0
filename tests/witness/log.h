/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * log: what the disk writes down, what the replay reads, and the page that all of them share.
 *
 * A record is a header and, of a write, its bytes. The shared page tells a program how much had
 * been written down at a moment: what a call had returned before is in those records.
 */
#ifndef WITNESS_LOG_H
#define WITNESS_LOG_H

#include <stdint.h>

enum { RECORD_WRITE = 1, RECORD_FLUSH = 2 };

struct log_record {
    uint64_t kind, offset, len;
};

/* The file of the moment, mapped by all. */
struct moment {
    uint64_t records; /* written down so far */
    uint64_t flushes;
    uint64_t fail;    /* writes that hold MARK fail with EIO */
    uint64_t refused; /* how many have failed so */
    uint64_t trouble; /* an errno: the disk itself could not go on, and nothing it did counts */
    /* By watch.c, of the calls that reached the kernel: */
    uint64_t marked;    /* the address of the page that holds MARK */
    uint64_t seen;      /* refused, when the last call had returned */
    uint64_t outside;   /* writes that were refused while no msync was under way */
    uint64_t elsewhere; /* while one was that did not ask for the page */
};

/* A page that begins with it is one whose writing can be made to fail. */
#define MARK 0x6d61726b6d61726bULL

/* How a program of the witness ends that could not do its own part, for want of space or else: that
 * says nothing about what it was to judge. */
#define WITNESS_TROUBLE 3

#endif
