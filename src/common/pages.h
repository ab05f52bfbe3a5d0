/*
 * pages: addresses and whole pages.
 */
#ifndef MAPHERD_PAGES_H
#define MAPHERD_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* Set once at start, before any other thread: the page size (getauxval AT_PAGESZ). */
extern size_t page_size;

static inline uintptr_t page_down(uintptr_t addr)
{
    return addr & ~(uintptr_t)(page_size - 1);
}

/* Rounds up; what would pass the end of the address space becomes 0, as in the kernel. */
static inline uintptr_t page_up(uintptr_t addr)
{
    return page_down(addr + page_size - 1);
}

#endif
