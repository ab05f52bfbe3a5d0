/*
 * groups: see groups.h.
 *
 * Each piece gets the number of its group. Then the pieces are sorted by group, file and mapping,
 * so that what counts once lies together.
 */
#define _GNU_SOURCE
#include "command/leaks/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"
#include "command/watch/pieces.h"
#include "command/watch/target.h"

bool group_by_word(const char *word, enum group_by *by)
{
    static const char *const words[] = {
        [GROUP_STACK] = "stack",     [GROUP_FILE] = "file", [GROUP_SUFFIX] = "suffix",
        [GROUP_DELETED] = "deleted", [GROUP_AGE] = "age",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0) {
            *by = (enum group_by)i;
            return true;
        }
    return false;
}

/* ---- which group ---- */

/* A text that grows. */
struct text {
    char *at;
    size_t len, room;
};

static void append(struct text *t, const char *more)
{
    size_t len = strlen(more);
    if (t->room < t->len + len + 1) {
        t->room = 2 * (t->len + len + 1);
        t->at = enough(realloc(t->at, t->room));
    }
    memcpy(t->at + t->len, more, len + 1);
    t->len += len;
}

/* The lines of a stack, as it is shown. */
static const char *stack_key(const struct live *l, uint32_t stack, struct text *t)
{
    size_t n;
    const struct symbol **at = symbols_stack(l->symbols, stack, &n);
    t->len = 0;
    append(t, "");
    for (size_t i = 0; i < n; i++) {
        append(t, at[i]->text);
        append(t, "\n");
    }
    free(at);
    return t->at;
}

static const char *age_key(uint64_t age_ms)
{
    /* Sorted as they are: the first letter is the key's alone. */
    static const struct {
        uint64_t below_s;
        const char *key;
    } ages[] = {
        { 60, "0under a minute" },
        { 600, "1one to ten minutes" },
        { 3600, "2ten minutes to an hour" },
        { 6 * 3600, "3one to six hours" },
        { 24 * 3600, "4six hours to a day" },
        { 7 * 24 * 3600, "5one to seven days" },
        { UINT64_MAX, "6over a week" },
    };
    size_t i = 0;
    while (age_ms / 1000 >= ages[i].below_s)
        i++;
    return ages[i].key;
}

static uint64_t age(const struct live *l, uint64_t born_ms)
{
    return l->now_ms > born_ms ? l->now_ms - born_ms : 0;
}

static const char *deleted_key(const struct live *l, uint32_t file)
{
    return !file               ? PIECES_ANONYMOUS
           : !l->deleted_known ? "files, deleted or not"
           : l->deleted[file]  ? "deleted files"
                               : "files that are there";
}

static const char *key_of(const struct live *l, const struct mapherd_record_mapping *p,
                          enum group_by by, struct text *t)
{
    char kind[PIECES_KIND];
    switch (by) {
    case GROUP_STACK: return stack_key(l, p->stack, t);
    case GROUP_AGE: return age_key(age(l, p->born_ms));
    case GROUP_DELETED: return deleted_key(l, p->file);
    case GROUP_FILE: break;
    case GROUP_SUFFIX:
        if (!p->file)
            break;
        pieces_kind(live_file(l, p->file), l->deleted[p->file], kind, sizeof kind);
        t->len = 0;
        append(t, kind);
        return t->at;
    }
    return live_file(l, p->file);
}

/* The element (a stack, a file) whose pieces are all in the same group. */
static uint32_t source_of(const struct mapherd_record_mapping *p, enum group_by by)
{
    return by == GROUP_STACK ? p->stack : p->file;
}

/* Numbers of groups by stack or file, so that each is put into words once. */
static size_t number_of(const struct live *l, const struct mapherd_record_mapping *p,
                        enum group_by by, struct keys *keys, size_t *known, struct text *t)
{
    if (by == GROUP_AGE)
        return keys_number(keys, key_of(l, p, by, t));
    uint32_t source = source_of(p, by);
    if (!known[source])
        known[source] = keys_number(keys, key_of(l, p, by, t)) + 1;
    return known[source] - 1;
}

