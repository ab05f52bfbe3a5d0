/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * given: see given.h.
 */
#define _GNU_SOURCE
#include "command/watch/given.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ignore(const char *line)
{
    (void)line; /* the library in the process has said it */
}

/* What the library makes of the variables. */
static struct options options_of(const struct texts *variables)
{
    struct options own = options;
    char **environment = enough(calloc(variables->n + 1, sizeof *environment));
    for (size_t i = 0; i < variables->n; i++)
        environment[i] = variables->at[i];
    options_read(environment, ignore);
    free(environment);
    struct options read = options;
    options = own;
    return read;
}

struct given given_to(pid_t pid)
{
    struct given g = { 0 };
    char path[64], *entry = NULL;
    size_t room = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *f = fopen(path, "re");
    g.known = f != NULL;
    bool any = false, variables = false;
    while (f && getdelim(&entry, &room, '\0', f) > 0) {
        any = true;
        variables |= strchr(entry, '=') != NULL;
        if (strncmp(entry, "MAPHERD_", 8) == 0 && strchr(entry, '='))
            texts_copy(&g.texts, entry);
    }
    g.known &= variables || !any; /* a title has been written over it */
    free(entry);
    if (f)
        fclose(f);
    g.are = options_of(&g.texts);
    return g;
}
