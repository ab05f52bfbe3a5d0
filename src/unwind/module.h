/*
 * module: what is loaded where: the program and its libraries, by an address in them.
 */
#ifndef MAPHERD_MODULE_H
#define MAPHERD_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module {
    uintptr_t start, end;        /* [start, end): its segments, and what lies between them */
    uintptr_t bias;              /* address - bias is the address in its file */
    const char *path;            /* empty for the program itself */
    const unsigned char *unwind; /* its .eh_frame_hdr, or NULL */
};

/*
 * The module of an address, by glibc's _dl_find_object (2.35 and later; 5 to 9 ns): false where
 * there is none, or no such function. Thread- and async-signal-safe, without locks. What it tells
 * holds until the module is unloaded, so ask for code that is on the caller's stack.
 */
bool module_find(uintptr_t address, struct module *m);

#endif
