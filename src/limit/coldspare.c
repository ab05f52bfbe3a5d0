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

static unsigned spares; /* VMAs that are mapped */

static uintptr_t page_at(unsigned n)
{
    return coldset_spares() + n * page_size;
}

/* Every second page gets another protection, so that none is one VMA with its neighbour. */
void coldspare_take(void)
{
    if (spares || sys_failed(sys_mmap(page_at(0), COLD_SPARES * page_size, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)))
        return;
    spares = 1;
    for (unsigned n = 1; n < COLD_SPARES && sys_mprotect(page_at(n), page_size, PROT_READ) == 0;
         n += 2)
        spares = n + 2 < COLD_SPARES ? n + 2 : COLD_SPARES;
    count_spare(-(long)spares);
}

bool coldspare_give(void)
{
    if (!spares)
        return false;
    sys_munmap(page_at(0), COLD_SPARES * page_size);
    count_spare(spares);
    spares = 0;
    return true;
}
