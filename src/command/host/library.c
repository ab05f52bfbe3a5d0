/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd library: prints the path of the library.
 */
#define _GNU_SOURCE
#include <config.h>

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "command/lib/print.h"
#include "command/lib/reach.h"
#include "command/lib/verb.h"
#include "commit.h"
#include "mapherd/mapherd.h"

/* Whether the library is in this process and does its work. doctor starts a copy of the command
 * under the library to ask this. */
static int say_loaded(bool json)
{
    struct json j = { stdout, false };
    const struct mapherd_status *(*status)(void);
    *(void **)&status = dlsym(RTLD_DEFAULT, "mapherd_status");
    uint32_t state = status ? status()->state : MAPHERD_STARTING;
    const char *word = !status                      ? "not loaded"
                       : state == MAPHERD_HERDING   ? "herding"
                       : state == MAPHERD_OBSERVING ? "observing"
                                                    : "passive";
    if (json) {
        json_open(&j, NULL, '{');
        json_bool(&j, "preloaded", status != NULL);
        if (status) {
            json_open(&j, "library", '{');
            json_text(&j, "state", word);
            json_close(&j, '}');
        }
        json_close(&j, '}');
        putchar('\n');
    } else {
        puts(word);
    }
    return state == MAPHERD_HERDING || state == MAPHERD_OBSERVING ? DONE : FAILED;
}

static void say_path(const char *path)
{
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    json_open(&j, "library", '{');
    json_text(&j, "path", path);
    json_close(&j, '}');
    json_text(&j, "version", PACKAGE_VERSION);
    json_if_text(&j, "commit", MAPHERD_COMMIT);
    json_close(&j, '}');
    putchar('\n');
}

static int library(int argc, char **argv)
{
    bool loaded = false, json = false;
    const struct flag flags[] = {
        { "loaded", &loaded, NULL },
        { "json", &json, NULL },
        { NULL, NULL, NULL },
    };
    char path[PATH_MAX];
    if (verb_args(&verb_library, flags, argc, argv) > 0)
        return misused(&verb_library, "'%s' is one word too many", argv[0]);
    if (loaded)
        return say_loaded(json);
    const char *missing = library_locate(path, sizeof path);
    if (missing) {
        complain("%s", missing);
        return FAILED;
    }
    if (json)
        say_path(path);
    else
        puts(path);
    return DONE;
}

const struct verb verb_library = {
    .name = "library",
    .synopsis = "[--loaded] [--json]",
    .summary = "print the path of libmapherd.so",
    .help =
        "For LD_PRELOAD=$(mapherd library). MAPHERD_LIBRARY names another one than the installed.\n\n"
        "  --loaded  say whether the library is in this command itself: herding, observing,\n"
        "            passive or not loaded. 'mapherd run mapherd library --loaded' is a first test.\n"
        "  --json    one JSON object: the path with the version and the commit of this command, or,\n"
        "            with --loaded, the state\n",
    .run = library,
};
