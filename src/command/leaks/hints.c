/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * hints: see hints.h.
 */
#define _GNU_SOURCE
#include "command/leaks/hints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/leaks/interpreters.h"
#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/lib/verb.h"

static bool is_library(const char *path, const char *name)
{
    return strcmp(base_name(path), name) == 0;
}

/* A JVM has libjvm.so mapped. Its record has Java frames, where those were recorded. */
static bool is_jvm(const struct live *l)
{
    const struct record *r = l->record;
    bool is = r->frame_count > 1;
    for (size_t i = 1; i < r->module_count && !is; i++)
        is = is_library(record_text(r, r->modules[i].path), "libjvm.so");
    for (size_t i = 0; i < l->map_count && !is; i++)
        is = l->maps[i].exec && is_library(l->maps[i].path, "libjvm.so");
    return is;
}

/* What a JVM has not collected yet is still mapped: only a collection tells it from a leak. */
static void add_collection(const struct groups *g, struct keys *hints)
{
    const struct live *first = NULL;
    size_t jvms = 0;
    for (size_t i = 0; i < g->live_count; i++) {
        if (!g->lives[i].pid || !is_jvm(&g->lives[i]))
            continue;
        if (!jvms++)
            first = &g->lives[i];
    }
    if (!jvms)
        return;
    char *text = enough_text(
        "a JVM unmaps a buffer that nothing uses any more only when it collects garbage. Run 'jcmd "
        "%d GC.run'%s; a minute later, 'mapherd leaks --older 1m' with the same processes shows "
        "what was not collected",
        (int)first->pid, jvms > 1 ? ", and the same for each of the others" : "");
    keys_number(hints, text);
    free(text);
}

static void add_scripts(const struct groups *g, struct keys *hints)
{
    for (size_t i = 0; i < g->live_count; i++)
        for (int which = 0; which < INTERPRETERS; which++) {
            char *text = interpreters_hint(symbols_interpreters(g->lives[i].symbols),
                                           (enum interpreter)which);
            if (text)
                keys_number(hints, text);
            free(text);
        }
}

void hints_give(const struct groups *g, bool older, enum hints_form form)
{
    struct keys hints = { 0 };
    if (!older && g->n)
        add_collection(g, &hints);
    add_scripts(g, &hints);
    if (hints.texts.n && form == HINTS_TEXT)
        putchar('\n');
    for (size_t i = 0; i < hints.texts.n; i++) {
        const char *text = hints.texts.at[i];
        struct json j = { stdout, false };
        if (form == HINTS_TEXT) {
            printf("hint: %s.\n", text);
        } else if (form == HINTS_JSON) {
            json_open(&j, NULL, '{');
            json_text(&j, "type", "hint");
            json_text(&j, "text", text);
            json_close(&j, '}');
            putchar('\n');
        } else {
            complain("%s", text);
        }
    }
    keys_free(&hints);
}
