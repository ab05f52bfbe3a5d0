/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * debuginfo: the functions and source lines of one program or library, by elfutils.
 */
#ifndef MAPHERD_COMMAND_DEBUGINFO_H
#define MAPHERD_COMMAND_DEBUGINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct debuginfo;

/* Whether this command was built with elfutils. If not, debuginfo_open always returns NULL. */
bool debuginfo_built(void);

/*
 * Opens the debug information of the file that fd is open on. path: its name. fd belongs to the
 * result, or is closed. folders: where separate debug files are, with ':' between them (the
 * debuginfo path of libdwfl); it has to outlive the result. NULL if the file is no ELF file.
 */
struct debuginfo *debuginfo_open(int fd, const char *path, const char *folders);
void debuginfo_close(struct debuginfo *d);

/* Sets *id to the build id of the file, and returns its length in bytes; 0 if there is none. */
size_t debuginfo_id(struct debuginfo *d, const unsigned char **id);

/* Gets one function. What is not known is NULL or 0. function: as the linker has it, or as in
 * the source. The texts live as long as d. */
typedef void debuginfo_each(const char *function, const char *source, int line, void *context);

/* Calls each for the functions that address lies in, innermost first. address: as in the file's
 * own tables. False if nothing is known of it. */
bool debuginfo_find(struct debuginfo *d, uint64_t address, debuginfo_each *each, void *context);

#endif
