/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fakespace: an address space as the kernel keeps it, with its rules of merging and counting.
 */
#ifndef MAPHERD_FAKESPACE_H
#define MAPHERD_FAKESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_vma {
    uintptr_t start, end;
    int prot;
    bool shared;
    int file;        /* the open file's number (fake_number); 0: anonymous */
    uint64_t inode;  /* of that file */
    uint64_t offset; /* of start in the file */
    unsigned marks;  /* advice and locks that keep it apart from plain neighbours, FAKE_MARK_* */
};
enum { FAKE_MARK_LOCKED = 1, FAKE_MARK_NORESERVE = 2, FAKE_MARK_ADVICE = 4 /* << advice */ };

/* vm.max_map_count of the fake; 65,530 after fake_reset. */
extern long fake_limit;

/* Anonymous writable maps are real memory too, at the same address: for code that uses its own. */
extern bool fake_backing;

void fake_space_reset(void);

long fake_vma_count(void);
const struct fake_vma *fake_vma_number(long n);

/* The map that holds addr, or NULL. */
const struct fake_vma *fake_vma_at(uintptr_t addr);

/* The space as /proc/self/maps would show it. */
size_t fake_space_text(char *buf, size_t size);

#endif
