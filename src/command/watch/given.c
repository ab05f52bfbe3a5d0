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

#include "command/watch/target.h"

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

static bool is_variable(const char *entry)
{
    return strncmp(entry, "MAPHERD_", 8) == 0 && strchr(entry, '=');
}

/* Returns false where the library is an older one, or does not tell all of them. The process may
 * have written anything there. */
static bool told(pid_t pid, uint64_t base, struct given *g)
{
    struct mapherd_status b;
    if (!base || peek_status(pid, base, &b) || !b.options_len || b.options_len > sizeof b.options)
        return false;
    const char *entry = b.options, *end = entry + sizeof b.options - 1;
    b.options[sizeof b.options - 1] = '\0';
    for (; entry < end && is_variable(entry); entry += strlen(entry) + 1)
        texts_copy(&g->texts, entry);
    return true;
}

/* Returns false where the environment cannot be read, or is none any more. */
static bool shown(pid_t pid, struct given *g)
{
    char path[64], *entry = NULL;
    size_t room = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool any = false, variables = false;
    while (getdelim(&entry, &room, '\0', f) > 0) {
        any = true;
        variables |= strchr(entry, '=') != NULL;
        if (is_variable(entry))
            texts_copy(&g->texts, entry);
    }
    free(entry);
    fclose(f);
    return variables || !any;
}

struct given given_to(pid_t pid, uint64_t base)
{
    struct given g = { 0 };
    g.known = told(pid, base, &g) || shown(pid, &g);
    g.are = options_of(&g.texts);
    return g;
}
