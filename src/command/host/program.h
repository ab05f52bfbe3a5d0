/*
 * program: which file a command line starts, and whether LD_PRELOAD brings the library into it.
 */
#ifndef MAPHERD_PROGRAM_H
#define MAPHERD_PROGRAM_H

#include <limits.h>
#include <stddef.h>

/* Finds the file that execvp(3) would start for name. Returns 0 and fills path, or returns an
 * error number. */
int program_find(const char *name, char path[PATH_MAX]);

enum reach {
    REACH_YES,      /* LD_PRELOAD works, or nothing is known against it */
    REACH_CHILDREN, /* not in it, but its children get the environment unchanged */
    REACH_NO,       /* not in it, and LD_PRELOAD would disturb it */
};

/* Whether the library gets into the program in the file path. If not, a clause in why says the
 * reason. */
enum reach program_reach(const char *path, const char *library, char *why, size_t why_size);

#endif
