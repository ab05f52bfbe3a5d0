/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

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
    return !file               ? memory_name(MEMORY_PRIVATE, false)
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

/* Numbers of groups by stack or file of a process, so that each is put into words once. */
static size_t number_of(const struct live *l, const struct mapherd_record_mapping *p,
                        enum group_by by, struct keys *keys, size_t *known, struct text *t)
{
    if (by == GROUP_AGE)
        return keys_number(keys, key_of(l, p, by, t));
    uint32_t source = by == GROUP_STACK ? p->stack : p->file;
    if (!known[source])
        known[source] = keys_number(keys, key_of(l, p, by, t)) + 1;
    return known[source] - 1;
}

/* ---- survivors ---- */

/* The age in ms above which a mapping of a stack survives; 0: all of them do. */
static uint64_t survival_age(const struct record *r, uint32_t stack)
{
    enum { TIMES = 4, ONE_IN = 10 };
    struct mapherd_record_use use;
    if (!record_use(r, stack, &use) || !use.unmapped || use.made / ONE_IN > use.unmapped)
        return 0;
    uint64_t mean = use.lived_ms / use.unmapped;
    return mean < UINT64_MAX / TIMES - 1 ? mean * TIMES + 1 : UINT64_MAX;
}

/* ---- what is in it ---- */

struct member {
    size_t group;
    const struct live *live;
    const struct mapherd_record_mapping *piece;
    const struct live_span *span;
    bool survives;
    uint64_t by; /* what is counted: file or stack */
};

static int by_group(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->by != b->by)
        return a->by < b->by ? -1 : 1;
    if (a->live != b->live)
        return a->live < b->live ? -1 : 1;
    return (a->piece->number > b->piece->number) - (a->piece->number < b->piece->number);
}

static void sort_members(struct member *m, size_t n)
{
    if (n)
        qsort(m, n, sizeof *m, by_group);
}

static void add_file(struct group *g, const struct member *m, size_t mappings)
{
    size_t at = g->most_count < GROUP_FILES ? g->most_count++ : GROUP_FILES;
    g->files += m->piece->file != 0;
    for (; at > 0 && g->most[at - 1].mappings < mappings; at--)
        if (at < GROUP_FILES)
            g->most[at] = g->most[at - 1];
    if (at < GROUP_FILES)
        g->most[at] = (struct group_file){ m->live, m->piece->file, mappings };
}

/* Whether a member, of those that are sorted, is of another mapping than the one before it. */
static bool is_first(const struct member *m, size_t i, size_t from)
{
    return i == from || m[i].piece->number != m[i - 1].piece->number || m[i].live != m[i - 1].live;
}

/* Of members that are sorted: how many from `from` on have the same group and file or stack, and
 * how many mappings these are. */
static size_t run_length(const struct member *m, size_t n, size_t from, size_t *mappings)
{
    size_t i = from;
    *mappings = 0;
    for (; i < n && m[i].group == m[from].group && m[i].by == m[from].by; i++)
        *mappings += is_first(m, i, from);
    return i - from;
}

/* Numbers of the files of a process. Files of several processes have the same number if they are
 * the same. In memory of malloc. */
static uint64_t *number_files(const struct live *l, struct keys *keys)
{
    const struct record *r = l->record;
    uint64_t *numbers = enough(calloc(r->file_count + 1, sizeof *numbers));
    for (uint32_t i = 1; i < r->file_count; i++) {
        char *key = enough_text("%llx %llx %s", (unsigned long long)r->files[i].dev,
                                (unsigned long long)r->files[i].ino, live_file(l, i));
        numbers[i] = keys_number(keys, key) + 1;
        free(key);
    }
    return numbers;
}

static void count_files(struct groups *g, struct member *m, size_t n)
{
    struct keys keys = { 0 };
    const struct live *numbered = NULL;
    uint64_t *numbers = NULL;
    for (size_t i = 0; i < n; i++) {
        if (g->live_count > 1 && m[i].live != numbered) {
            free(numbers);
            numbered = m[i].live;
            numbers = number_files(numbered, &keys);
        }
        m[i].by = numbers ? numbers[m[i].piece->file] : m[i].piece->file;
    }
    free(numbers);
    keys_free(&keys);
    sort_members(m, n);
    for (size_t i = 0, mappings; i < n;) {
        struct group *group = &g->at[m[i].group];
        size_t len = run_length(m, n, i, &mappings);
        group->mappings += mappings;
        add_file(group, &m[i], mappings);
        for (size_t k = i; k < i + len; k++) {
            bool first = is_first(m, k, i);
            group->survivors += first && m[k].survives;
            group->deleted += first && m[k].live->deleted[m[k].piece->file];
            group->of[m[k].live - g->lives] += first;
        }
        i += len;
    }
}

static void add_use(struct groups *g, struct group *group, const struct live *l, uint32_t stack)
{
    struct mapherd_record_use use;
    if (g->by != GROUP_STACK || !record_use(l->record, stack, &use))
        return;
    group->made += use.made;
    group->unmapped += use.unmapped;
    group->lived_ms += use.lived_ms;
}

