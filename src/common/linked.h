/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * linked: the functions of the program and its libraries, by their names.
 *
 * dlsym finds them too, but is in a library of its own before glibc 2.34, which a program may not
 * have loaded. It also allocates memory where it finds nothing, and an allocator maps. This reads
 * the tables of the loader instead (System V gABI, chapter 5; DT_GNU_HASH as the GNU linker writes
 * it; symbol versions as in the LSB).
 *
 * Of several versions of a function, the default one is found, as by dlsym. Where a library chooses
 * a function at load time (STT_GNU_IFUNC), it is asked for its choice.
 *
 * Every function takes the loader's own lock (dl_iterate_phdr), so none may be called in a handler
 * of a signal. NULL means that there is no such function, or that the program has no libc. None
 * may be called before the loader has relocated this library (common/error.h).
 */
#ifndef MAPHERD_LINKED_H
#define MAPHERD_LINKED_H

#include <stddef.h>
#include <stdint.h>

/* A function, and the address of the pointer to it. */
struct linked_name {
    const char *name;
    void *pointer;
};

/* clang-format off */
/* One that has its pointer in a member of that name. */
#define LINKED_MEMBER(table, name) { #name, &(table).name }
/* clang-format on */

/* Finds each of n functions in the libraries after this one, in the loader's order, and sets its
 * pointer. */
void linked_next_all(const struct linked_name *names, size_t n);
#define LINKED_NEXT_ALL(names) linked_next_all(names, sizeof(names) / sizeof *(names))

/* Finds one of them. */
void *linked_next(const char *name);

/* Finds a function in all that is loaded, also by dlopen with RTLD_LOCAL. */
void *linked_any(const char *name);

/* Finds a function of libc itself, whatever other library has one of that name. */
void *linked_libc(const char *name);

/* Finds each of n functions in the library that has the address, and sets its pointer. */
void linked_inside_all(uintptr_t address, const struct linked_name *names, size_t n);

#endif
