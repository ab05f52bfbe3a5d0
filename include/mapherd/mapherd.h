/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd.h: for programs that know of mapherd, and for the mapherd command.
 *
 * A program need not know: preloading is enough. One that wants to ask declares nothing but this
 * header, links against nothing, and finds mapherd_status NULL where the library is not in it:
 *
 *     if (mapherd_status)
 *         printf("about %ld maps\n", (long)mapherd_status()->bound);
 */
#ifndef MAPHERD_MAPHERD_H
#define MAPHERD_MAPHERD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAPHERD_STATUS_MAGIC 0x6472656870616d00ull /* "\0mapherd" read as a little-endian number */
#define MAPHERD_STATUS_VERSION 1
#define MAPHERD_SYNC_BUCKETS 7
#define MAPHERD_STATUS_PACKAGE 32
#define MAPHERD_STATUS_OPTIONS 508

enum mapherd_state {
    MAPHERD_STARTING = 0,  /* the constructor has not run; calls pass through */
    MAPHERD_HERDING = 1,   /* at work */
    MAPHERD_OBSERVING = 2, /* MAPHERD_MODE=observe */
    MAPHERD_PASSIVE = 3,   /* passes everything through; why is in reason */
};

enum mapherd_reason {
    MAPHERD_NO_REASON = 0,  /* it is not passive */
    MAPHERD_NOT_CHOSEN = 1, /* MAPHERD_ONLY or MAPHERD_SKIP */
    MAPHERD_NO_MEMORY = 2,  /* the kernel gave none at start */
    MAPHERD_SANDBOXED = 3,  /* the program put itself under seccomp */
    MAPHERD_EXITING = 4,
    MAPHERD_FORKED = 5,   /* in the middle of a change of the library */
    MAPHERD_MISTAKEN = 6, /* it has found a mistake of its own, and has said so in the log */
    MAPHERD_NO_WAY = 7,   /* a Go program without libc, whose system calls cannot be redirected */
};

/*
 * What the library knows of its process. Read it at any time and from any thread, signal handlers
 * included: each number is written whole, the numbers together are not one moment. `mapherd stat
 * PID` reads the same block out of another process, by the exported symbol
 * mapherd_status_block. What each field is stands in status.def, beside this file.
 * Fields are only ever added at the end: check size.
 */
struct mapherd_status {
#define NUMBER(type, name, part, kind, metric, what) type name;
#define FIELD(type, name, what) type name;
#define ARRAY(type, name, length, what) type name[length];
#include "status.def"
#undef NUMBER
#undef FIELD
#undef ARRAY
};

/* Never NULL where the symbol is there. */
const struct mapherd_status *mapherd_status(void) __attribute__((weak));

#ifdef __cplusplus
}
#endif

#endif
