/*
 * group_text: see group_text.h.
 */
#define _GNU_SOURCE
#include "command/leaks/group_text.h"

#include <string.h>

#include "command/lib/print.h"
#include "command/watch/target.h"

/* ---- what was looked at ---- */

static struct target count_of(const struct live *l)
{
    const struct mapherd_status *s = &l->record->head.status;
    return (struct target){ .maps = l->joined ? (long)l->map_count : (long)s->bound,
                            .limit = l->limit };
}

void group_print_head(const struct live *l, const struct groups *g)
{
    const struct mapherd_record_head *h = &l->record->head;
    struct target t = count_of(l);
    print_text(stdout, h->program);
    printf("[%d] on ", (int)h->pid);
    print_text(stdout, h->host);
    printf(", %s", live_state_text(l->state));
    if (t.maps >= 0) {
        printf(l->joined ? ": " : "; last seen with at most ");
        target_print_count(&t);
    } else {
        puts("; its maps were never counted");
    }
    printf("Mappings are recorded since %s, %s: %s %s there, %s", units_moment(h->leaks_ms),
           units_between(h->leaks_ms, l->now_ms), grouped((long long)g->all.mappings),
           g->all.mappings == 1 ? "is" : "are", units_bytes(g->all.bytes));
    if (g->all.deleted)
        printf(", %s of deleted files", grouped((long long)g->all.deleted));
    puts(h->leaks ? "." : "; the recording was stopped.");
    if (l->joined && l->unrecorded)
        printf(
            "%s map%s of no recorded mapping: older than the recording, or made past the library.\n",
            grouped(l->unrecorded), l->unrecorded == 1 ? " is" : "s are");
    if (h->lost)
        printf("%s mapping%s could not be recorded.\n", grouped((long long)h->lost),
               plural((long)h->lost));
    if (l->record->dropped)
        printf("%s piece%s of the record made no sense.\n", grouped((long long)l->record->dropped),
               plural((long)l->record->dropped));
}

void group_json_head(struct json *j, const struct live *l, const struct groups *g)
{
    const struct mapherd_record_head *h = &l->record->head;
    struct target t = count_of(l);
    json_text(j, "program", h->program);
    json_number(j, "pid", h->pid);
    json_text(j, "host", h->host);
    json_text(j, "state", live_state_text(l->state));
    json_number(j, "time_ms", (long long)l->now_ms);
    json_if_known(j, "maps", t.maps >= 0, t.maps);
    json_if_known(j, "limit", t.limit > 0, t.limit);
    json_bool(j, "recording", h->leaks != 0);
    json_number(j, "since_ms", (long long)h->leaks_ms);
    json_number(j, "mappings", (long long)g->all.mappings);
    json_number(j, "bytes", (long long)g->all.bytes);
    json_if_known(j, "deleted", l->deleted_known, (long long)g->all.deleted);
    json_if_known(j, "unrecorded", l->joined, l->unrecorded);
    json_number(j, "lost", (long long)h->lost);
    json_number(j, "groups", (long long)g->n);
}

/* ---- a group ---- */

static uint64_t age(const struct live *l, uint64_t born_ms)
{
    return l->now_ms > born_ms ? l->now_ms - born_ms : 0;
}

void group_print_numbers(const struct group *g, const struct live *l)
{
    printf("%s mapping%s", grouped((long long)g->mappings), plural((long)g->mappings));
    if (l->joined)
        printf(", %s map%s", grouped((long long)g->maps), plural((long)g->maps));
    const char *youngest = units_span(age(l, g->newest_ms)),
               *oldest = units_span(age(l, g->oldest_ms));
    printf(", %s, %s%s%s old\n", units_bytes(g->bytes), youngest,
           strcmp(youngest, oldest) == 0 ? "" : " to ",
           strcmp(youngest, oldest) == 0 ? "" : oldest);
}

/* "3 files: /a.dvd, /b.dvd, /c.dvd"; nothing where the group's name has said it. */
static void print_files(const struct group *g, const struct live *l, enum group_by by)
{
    if (g->files == 0 && (by == GROUP_SUFFIX || by == GROUP_DELETED))
        return;
    printf("      ");
    if (g->files > 1)
        printf("%s files: ", grouped((long long)g->files));
    for (size_t i = 0; i < g->most_count; i++) {
        if (i)
            printf(", ");
        print_text(stdout, live_file(l, g->most[i].file));
    }
    puts(g->files > g->most_count ? ", ..." : "");
}