/* ---- what is in it ---- */

struct member {
    size_t group;
    const struct mapherd_record_mapping *piece;
    const struct live_span *span;
    uint32_t by; /* what is counted: file or stack */
};

static int by_group(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->by != b->by)
        return a->by < b->by ? -1 : 1;
    return (a->piece->number > b->piece->number) - (a->piece->number < b->piece->number);
}

static void add_file(struct group *g, uint32_t file, size_t mappings)
{
    size_t at = g->most_count < GROUP_FILES ? g->most_count++ : GROUP_FILES;
    g->files += file != 0;
    for (; at > 0 && g->most[at - 1].mappings < mappings; at--)
        if (at < GROUP_FILES)
            g->most[at] = g->most[at - 1];
    if (at < GROUP_FILES)
        g->most[at] = (struct group_file){ file, mappings };
}

/* Of members that are sorted: how many from `from` on have the same group and file or stack, and
 * how many mappings these are. */
static size_t run_length(const struct member *m, size_t n, size_t from, size_t *mappings)
{
    size_t i = from;
    *mappings = 0;
    for (; i < n && m[i].group == m[from].group && m[i].by == m[from].by; i++)
        *mappings += i == from || m[i].piece->number != m[i - 1].piece->number;
    return i - from;
}

static void count_files(struct groups *g, const struct live *l, struct member *m, size_t n)
{
    for (size_t i = 0; i < n; i++)
        m[i].by = m[i].piece->file;
    if (n)
        qsort(m, n, sizeof *m, by_group);
    for (size_t i = 0, mappings; i < n;) {
        struct group *group = &g->at[m[i].group];
        size_t len = run_length(m, n, i, &mappings);
        group->mappings += mappings;
        group->deleted += l->deleted[m[i].by] ? mappings : 0;
        add_file(group, m[i].by, mappings);
        i += len;
    }
}

static void count_stacks(struct groups *g, struct member *m, size_t n)
{
    size_t *most = enough(calloc(g->n + 1, sizeof *most));
    for (size_t i = 0; i < n; i++)
        m[i].by = m[i].piece->stack;
    if (n)
        qsort(m, n, sizeof *m, by_group);
    for (size_t i = 0, mappings; i < n;) {
        size_t group = m[i].group, len = run_length(m, n, i, &mappings);
        if (mappings > most[group]) {
            most[group] = mappings;
            g->at[group].stack = m[i].by;
        }
        i += len;
    }
    free(most);
}

static void add_piece(struct group *g, const struct mapherd_record_mapping *p)
{
    if (!g->pieces || p->born_ms < g->oldest_ms)
        g->oldest_ms = p->born_ms;
    if (p->born_ms > g->newest_ms)
        g->newest_ms = p->born_ms;
    g->pieces++;
    g->bytes += p->end - p->start;
}

/* Pieces come in the order of addresses: a VMA that the group has counted is not before the last
 * one. */
static void add_maps(struct group *g, const struct live_span *span, uint32_t *behind)
{
    uint32_t first = span->first > *behind ? span->first : *behind;
    if (span->behind > first) {
        g->maps += span->behind - first;
        *behind = span->behind;
    }
}

static void count_pieces(struct groups *g, const struct live *l, const struct member *m, size_t n)
{
    uint32_t *behind = enough(calloc(g->n + 1, sizeof *behind)), behind_all = 0;
    for (size_t i = 0; i < n; i++) {
        struct group *group = &g->at[m[i].group];
        add_piece(group, m[i].piece);
        add_piece(&g->all, m[i].piece);
        if (l->joined) {
            add_maps(group, m[i].span, &behind[m[i].group]);
            add_maps(&g->all, m[i].span, &behind_all);
        }
    }
    free(behind);
}

