/*
 * locate: where libmapherd.so is.
 */
#define _GNU_SOURCE
#include "command/host/locate.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libmapherd.so"

static bool is_there(const char *candidate, char *path, size_t size)
{
    char real[PATH_MAX];
    if (!realpath(candidate, real) || access(real, R_OK) != 0 || strlen(real) >= size)
        return false;
    strcpy(path, real);
    return true;
}

/* How one walks from BINDIR to PKGLIBDIR: "../lib/mapherd". */
static void walk_to_library(char *walk, size_t size)
{
    const char *from = BINDIR, *to = PKGLIBDIR;
    size_t common = 0, len = 0;
    for (size_t i = 0; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            common = i + 1;
    walk[0] = '\0';
    if (from[common])
        len += (size_t)snprintf(walk, size, "../");
    for (const char *c = from + common; *c; c++)
        if (*c == '/')
            len += (size_t)snprintf(walk + len, size - len, "../");
    snprintf(walk + len, size - len, "%s", to + common);
}

const char *locate_library(char *path, size_t size)
{
    static char why[PATH_MAX + 100];
    char self[PATH_MAX], walk[PATH_MAX], candidate[3 * PATH_MAX];
    const char *given = getenv("MAPHERD_LIBRARY");
    if (given && *given) {
        snprintf(why, sizeof why, "MAPHERD_LIBRARY names %s, which cannot be read", given);
        return is_there(given, path, size) ? NULL : why;
    }
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = len > 0 ? memrchr(self, '/', (size_t)len) : NULL;
    if (slash) {
        *slash = '\0';
        walk_to_library(walk, sizeof walk);
        snprintf(candidate, sizeof candidate, "%s/%s/" LIBRARY, self, walk);
        if (is_there(candidate, path, size))
            return NULL;
        snprintf(candidate, sizeof candidate, "%s/.libs/" LIBRARY, self);
        if (is_there(candidate, path, size))
            return NULL;
    }
    if (is_there(PKGLIBDIR "/" LIBRARY, path, size))
        return NULL;
    return LIBRARY " is neither beside this command nor in " PKGLIBDIR
                   "; name it in MAPHERD_LIBRARY";
}
