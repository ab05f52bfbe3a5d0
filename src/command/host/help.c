/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd help: the verbs, one verb, or the table of options, of numbers or of events.
 */
#include <stdio.h>
#include <string.h>

#include "command/lib/verb.h"
#include "tell/log.h"
#include "tell/options.h"
#include "tell/status.h"

static void print_verbs(void)
{
    puts(
        "mapherd herds the memory maps of a program: many small ones become few, and their number\n"
        "stays under vm.max_map_count.\n");
    for (const struct verb *const *v = verbs; *v; v++)
        printf("  mapherd %-8s %s\n", (*v)->name, (*v)->summary);
    puts(
        "\n'mapherd help VERB' tells more of one, 'mapherd help options' what the library can be told,\n"
        "'mapherd help status' and 'mapherd help events' what it tells.\n"
        "Exit status: 0 done, 1 it could not be done or is not well, 2 wrongly called; that of run\n"
        "is the program's own.");
}

static void print_options(void)
{
    puts(
        "In the environment as MAPHERD_NAME=value, all in one as MAPHERD_OPTIONS=name=value:name=value,\n"
        "or as 'mapherd run --name=value'. What is written here first is the default.\n");
    for (size_t n = 0; n < option_count; n++) {
        struct option_row row = option_row(n);
        printf("%s=%.*s\n    %s\n    %s\n", row.env, (int)row.fallback.len, row.fallback.at,
               row.form, row.help);
    }
}

static void print_status(void)
{
    puts(
        "What 'mapherd stat' shows of the library: its name in JSON and in mapherd/mapherd.h, its kind and\n"
        "name among the metrics (MAPHERD_METRICS), and what it counts.\n");
    for (size_t n = 0; n < status_count; n++) {
        const struct status_row *row = &status_rows[n];
        printf("%s\n    %s %s\n    %s\n", row->name, row->kind,
               row->metric[0] ? row->metric : "of mapherd_sync_seconds", row->what);
    }
}

/* The names of a row's values; "-" stands for one that has none. */
static void print_fields(const char *fields)
{
    const char *before = ", with ";
    for (size_t len; *fields; fields += len + (fields[len] != '\0')) {
        len = strcspn(fields, " ");
        if (*fields == '-')
            continue;
        printf("%s%.*s", before, (int)len, fields);
        before = ", ";
    }
}

static void print_events(void)
{
    puts(
        "What the lines of the log tell of. In JSON (MAPHERD_LOG_FORMAT=json) a line has the name as\n"
        "\"event\", and these values; one for which a line has no room is left out.\n");
    for (size_t n = 0; n < EVENT_COUNT; n++) {
        const struct event_row *row = &event_rows[n];
        printf("%s\n    %s", row->name, event_level_name(row->level));
        print_fields(row->fields);
        printf("\n    %s\n", row->when);
    }
}

static int help(int argc, char **argv)
{
    static const struct flag flags[] = { { NULL, NULL, NULL } };
    const struct verb *near = NULL;
    int n = verb_args(&verb_help, flags, argc, argv);
    if (n > 1)
        return misused(&verb_help, "one verb at a time; '%s' is one too many", argv[1]);
    if (n == 0) {
        print_verbs();
        return DONE;
    }
    if (strcmp(argv[0], "options") == 0) {
        print_options();
        return DONE;
    }
    if (strcmp(argv[0], "status") == 0) {
        print_status();
        return DONE;
    }
    if (strcmp(argv[0], "events") == 0) {
        print_events();
        return DONE;
    }
    const struct verb *v = verb_find(argv[0], &near);
    if (!v && near)
        return misused(
            &verb_help,
            "unknown verb '%s'; the nearest is '%s', and 'options', 'status' and 'events' are known",
            argv[0], near->name);
    if (!v)
        return misused(
            &verb_help,
            "unknown verb '%s'; besides the verbs, 'options', 'status' and 'events' are known",
            argv[0]);
    verb_print_help(v);
    return DONE;
}

const struct verb verb_help = {
    .name = "help",
    .synopsis = "[VERB|options|status|events]",
    .summary = "explain a verb, the options of the library, its numbers, or its log",
    .help = "Without an argument, the list of verbs.\n",
    .run = help,
};
