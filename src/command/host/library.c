/*
 * library: see library.h; and the verb that prints the path.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/host/library.h"
#include "command/lib/verb.h"
#include "mapherd/mapherd.h"

#define LIBRARY "libmapherd.so"

static bool is_there(const char *candidate, char *path, size_t size)
{
    char real[PATH_MAX];
    if (!realpath(candidate, real) || access(real, R_OK) != 0 || strlen(real) >= size)
        return false;
    strcpy(path, real);
    return true;
}

/* The relative path from BINDIR to PKGLIBDIR: "../lib/mapherd". */
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

const char *library_locate(char *path, size_t size)
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

/* ---- the verb ---- */

/* Whether the library is in this process and does its work. doctor starts a copy of the command
 * under the library to ask this. */
static int say_loaded(void)
{
    const struct mapherd_status *(*status)(void);
    *(void **)&status = dlsym(RTLD_DEFAULT, "mapherd_status");
    if (!status) {
        puts("not loaded");
        return FAILED;
    }
    switch (status()->state) {
    case MAPHERD_HERDING: puts("herding"); return DONE;
    case MAPHERD_OBSERVING: puts("observing"); return DONE;
    }
    puts("passive");
    return FAILED;
}

static int library(int argc, char **argv)
{
    bool loaded = false;
    const struct flag flags[] = { { "loaded", &loaded, NULL }, { NULL, NULL, NULL } };
    char path[PATH_MAX];
    if (verb_args(&verb_library, flags, argc, argv) > 0)
        return misused(&verb_library, "'%s' is one word too many", argv[0]);
    if (loaded)
        return say_loaded();
    const char *missing = library_locate(path, sizeof path);
    if (missing) {
        complain("%s", missing);
        return FAILED;
    }
    puts(path);
    return DONE;
}

const struct verb verb_library = {
    .name = "library",
    .synopsis = "[--loaded]",
    .summary = "print the path of libmapherd.so",
    .help =
        "For LD_PRELOAD=$(mapherd library). MAPHERD_LIBRARY names another one than the installed.\n\n"
        "  --loaded  say whether the library is in this command itself: herding, observing,\n"
        "            passive or not loaded. 'mapherd run mapherd library --loaded' is a first test.\n",
    .run = library,
};
