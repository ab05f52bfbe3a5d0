/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coldspare: see coldspare.h.
 */
#define _GNU_SOURCE
#include "limit/coldspare.h"

#include <sys/mman.h>

#include "common/pages.h"
#include "kernel/sys.h"
#include "limit/coldset.h"
#include "space/count.h"

static uintptr_t base;
static unsigned spares; /* VMAs that are mapped */
static bool given;

/* Every second page gets another protection, so that none is one VMA with its neighbour. The kernel
 * maps them elsewhere if something of the program is there. */
void coldspare_take(void)
{
    if (spares)
        return;
    long at = sys_mmap(coldset_spares(), COLD_SPARES * page_size, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sys_failed(at))
        return;
    base = (uintptr_t)at;
    spares = 1;
    for (unsigned n = 1;
         n < COLD_SPARES && sys_mprotect(base + n * page_size, page_size, PROT_READ) == 0; n += 2)
        spares = n + 2 < COLD_SPARES ? n + 2 : COLD_SPARES;
    given = false;
    count_spare(-(long)spares);
}

bool coldspare_give(void)
{
    if (!spares)
        return false;
    sys_munmap(base, COLD_SPARES * page_size);
    count_spare(spares);
    spares = 0;
    given = true;
    return true;
}

bool coldspare_given(void)
{
    return given;
}
