/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * module: see module.h.
 */
#define _GNU_SOURCE
#include "unwind/module.h"

#include <string.h>

#include "common/given.h"
#include "common/libc.h"
#include "kernel/sys.h"

/* ---- where there is no _dl_find_object ---- */

/*
 * What is loaded at the start. What is loaded later is not here: to ask the loader for it takes the
 * loader's lock, which a thread that maps memory may hold. A library that another one has opened by
 * then may be closed later, and its place taken. So a module counts only while its first bytes are
 * still there.
 */
enum { KNOWN_MOST = 64 };
static struct known {
    struct module module;
    ElfW(Ehdr) head;
    char path[256]; /* the end of it */
} known[KNOWN_MOST];
static unsigned known_count;

static void note_path(struct known *k, const char *path)
{
    size_t len = strlen(path), most = sizeof k->path - 1;
    memcpy(k->path, len > most ? path + len - most : path, (len > most ? most : len) + 1);
    k->module.path = k->path;
}

static int note(struct dl_phdr_info *info, size_t size, void *context)
{
    struct known *k = known + known_count;
    struct module *m = &k->module;
    (void)size, (void)context;
    *m = (struct module){ .start = UINTPTR_MAX, .bias = info->dlpi_addr };
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = info->dlpi_phdr + i;
        uintptr_t start = m->bias + p->p_vaddr, end = start + p->p_memsz;
        if (p->p_type == PT_GNU_EH_FRAME)
            m->unwind = (const unsigned char *)start;
        if (p->p_type == PT_LOAD && start < m->start)
            m->start = start;
        if (p->p_type == PT_LOAD && end > m->end)
            m->end = end;
    }
    if (m->start > m->end || m->end - m->start < sizeof k->head)
        return 0;
    memcpy(&k->head, (const void *)m->start, sizeof k->head);
    /* musl has a name for the program, which comes first, and glibc has none. */
    note_path(k, known_count ? info->dlpi_name : "");
    known_count++;
    return known_count == KNOWN_MOST;
}

static bool is_still_there(const struct known *k)
{
    struct reach r = { 0, 0 };
    return reach_span(&r, k->module.start, sizeof k->head) &&
           memcmp((const void *)k->module.start, &k->head, sizeof k->head) == 0;
}

static bool find_known(uintptr_t address, struct module *m)
{
    for (unsigned i = 0; i < known_count; i++) {
        const struct module *one = &known[i].module;
        if (address >= one->start && address < one->end && is_still_there(known + i)) {
            *m = *one;
            return true;
        }
    }
    return false;
}

/* ---- with it ---- */

/* The program and this library, where nobody tells what is loaded: there is no libc. */
static void note_two(void)
{
    extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
    uintptr_t own = (uintptr_t)&__ehdr_start, program = given_value(AT_PHDR);
    struct dl_phdr_info info = { .dlpi_name = "", .dlpi_phdr = (const void *)program };
    info.dlpi_phnum = (ElfW(Half))given_value(AT_PHNUM);
    for (unsigned i = 0; i < info.dlpi_phnum; i++)
        if (info.dlpi_phdr[i].p_type == PT_PHDR)
            info.dlpi_addr = program - info.dlpi_phdr[i].p_vaddr;
    note(&info, sizeof info, NULL);
    info = (struct dl_phdr_info){ .dlpi_addr = own, .dlpi_name = "libmapherd.so" };
    info.dlpi_phdr = (const void *)(own + __ehdr_start.e_phoff);
    info.dlpi_phnum = __ehdr_start.e_phnum;
    note(&info, sizeof info, NULL);
}

void module_start(void)
{
    if (!_dl_find_object && dl_iterate_phdr)
        dl_iterate_phdr(note, NULL);
    else if (!_dl_find_object)
        note_two();
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
