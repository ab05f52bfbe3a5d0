/*
 * debuginfo: the functions and source lines of one program or library, by elfutils.
 */
#ifndef MAPHERD_COMMAND_DEBUGINFO_H
#define MAPHERD_COMMAND_DEBUGINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct debuginfo;

/* Whether this command was built with elfutils; without, nothing can be opened. */
bool debuginfo_built(void);

/*
 * fd: the file, which path is the name of; it is taken over. folders: where separate debug files
 * are, ':' between them (libdwfl's debuginfo path); has to outlive it. NULL if it is no ELF file.
 */
struct debuginfo *debuginfo_open(int fd, const char *path, const char *folders);
void debuginfo_close(struct debuginfo *d);

/* Its build id; its length in bytes, 0 where there is none. */
size_t debuginfo_id(struct debuginfo *d, const unsigned char **id);

/* Called for each function that address lies in, innermost first. What is not known is NULL or 0;
 * function is as the linker has it, or in the source language. The texts live as long as d. */
typedef void debuginfo_each(const char *function, const char *source, int line, void *context);

/* address: as in the file's own tables. False if nothing is known of it. */
bool debuginfo_find(struct debuginfo *d, uint64_t address, debuginfo_each *each, void *context);

#endif
