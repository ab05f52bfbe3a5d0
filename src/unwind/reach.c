/*
 * reach: one range of pages, which grows upwards with the walk.
 */
#define _GNU_SOURCE
#include "unwind/reach.h"

#include "kernel/sys.h"

bool reach_span(struct reach *r, uintptr_t at, size_t len)
{
    uintptr_t end = at + len;
    if (end < at)
        return false;
    if (at < r->low || at >= r->high) {
        uintptr_t page = at & -REACH_PAGE;
        if (page != r->high)
            r->low = r->high = page;
    }
    while (r->high < end) {
        if (r->high + REACH_PAGE < REACH_PAGE || !sys_readable(r->high))
            return false;
        r->high += REACH_PAGE;
    }
    return true;
}

/* A stack has red zones of AddressSanitizer, and this is no access of the program. */
__attribute__((no_sanitize("address", "thread"))) bool reach_word(struct reach *r, uintptr_t at,
                                                                  uintptr_t *word)
{
    if (at % sizeof *word)
        return false;
    if ((at < r->low || at + sizeof *word > r->high) && !reach_span(r, at, sizeof *word))
        return false;
    *word = *(const uintptr_t *)at;
    return true;
}
