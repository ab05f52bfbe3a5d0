/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * request: the arguments of an mmap of the program, and its file.
 *
 * All code that needs the file asks request_file, so that the kernel is asked once.
 */
#ifndef MAPHERD_REQUEST_H
#define MAPHERD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "kernel/sys.h"

struct map_request {
    uintptr_t addr;
    size_t len;
    int prot, flags, fd;
    uint64_t offset;
    bool own;   /* libc maps the file for itself: only the model takes notice of it */
    bool asked; /* request_file has set st; st_mode is 0 where there is no file */
    struct stat st;
    bool lone;     /* placement.c: the kernel chooses its address; it becomes a lone chunk */
    uint32_t kind; /* the REGION_ bits of that chunk, if lone */
};

/* Sets the arguments. st and kind stay unset, because an anonymous mapping does not need them. */
static inline void request_start(struct map_request *q, uintptr_t addr, size_t len, int prot,
                                 int flags, int fd, uint64_t offset)
{
    q->addr = addr;
    q->len = len;
    q->prot = prot;
    q->flags = flags;
    q->fd = fd;
    q->offset = offset;
    q->own = q->asked = q->lone = false;
}

/* Returns the file of the descriptor; NULL if the kernel cannot say. Needs no lock. */
static inline const struct stat *request_file(struct map_request *q)
{
    if (!q->asked && sys_fstat(q->fd, &q->st) < 0)
        q->st.st_mode = 0; /* no file has this mode */
    q->asked = true;
    return q->st.st_mode ? &q->st : NULL;
}

#endif