void group_print_origin(const struct group *g, const struct live *l, enum group_by by)
{
    size_t depth = 0;
    const uint64_t *frames = record_stack(l->record, g->stack, &depth);
    if (by != GROUP_STACK && by != GROUP_FILE) {
        printf("      ");
        print_text(stdout, g->name);
        putchar('\n');
    }
    print_files(g, l, by);
    if (by != GROUP_STACK)
        return;
    if (depth == 0)
        puts("          (no stack was recorded)");
    for (size_t i = 0; i < depth; i++) {
        size_t n;
        const struct symbol *at = symbols_frame(l->symbols, frames[i], &n);
        for (size_t k = 0; k < n; k++) {
            if (at[k].own)
                continue;
            printf("          ");
            print_text(stdout, at[k].text);
            putchar('\n');
        }
    }
}

static void json_frame(struct json *j, const struct symbol *one)
{
    json_open(j, NULL, '{');
    json_text(j, "name", one->name);
    if (*one->source)
        json_text(j, "source", one->source);
    if (one->line)
        json_number(j, "line", one->line);
    if (*one->module)
        json_text(j, "module", one->module);
    if (!one->java)
        json_number(j, "address", (long long)one->address);
    json_close(j, '}');
}

static void json_stack(struct json *j, const struct live *l, uint32_t stack)
{
    size_t depth;
    const uint64_t *frames = record_stack(l->record, stack, &depth);
    json_open(j, "stack", '[');
    for (size_t i = 0; i < depth; i++) {
        size_t n;
        const struct symbol *at = symbols_frame(l->symbols, frames[i], &n);
        for (size_t k = 0; k < n; k++)
            if (!at[k].own)
                json_frame(j, &at[k]);
    }
    json_close(j, ']');
}

void group_json(struct json *j, const struct group *g, const struct live *l, enum group_by by)
{
    json_text(j, "name", g->name);
    json_number(j, "mappings", (long long)g->mappings);
    json_number(j, "pieces", (long long)g->pieces);
    if (l->joined)
        json_number(j, "maps", (long long)g->maps);
    json_number(j, "bytes", (long long)g->bytes);
    json_number(j, "oldest_ms", (long long)g->oldest_ms);
    json_number(j, "newest_ms", (long long)g->newest_ms);
    if (l->deleted_known)
        json_number(j, "deleted", (long long)g->deleted);
    json_number(j, "files", (long long)g->files);
    json_open(j, "most", '[');
    for (size_t i = 0; i < g->most_count; i++) {
        json_open(j, NULL, '{');
        json_text(j, "path", live_file(l, g->most[i].file));
        json_number(j, "mappings", (long long)g->most[i].mappings);
        json_close(j, '}');
    }
    json_close(j, ']');
    if (by == GROUP_STACK)
        json_stack(j, l, g->stack);
}

/* ';' parts frames. */
static void fold_name(const char *name)
{
    for (; *name; name++)
        putchar(*name == ';' ? ':' : (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

void group_fold(const struct group *g, const struct live *l, size_t count)
{
    size_t depth, parts = 0;
    const uint64_t *frames = record_stack(l->record, g->stack, &depth);
    for (size_t i = depth; i-- > 0;) {
        size_t n;
        const struct symbol *at = symbols_frame(l->symbols, frames[i], &n);
        for (size_t k = n; k-- > 0;) {
            if (at[k].own)
                continue;
            if (parts++)
                putchar(';');
            fold_name(at[k].name);
        }
    }
    printf("%s %zu\n", parts ? "" : "(no stack)", count);
}

/* ---- what could not be named ---- */

void group_print_notes(const struct live *l)
{
    size_t n;
    const char *const *notes = symbols_notes(l->symbols, &n);
    if (n)
        putchar('\n');
    for (size_t i = 0; i < n; i++) {
        printf("note: ");
        print_text(stdout, notes[i]);
        putchar('\n');
    }
}

void group_json_notes(struct json *j, const struct live *l)
{
    size_t n;
    const char *const *notes = symbols_notes(l->symbols, &n);
    for (size_t i = 0; i < n; i++) {
        j->comma = false;
        json_open(j, NULL, '{');
        json_text(j, "type", "note");
        json_text(j, "text", notes[i]);
        json_close(j, '}');
        putc('\n', j->out);
    }
}

void group_complain_notes(const struct live *l)
{
    size_t n;
    const char *const *notes = symbols_notes(l->symbols, &n);
    for (size_t i = 0; i < n; i++)
        complain("%s", notes[i]);
}
