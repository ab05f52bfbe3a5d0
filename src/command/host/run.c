/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* mapherd run: becomes the program, with the library in LD_PRELOAD. No process stays in between:
 * the exit status, the signals and the process id are the program's own. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/host/placer.h"
#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/lib/reach.h"
#include "command/lib/verb.h"
#include "tell/options.h"

/* What env(1) and the shell use. */
enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

/* What run adds to the environment, "NAME=VALUE" each. */
struct additions {
    char **words;
    size_t n, room;
};

static void add(struct additions *a, const char *name, const char *value)
{
    char *word = enough_text("%s=%s", name, value);
    enough(setenv(name, value, 1) != 0 ? NULL : word);
    a->words = enough_room(a->words, a->n, &a->room, sizeof *a->words);
    a->words[a->n++] = word;
}

/* Takes one --NAME=VALUE or --NAME VALUE of the library's options. Returns the number of words,
 * 0 if it is wrong. A '-' in a name means '_'. */
static int take_option(struct additions *a, char **words)
{
    char why[400], name[64];
    const char *given = words[0] + 2;
    size_t len = strcspn(given, "=");
    const char *value = given[len] ? given + len + 1 : words[1] ? words[1] : "";
    snprintf(name, sizeof name, "%.*s", (int)len, given);
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    if (!options_check((struct option_text){ name, strlen(name) },
                       (struct option_text){ value, strlen(value) }, why, sizeof why)) {
        misused(&verb_run, "%s", why);
        return 0;
    }
    for (size_t n = 0; n < option_count; n++)
        if (strcmp(option_row(n).name, name) == 0)
            add(a, option_row(n).env, value);
    return given[len] ? 1 : 2;
}

static void ignore_complaint(const char *line)
{
    (void)line; /* the library will complain itself */
}

static bool children_are_herded(void)
{
    options_read(environ, ignore_complaint);
    return options.children == CHILDREN_ON;
}

/* True if the list of LD_PRELOAD (separated by colons or spaces) names the library already. */
static bool names_library(const char *list, const char *library)
{
    size_t len = strlen(library);
    for (const char *at = list; (at = strstr(at, library)); at += len) {
        bool begins = at == list || at[-1] == ':' || at[-1] == ' ';
        if (begins && (!at[len] || at[len] == ':' || at[len] == ' '))
            return true;
    }
    return false;
}

static void prepend_library(struct additions *a, const char *library)
{
    const char *old = getenv("LD_PRELOAD");
    char *list;
    if (!old || !*old) {
        add(a, "LD_PRELOAD", library);
    } else if (!names_library(old, library) && asprintf(&list, "%s:%s", library, old) > 0) {
        add(a, "LD_PRELOAD", list);
        free(list);
    }
}

/* The library is placed in a static program as that begins. It is in LD_PRELOAD for what that
 * starts. */
static void place(struct additions *a, const char *program, const char *library, bool dry)
{
    const char *wrong = dry ? NULL : placer_start(library, program);
    if (wrong)
        complain("%s runs without the library: %s", program, wrong);
    if (dry)
        complain("%s is static: it has the library only where 'mapherd run' starts it", program);
    if (children_are_herded())
        prepend_library(a, library);
}

/* Puts the library into LD_PRELOAD, or says why it will not be in the program. */
static void preload(struct additions *a, const char *program, const char *path, bool dry)
{
    char library[PATH_MAX], why[PATH_MAX + 200];
    const char *missing = library_locate(library, sizeof library);
    if (missing) {
        complain("%s runs without the library: %s", program, missing);
        return;
    }
    if (strpbrk(library, ": ")) {
        complain("%s runs without the library: %s has a colon or space in its path, which"
                 " LD_PRELOAD cannot hold; install it elsewhere",
                 program, library);
        return;
    }
    enum reach reach = program_reach(path, library, why, sizeof why);
    if (reach == REACH_PLACED) {
        place(a, program, library, dry);
        return;
    }
    bool hand_on = reach == REACH_CHILDREN && children_are_herded();
    if (reach == REACH_PARTLY)
        complain("%s runs with the library, but only what its C code maps is herded: %s", program,
                 why);
    else if (reach != REACH_YES)
        complain("%s runs without the library: %s%s", program, why,
                 hand_on ? " (the programs that it starts will have it)" : "");
    if (reach == REACH_YES || reach == REACH_PARTLY || hand_on)
        prepend_library(a, library);
}

/* One line that a shell can run. */
static void print_plan(const struct additions *a, char **command)
{
    if (a->n)
        fputs("env ", stdout);
    for (size_t n = 0; n < a->n; n++) {
        print_quoted(stdout, a->words[n]);
        putchar(' ');
    }
    for (; *command; command++) {
        print_quoted(stdout, *command);
        putchar(command[1] ? ' ' : '\n');
    }
}

static int refuse(const char *program, int error)
{
    complain("%s: %s", program, strerror(error));
    return error == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

static int run(int argc, char **argv)
{
    struct additions additions = { 0 };
    bool dry = false;
    char path[PATH_MAX];
    int i = 1;
    while (i < argc && argv[i][0] == '-') {
        const char *word = argv[i];
        if (strcmp(word, "--") == 0) {
            i++;
            break;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            verb_print_help(&verb_run);
            return DONE;
        }
        if (strcmp(word, "-n") == 0 || strcmp(word, "--dry-run") == 0) {
            dry = true;
            i++;
            continue;
        }
        if (strncmp(word, "--", 2) != 0)
            return misused(&verb_run, "unknown option '%s'; known are -n and --NAME=VALUE", word);
        int took = take_option(&additions, argv + i);
        if (!took)
            return MISUSED;
        i += took;
    }
    if (i >= argc)
        return misused(&verb_run, "no program is named");
    int error = program_find(argv[i], path);
    if (error)
        return refuse(argv[i], error);
    preload(&additions, argv[i], path, dry);
    if (dry) {
        print_plan(&additions, argv + i);
        return DONE;
    }
    execvp(argv[i], argv + i);
    error = errno;
    placer_stop();
    if (error == ENOENT) {
        complain("%s: the interpreter or loader that it names is missing", argv[i]);
        return NOT_FOUND;
    }
    return refuse(argv[i], error);
}

const struct verb verb_run = {
    .name = "run",
    .synopsis = "[--NAME=VALUE ...] [-n] [--] PROGRAM [ARG...]",
    .summary = "run a program with its maps herded",
    .help =
        "  --NAME=VALUE   an option of the library: see 'mapherd help options'\n"
        "  -n, --dry-run  print what would be run, as a line for a shell\n\n"
        "The library is put before what LD_PRELOAD has already. Into a static program in Go it is\n"
        "placed as that begins. A program that it cannot get into (others that are static, setuid,\n"
        "another word size) is run all the same, after a line that says why.\n"
        "Exit status and signals are the program's own; 127: not found, 126: cannot be run.\n",
    .run = run,
};
