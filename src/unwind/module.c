/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * module: see module.h.
 */
#define _GNU_SOURCE
#include "unwind/module.h"

#include "common/libc.h"
#include "kernel/sys.h"

/* ---- where there is no _dl_find_object ---- */

/*
 * The program and the libraries that it starts with: they are never unloaded. What is loaded later
 * is not here. To ask the loader for it takes the loader's lock, which a thread that maps memory
 * may hold.
 */
enum { KNOWN_MOST = 64 };
static struct module known[KNOWN_MOST];
static unsigned known_count;

static int note(struct dl_phdr_info *info, size_t size, void *context)
{
    struct module m = { .start = UINTPTR_MAX, .bias = info->dlpi_addr, .path = info->dlpi_name };
    if (known_count == 0)
        m.path = ""; /* the program comes first; musl has a name for it, glibc has none */
    (void)size, (void)context;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = info->dlpi_phdr + i;
        uintptr_t start = m.bias + p->p_vaddr, end = start + p->p_memsz;
        if (p->p_type == PT_GNU_EH_FRAME)
            m.unwind = (const unsigned char *)start;
        if (p->p_type == PT_LOAD && start < m.start)
            m.start = start;
        if (p->p_type == PT_LOAD && end > m.end)
            m.end = end;
    }
    known[known_count++] = m;
    return known_count == KNOWN_MOST;
}

static bool find_known(uintptr_t address, struct module *m)
{
    for (unsigned i = 0; i < known_count; i++) {
        if (address >= known[i].start && address < known[i].end) {
            *m = known[i];
            return true;
        }
    }
    return false;
}

/* ---- with it ---- */

void module_start(void)
{
    if (!_dl_find_object && dl_iterate_phdr)
        dl_iterate_phdr(note, NULL);
}

bool module_find(uintptr_t address, struct module *m)
{
    struct dl_find_object found;
    if (!_dl_find_object)
        return find_known(address, m);
    if (_dl_find_object((void *)address, &found))
        return false;
    m->start = (uintptr_t)found.dlfo_map_start;
    m->end = (uintptr_t)found.dlfo_map_end;
    m->bias = found.dlfo_link_map->l_addr;
    m->path = found.dlfo_link_map->l_name;
    m->unwind = found.dlfo_eh_frame;
    return true;
}

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
