/*
 * module: see module.h.
 */
#define _GNU_SOURCE
#include "unwind/module.h"

#include <dlfcn.h>
#include <link.h>

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
