/*
 * hugepool: /proc/meminfo has the usual size, and sysfs, which a container may lack, the others.
 * See hugepool.h.
 */
#define _GNU_SOURCE
#include "limit/hugepool.h"

#include "common/fmt.h"
#include "kernel/procstat.h"

static unsigned long number_of(unsigned long page, const char *what)
{
    char path[96];
    fmt(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%lukB/%s_hugepages", page, what);
    return procstat_number(path);
}

bool hugepool_read(unsigned shift, struct hugepool *pool)
{
    enum { PAGE, TOTAL, FREE, RESERVED };
    struct procstat usual[] = { { "Hugepagesize", 0, false },
                                { "HugePages_Total", 0, false },
                                { "HugePages_Free", 0, false },
                                { "HugePages_Rsvd", 0, false } };
    unsigned long page = shift >= 10 ? 1UL << (shift - 10) : 0;
    procstat_read("/proc/meminfo", usual, sizeof usual / sizeof *usual);
    if (page && page != usual[PAGE].value)
        *pool = (struct hugepool){ page, number_of(page, "nr"), number_of(page, "free"),
                                   number_of(page, "resv"), false };
    else
        *pool = (struct hugepool){ usual[PAGE].value, usual[TOTAL].value, usual[FREE].value,
                                   usual[RESERVED].value, true };
    return pool->page != PROCSTAT_NONE && pool->page && pool->total != PROCSTAT_NONE &&
           pool->free != PROCSTAT_NONE && pool->reserved != PROCSTAT_NONE;
}
