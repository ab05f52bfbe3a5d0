/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pages: the page size, and addresses rounded to it.
 */
#ifndef MAPHERD_PAGES_H
#define MAPHERD_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* The page size in bytes (AT_PAGESZ of getauxval(3)). The constructor sets it, before there is
 * another thread. */
extern size_t page_size;

/* Rounds an address down to the start of its page. */
static inline uintptr_t page_down(uintptr_t addr)
{
    return addr & ~(uintptr_t)(page_size - 1);
}

/* Rounds an address up to the start of a page. The last page's end is 0, as in the kernel
 * (PAGE_ALIGN). */
static inline uintptr_t page_up(uintptr_t addr)
{
    return page_down(addr + page_size - 1);
}

#endif
