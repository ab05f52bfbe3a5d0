/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd: the command. The table of verbs, and the choice of the one that the user has named.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "command/lib/verb.h"
#include "commit.h"

const struct verb *const verbs[] = {
    &verb_run,  &verb_graft,  &verb_library, &verb_ps,     &verb_top,   &verb_stat,
    &verb_maps, &verb_leaks,  &verb_diff,    &verb_report, &verb_clean, &verb_recover,
    &verb_fill, &verb_doctor, &verb_help,    NULL,
};

/* Flushes stdout. An answer that could not be written is a failure. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        complain("the answer could not be written to standard output");
        return status == DONE ? FAILED : status;
    }
    return status;
}

int main(int argc, char **argv)
{
    const struct verb *near = NULL;
    if (argc < 2) {
        complain("no verb is named; see 'mapherd help'");
        return MISUSED;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts(*MAPHERD_COMMIT ? PACKAGE_STRING " (commit " MAPHERD_COMMIT ")" : PACKAGE_STRING);
        return finish(DONE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return finish(verb_help.run(1, argv + 1));
    const struct verb *v = verb_find(argv[1], &near);
    if (!v && near)
        complain("unknown verb '%s'; the nearest is '%s'; see 'mapherd help'", argv[1], near->name);
    else if (!v)
        complain("unknown verb '%s'; see 'mapherd help'", argv[1]);
    if (!v)
        return MISUSED;
    return finish(v->run(argc - 1, argv + 1));
}
