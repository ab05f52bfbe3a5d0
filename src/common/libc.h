/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * libc: all that the library takes from other libraries.
 *
 * The library is linked with no other one and asks for no version of a symbol, so that the same
 * file runs in programs of glibc 2.17 and later and of musl. Each name here is weak: its address
 * is NULL in a program whose libc does not have it, and such a program starts all the same. So
 * each is compared with NULL before its use. It is NULL too until the loader has relocated this
 * library (common/error.h). tests/layers.sh compares these names with the imports of the library.
 *
 * A file that uses one of these names includes this header. The compiler's own functions, memcpy
 * and its kind, are in entry/standard.c.
 */
#ifndef MAPHERD_LIBC_H
#define MAPHERD_LIBC_H

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

/* glibc and musl have these. Without one of the first three, the library does nothing. Their other
 * names environ and program_invocation_short_name are not libc's alone: a program may have
 * variables of these names. */
extern char **__environ;
extern const char *__progname;
#pragma weak __errno_location
#pragma weak __environ
#pragma weak getauxval
#pragma weak dl_iterate_phdr
#pragma weak __progname

/* glibc alone has these: since 2.3.2, 2.10, 2.1 and 2.35. */
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);
extern int __cxa_at_quick_exit(void (*)(void *), void *);
#ifndef DLFO_STRUCT_HAS_EH_DBASE /* the headers of an older glibc: as later ones have it */
struct dl_find_object {
    unsigned long long dlfo_flags;
    void *dlfo_map_start, *dlfo_map_end;
    struct link_map *dlfo_link_map;
    void *dlfo_eh_frame;
    unsigned long long dlfo_reserved[7];
};
extern int _dl_find_object(void *, struct dl_find_object *);
#endif
#pragma weak __register_atfork
#pragma weak __cxa_at_quick_exit
#pragma weak on_exit
#pragma weak exit
#pragma weak _dl_find_object

/* musl has these. In glibc they are parts of the program that calls them. */
#pragma weak pthread_atfork
#pragma weak at_quick_exit

/* The programs that a sanitizer of the compilers watches have these. So does, with the last one,
 * what valgrind preloads. */
extern void __asan_init(void);
extern void __hwasan_init(void);
extern void __tsan_init(void);
extern void __msan_init(void);
extern char _vgnU_freeres[];
#pragma weak __asan_init
#pragma weak __hwasan_init
#pragma weak __tsan_init
#pragma weak __msan_init
#pragma weak _vgnU_freeres

#endif