static void count_stacks(struct groups *g, struct member *m, size_t n)
{
    size_t *most = enough(calloc(g->n + 1, sizeof *most));
    for (size_t i = 0; i < n; i++)
        m[i].by = (uint64_t)(m[i].live - g->lives) << 32 | m[i].piece->stack;
    sort_members(m, n);
    for (size_t i = 0, mappings; i < n;) {
        size_t group = m[i].group, len = run_length(m, n, i, &mappings);
        add_use(g, &g->at[group], m[i].live, m[i].piece->stack);
        if (mappings > most[group]) {
            most[group] = mappings;
            g->at[group].live = m[i].live;
            g->at[group].stack = m[i].piece->stack;
        }
        i += len;
    }
    free(most);
}

static void add_piece(struct group *g, const struct live *l, const struct mapherd_record_mapping *p)
{
    uint64_t old_ms = age(l, p->born_ms);
    if (!g->pieces || p->born_ms < g->oldest_ms)
        g->oldest_ms = p->born_ms;
    if (p->born_ms > g->newest_ms)
        g->newest_ms = p->born_ms;
    if (!g->pieces || old_ms < g->youngest_age)
        g->youngest_age = old_ms;
    if (old_ms > g->oldest_age)
        g->oldest_age = old_ms;
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

static void count_pieces(struct groups *g, const struct member *m, size_t n)
{
    uint32_t *behind = enough(calloc(g->n + 1, sizeof *behind)), behind_all = 0;
    for (size_t i = 0; i < n; i++) {
        struct group *group = &g->at[m[i].group];
        if (i && m[i].live != m[i - 1].live) {
            memset(behind, 0, g->n * sizeof *behind);
            behind_all = 0;
        }
        add_piece(group, m[i].live, m[i].piece);
        add_piece(&g->all, m[i].live, m[i].piece);
        if (g->joined) {
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

static int by_survivors(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    if (a->survivors != b->survivors)
        return a->survivors < b->survivors ? 1 : -1;
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
        g->all.survivors += g->at[i].survivors;
        g->all.deleted += g->at[i].deleted;
        for (size_t k = 0; k < g->live_count; k++)
            g->all.of[k] += g->at[i].of[k];
    }
}

/* ---- the whole ---- */

struct memory {
    struct keys keys;
    struct texts texts;
    size_t *of; /* of all groups */
};

/* Adds the mappings of one process to the n members. Returns how many they are then. */
static size_t add_members(struct groups *g, const struct live *l, uint64_t older_ms,
                          struct member *members, size_t n)
{
    const struct record *r = l->record;
    struct memory *memory = g->memory;
    struct text text = { 0 };
    size_t sources = g->by == GROUP_STACK ? r->word_count : r->file_count;
    size_t *known = enough(calloc(sources + 1, sizeof *known));
    uint64_t *from = enough(calloc(r->word_count + 1, sizeof *from));
    for (size_t i = 0; i < r->piece_count; i++) {
        const struct mapherd_record_mapping *p = &r->pieces[i];
        uint64_t old_ms = age(l, p->born_ms);
        if (old_ms < older_ms)
            continue;
        if (!from[p->stack]) /* again for those that are 0: that is cheap */
            from[p->stack] = survival_age(r, p->stack);
        members[n++] = (struct member){
            .group = number_of(l, p, g->by, &memory->keys, known, &text),
            .live = l,
            .piece = p,
            .span = l->spans ? &l->spans[i] : NULL,
            .survives = old_ms >= from[p->stack],
        };
    }
    free(from);
    free(known);
    free(text.at);
    return n;
}

void groups_make(struct groups *g, const struct live *lives, size_t n, enum group_by by,
                 uint64_t older_ms)
{
    struct memory *memory = enough(calloc(1, sizeof *memory));
    size_t pieces = 0, count = 0;
    *g = (struct groups){ .lives = lives, .live_count = n, .by = by, .memory = memory };
    g->joined = g->deleted_known = g->use_known = true;
    for (size_t i = 0; i < n; i++) {
        pieces += lives[i].record->piece_count;
        g->joined &= lives[i].joined;
        g->deleted_known &= lives[i].deleted_known;
        g->use_known &= lives[i].record->head.stack_use != 0;
    }
    struct member *members = enough(calloc(pieces + 1, sizeof *members));
    for (size_t i = 0; i < n; i++)
        count = add_members(g, &lives[i], older_ms, members, count);
    g->n = memory->keys.texts.n;
    g->at = enough(calloc(g->n + 1, sizeof *g->at));
    memory->of = enough(calloc((g->n + 1) * n, sizeof *memory->of));
    g->all.of = memory->of + g->n * n;
    for (size_t i = 0; i < g->n; i++) {
        g->at[i].of = memory->of + i * n;
        name_group(&g->at[i], by, memory->keys.texts.at[i], &memory->texts);
    }
    count_pieces(g, members, count);
    count_files(g, members, count);
    count_stacks(g, members, count);
    free(members);
    sum_up(g);
    if (g->n)
        qsort(g->at, g->n, sizeof *g->at, by == GROUP_AGE ? by_key : by_survivors);
}

void groups_free(struct groups *g)
{
    struct memory *memory = g->memory;
    if (memory) {
        keys_free(&memory->keys);
        texts_free(&memory->texts);
        free(memory->of);
    }
    free(memory);
    free(g->at);
    *g = (struct groups){ 0 };
}
