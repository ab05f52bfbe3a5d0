/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * go: the system calls of a Go program.
 *
 * Go code makes its system calls itself, in a few functions that are written in assembly: Syscall6
 * for packages (before Go 1.19 it is one of four), and one for each call of the runtime (Go:
 * src/internal/runtime/syscall/asm_linux_amd64.s, src/runtime/sys_linux_amd64.s). The linker puts
 * the runtime and what it needs in front of all other packages. So the functions are near the
 * beginning of the text.
 *
 * Go's tables of functions are different from version to version, so they are not read. What is
 * around a system call is taken for whole functions from a place where padding (int3) ends at a
 * multiple of 16 bytes, where functions begin, to such padding behind it.
 */
#ifndef MAPHERD_GO_H
#define MAPHERD_GO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sites/site.h"

/* Whether the program is one: it has the note of Go's linker with the id of the build, or, where it
 * was built without an id, the function by which C code calls Go, or what `go version` looks for.
 * For the constructor. */
bool go_is_program(void);

/* The address of the program's first byte. */
uintptr_t go_start(void);

/* Writes the sites of the wanted calls of the program, max at most, and returns how many there are.
 */
size_t go_sites(const struct site_wish *wish, struct site *sites, size_t max);

#endif
