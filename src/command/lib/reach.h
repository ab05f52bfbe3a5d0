/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * reach: where libmapherd.so is, and whether it gets into a program.
 */
#ifndef MAPHERD_COMMAND_REACH_H
#define MAPHERD_COMMAND_REACH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Puts the library's absolute path into path, which has size bytes. It is looked for in this order:
 * where $MAPHERD_LIBRARY says; beside this command as installed, so that a moved tree works; in the
 * .libs of a build tree; where it was configured to be. Returns NULL, or a sentence that says why
 * there is none.
 */
const char *library_locate(char *path, size_t size);

/* Finds the file that execvp(3) would start for name. Returns 0 and fills path, or returns an
 * error number. */
int program_find(const char *name, char path[PATH_MAX]);

enum reach {
    REACH_YES,      /* LD_PRELOAD works, or nothing is known against it */
    REACH_PARTLY,   /* in it, but most of its calls pass the library by */
    REACH_PLACED,   /* in it, if it is placed there at exec (placer.h) */
    REACH_CHILDREN, /* not in it, but its children get the environment unchanged */
    REACH_NO,       /* not in it, and LD_PRELOAD would disturb it */
};

/* Whether the library gets into the program in the file path. If not, or if it is of little use
 * there, a clause in why says the reason. */
enum reach program_reach(const char *path, const char *library, char *why, size_t why_size);

/* Sets path to what names the program of a process, and returns it. */
enum { PATH_OF_PROGRAM = 32 };
const char *program_of(int pid, char path[PATH_OF_PROGRAM]);

/* Whether the program in the file path is in Go, and its calls are redirected once the library is
 * in it. */
bool program_is_go(const char *path);

#endif
