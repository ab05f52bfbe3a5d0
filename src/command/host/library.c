/*
 * mapherd library: where the library is, for those who preload it themselves.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>

#include "command/host/locate.h"
#include "command/lib/verb.h"
#include "mapherd/mapherd.h"

/* Whether the library is in this very process and at work: what doctor asks a copy of the command
 * that it starts under it. */
static int say_loaded(void)
{
    const struct mapherd_status *(*status)(void);
    *(void **)&status = dlsym(RTLD_DEFAULT, "mapherd_status");
    if (!status) {
        puts("not loaded");
        return FAILED;
    }
    switch (status()->state) {
    case MAPHERD_HERDING:
        puts("herding");
        return DONE;
    case MAPHERD_OBSERVING:
        puts("observing");
        return DONE;
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
    const char *missing = locate_library(path, sizeof path);
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
