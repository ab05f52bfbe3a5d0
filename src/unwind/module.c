/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * module: see module.h.
 */
#define _GNU_SOURCE
#include "unwind/module.h"

#include <dlfcn.h>
#include <link.h>

#include "kernel/sys.h"

#ifdef DLFO_STRUCT_HAS_EH_DBASE

/* It is weak because the glibc may be older than the one that the library was built with. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

bool module_find(uintptr_t address, struct module *m)
{
    struct dl_find_object found;
    if (!_dl_find_object || _dl_find_object((void *)address, &found))
        return false;
    m->start = (uintptr_t)found.dlfo_map_start;
    m->end = (uintptr_t)found.dlfo_map_end;
    m->bias = found.dlfo_link_map->l_addr;
    m->path = found.dlfo_link_map->l_name;
    m->unwind = found.dlfo_eh_frame;
    return true;
}

#else

bool module_find(uintptr_t address, struct module *m)
{
    (void)address, (void)m;
    return false;
}

#endif

/* ---- reach ---- */

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
    /* An aligned word lies in one page. No sum: that of the last word of all would be 0. */
    if ((at < r->low || at >= r->high) && !reach_span(r, at, sizeof *word))
        return false;
    *word = *(const uintptr_t *)at;
    return true;
}
