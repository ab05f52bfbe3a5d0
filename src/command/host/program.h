/*
 * program: which file a command line starts, and whether the library can get into it.
 */
#ifndef MAPHERD_PROGRAM_H
#define MAPHERD_PROGRAM_H

#include <limits.h>
#include <stddef.h>

/* The file that execvp(3) would start for name: 0 and its path, or an errno. */
int program_find(const char *name, char path[PATH_MAX]);

enum reach {
    REACH_YES,      /* LD_PRELOAD works, or nothing is known against it */
    REACH_CHILDREN, /* not in it, but it hands the environment on unharmed */
    REACH_NO,       /* not in it, and LD_PRELOAD would disturb it */
};

/* Whether library gets into the program in the file path. If not, why is a clause that says why. */
enum reach program_reach(const char *path, const char *library, char *why, size_t why_size);

#endif
