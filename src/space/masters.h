/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * masters: a VMA of one page of a file, from which chunks are made.
 *
 * mremap(old_size = 0) makes a second VMA of a shared mapping's open file, of any length, without a
 * descriptor. All chunks made from one master have the same open file. So the kernel merges them,
 * in any order and on every filesystem, whichever open()s the program has used.
 *
 * A master is mapped from a descriptor of the program, with its protection and flags, and no call
 * of the program can know its address. It is one page, so that it counts little against a limit on
 * the address space (RLIMIT_AS) that the program sets later, and takes little memory if the program
 * locks all. A file has one master for each kind of mapping. They are removed with the file's last
 * window. Every function needs the model lock.
 */
#ifndef MAPHERD_MASTERS_H
#define MAPHERD_MASTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/files.h"

/* An open descriptor of the file, with the arguments of mmap for it. */
struct source {
    int fd, prot, flags;
};

/* A mapping that a call has just made, and that the program does not know yet. */
struct fresh {
    uintptr_t start;
    size_t len;
    uint64_t offset; /* of start in the file */
    uint32_t kind;   /* REGION_ bits */
};

enum join {
    JOIN_DONE,     /* the range is mapped from the master's open file */
    JOIN_DECLINED, /* the mapping is as it was */
    JOIN_LOST,     /* the kernel had no memory half way: nothing is mapped in the range */
};

/*
 * Replaces a fresh mapping by the same part of the same file, made from the file's master. Maps the
 * master first if there is none. Only for shared mappings of files for which one open() cannot be
 * told from another. Declines where RLIMIT_AS is set, because the copy is first made elsewhere,
 * together with all that precedes it in the file. Declines also where the fresh mapping is locked,
 * by an mlockall that no hook has seen, and the master is not.
 */
enum join masters_join(struct file *f, const struct source *s, const struct fresh *new);

/* Retires the masters of f if they save no VMA any more: if the program's mappings in f's windows,
 * made by the fewest calls possible, were no more VMAs than f's regions and masters. Is called
 * after an unmapping in the windows. */
void masters_review(struct file *f);

/* Puts the masters of f on the list of those to unmap (DUE_MASTERS). They are not unmapped here,
 * because munmap may have to close the file, which must not happen under a lock. */
void masters_retire(struct file *f);

/* True if the page at addr is a master of this file, on the list or not. */
bool masters_has(dev_t dev, ino_t ino, uintptr_t addr);

/* Takes a master off the list, and sets *addr to its page, which the caller unmaps when it has no
 * lock any more. False: the list is empty. */
bool masters_take_retired(uintptr_t *addr);

/* Returns how many masters are mapped, without those on the list. */
size_t masters_total(void);

#endif
