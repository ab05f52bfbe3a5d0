/*
 * report_stacks: the stacks of the live mappings and their frames, for the page's flame graph.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"
#include "command/report/report.h"
#include "command/lib/units.h"

enum { STACKS = 3000 };

/* The frames that stacks share, each told once: their number by the symbol's place in memory. */
struct frames {
    const struct symbol **at;
    size_t n, room, slots;
    size_t *table; /* number + 1, by a hash of the pointer; slots is a power of two */
};

static size_t slot_of(const struct frames *f, const struct symbol *s)
{
    size_t slot = ((uintptr_t)s >> 4) * 0x9e3779b97f4a7c15ull >> 20;
    for (slot &= f->slots - 1; f->table[slot] && f->at[f->table[slot] - 1] != s;)
        slot = (slot + 1) & (f->slots - 1);
    return slot;
}

static size_t frame_number(struct frames *f, const struct symbol *s)
{
    if (2 * f->n >= f->slots) {
        free(f->table);
        f->slots = f->slots ? 2 * f->slots : 1024;
        f->table = enough(calloc(f->slots, sizeof *f->table));
        for (size_t i = 0; i < f->n; i++)
            f->table[slot_of(f, f->at[i])] = i + 1;
    }
    size_t slot = slot_of(f, s);
    if (!f->table[slot]) {
        f->at = enough_room(f->at, f->n, &f->room, sizeof *f->at);
        f->at[f->n++] = s;
        f->table[slot] = f->n;
    }
    return f->table[slot] - 1;
}

static const char *kind_of_code(const struct symbol *s)
{
    const char *base = strrchr(s->module, '/');
    if (s->java)
        return "java";
    if (!s->module[0])
        return "none";
    return strstr(base ? base : s->module, ".so") ? "lib" : "own";
}

/* [function, where, module, kind] for each. */
static void tell_frames(const struct frames *f, struct json *j)
{
    json_open(j, "frames", '[');
    for (size_t i = 0; i < f->n; i++) {
        const struct symbol *s = f->at[i];
        char *where;
        if (asprintf(&where, "%s%s%.0d", s->source, s->line > 0 ? ":" : "", s->line > 0 ? s->line : 0) < 0)
            where = enough(NULL);
        json_open(j, NULL, '[');
        json_text(j, NULL, s->name);
        json_text(j, NULL, where);
        json_text(j, NULL, s->module);
        json_text(j, NULL, kind_of_code(s));
        json_close(j, ']');
        free(where);
    }
    json_close(j, ']');
}

static void tell_stack(const struct report *r, const struct group *g, struct frames *f, struct json *j)
{
    size_t depth = 0, n;
    const uint64_t *frames = g->stack ? record_stack(r->live.record, g->stack, &depth) : NULL;
    const struct symbol *site = depth ? report_site(r, g->stack, NULL) : NULL;
    json_open(j, NULL, '{');
    report_group(r, g, j);
    if (g->most_count)
        json_text(j, "e", live_file(&r->live, g->most[0].file));
    if (site)
        json_number(j, "at", (long long)frame_number(f, site));
    json_open(j, "s", '[');
    for (size_t i = 0; i < depth; i++) {
        const struct symbol *s = symbols_frame(r->live.symbols, frames[i], &n);
        for (size_t k = 0; k < n; k++)
            if (!s[k].own)
                json_number(j, NULL, (long long)frame_number(f, &s[k]));
    }
    json_close(j, ']');
    json_close(j, '}');
}

/* How many stacks were left out, and what they hold. */
static void tell_more(const struct groups *g, struct json *j)
{
    long long mappings = 0, bytes = 0;
    for (size_t i = STACKS; i < g->n; i++) {
        mappings += (long long)g->at[i].mappings;
        bytes += (long long)g->at[i].bytes;
    }
    json_open(j, "moreStacks", '{');
    json_number(j, "groups", g->n > STACKS ? (long long)g->n - STACKS : 0);
    json_number(j, "n", mappings);
    json_number(j, "b", bytes);
    json_close(j, '}');
}

void report_stacks(const struct report *r, struct json *j)
{
    struct frames frames = { 0 };
    char text[320];
    const struct record *record = r->live.record;
    json_open(j, "stacks", '[');
    for (size_t i = 0; i < r->stacks.n && i < STACKS; i++)
        tell_stack(r, &r->stacks.at[i], &frames, j);
    json_close(j, ']');
    tell_more(&r->stacks, j);
    tell_frames(&frames, j);
    free(frames.table);
    free(frames.at);

    if (record) {
        size_t len = (size_t)snprintf(text, sizeof text,
                                      "%s mappings were recorded since %s, and %s are still there.",
                                      grouped((long long)record->head.mapped),
                                      units_moment(record->head.leaks_ms),
                                      grouped((long long)r->stacks.all.mappings));
        if (r->live.joined && r->live.unrecorded > 0)
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    " %s maps are not in here: made before, or not by the program's calls.",
                                    grouped(r->live.unrecorded));
        if (record->head.lost)
            snprintf(text + len, sizeof text - len, " %s mappings found no room in the record.",
                     grouped((long long)record->head.lost));
        json_text(j, "stacksLead", text);
    }
    if (!record)
        snprintf(text, sizeof text, "Nothing is recorded: %.280s", r->why);
    else if (!record->head.leaks_ms && r->live.state != LIVE_RUNNING)
        snprintf(text, sizeof text, "Mappings were not recorded with their stacks: MAPHERD_LEAKS was off.");
    else if (!record->head.leaks_ms)
        snprintf(text, sizeof text,
                 "Mappings are not recorded with their stacks. Start that with: mapherd leaks --start %d",
                 (int)r->live.pid);
    else
        snprintf(text, sizeof text, "Nothing is mapped of what was recorded.");
    json_text(j, "noStacks", text);
}