static void name_group(struct group *g, enum group_by by, const char *key, struct texts *texts)
{
    g->key = key;
    g->name = by == GROUP_AGE ? key + 1 : key;
    if (by != GROUP_STACK)
        return;
    g->name = *key ? texts_take(texts, strndup(key, strcspn(key, "\n"))) : "no stack was recorded";
}

static int by_mappings(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    if (a->mappings != b->mappings)
        return a->mappings < b->mappings ? 1 : -1;
    return strcmp(a->key, b->key);
}

static int by_key(const void *left, const void *right)
{
    return strcmp(((const struct group *)left)->key, ((const struct group *)right)->key);
}

static void sum_up(struct groups *g)
{
    for (size_t i = 0; i < g->n; i++) {
        g->all.mappings += g->at[i].mappings;
        g->all.deleted += g->at[i].deleted;
    }
}

struct memory {
    struct keys keys;
    struct texts texts;
};

void groups_make(struct groups *g, const struct live *l, enum group_by by, uint64_t older_ms)
{
    const struct record *r = l->record;
    size_t sources = by == GROUP_STACK ? r->word_count : r->file_count, n = 0;
    size_t *known = enough(calloc(sources + 1, sizeof *known));
    struct member *members = enough(calloc(r->piece_count + 1, sizeof *members));
    struct memory *memory = enough(calloc(1, sizeof *memory));
    struct text text = { 0 };
    *g = (struct groups){ .memory = memory };
    for (size_t i = 0; i < r->piece_count; i++) {
        const struct mapherd_record_mapping *p = &r->pieces[i];
        if (age(l, p->born_ms) < older_ms)
            continue;
        size_t group = number_of(l, p, by, &memory->keys, known, &text);
        members[n++] = (struct member){ group, p, l->spans ? &l->spans[i] : NULL, 0 };
    }
    free(text.at);
    free(known);
    g->n = memory->keys.texts.n;
    g->at = enough(calloc(g->n + 1, sizeof *g->at));
    count_pieces(g, l, members, n);
    count_files(g, l, members, n);
    count_stacks(g, members, n);
    free(members);
    for (size_t i = 0; i < g->n; i++)
        name_group(&g->at[i], by, memory->keys.texts.at[i], &memory->texts);
    sum_up(g);
    if (g->n)
        qsort(g->at, g->n, sizeof *g->at, by == GROUP_AGE ? by_key : by_mappings);
}

void groups_free(struct groups *g)
{
    struct memory *memory = g->memory;
    if (memory) {
        keys_free(&memory->keys);
        texts_free(&memory->texts);
    }
    free(memory);
    free(g->at);
    *g = (struct groups){ 0 };
}

/* ---- as text: what was looked at ---- */

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

/* ---- as text: a group ---- */

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
    if (by != GROUP_STACK && by != GROUP_FILE) {
        printf("      ");
        print_text(stdout, g->name);
        putchar('\n');
    }
    print_files(g, l, by);
    if (by != GROUP_STACK)
        return;
    size_t n;
    const struct symbol **at = symbols_stack(l->symbols, g->stack, &n);
    if (!at)
        puts("          (no stack was recorded)");
    for (size_t i = 0; i < n; i++) {
        printf("          ");
        print_text(stdout, at[i]->text);
        putchar('\n');
    }
    free(at);
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
    size_t n;
    const struct symbol **at = symbols_stack(l->symbols, stack, &n);
    json_open(j, "stack", '[');
    for (size_t i = 0; i < n; i++)
        json_frame(j, at[i]);
    json_close(j, ']');
    free(at);
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
    size_t n;
    const struct symbol **at = symbols_stack(l->symbols, g->stack, &n);
    for (size_t i = n; i-- > 0;) {
        fold_name(at[i]->name);
        if (i)
            putchar(';');
    }
    printf("%s %zu\n", n ? "" : "(no stack)", count);
    free(at);
}

/* ---- as text: what could not be named ---- */

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
