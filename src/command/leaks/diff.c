/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd diff: what has been mapped, and is still there, between two moments.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/leaks/grouptext.h"
#include "command/leaks/leaks.h"
#include "command/lib/enough.h"
#include "command/lib/print.h"

/* One group at both moments. */
struct change {
    const struct group *before, *after; /* one of them may be NULL */
    long long growth;                   /* mappings */
};

struct both {
    struct live live[2];
    struct groups groups[2];
    struct change *at; /* what grew most comes first */
    size_t n;
};

static long long count(const struct group *g)
{
    return g ? (long long)g->mappings : 0;
}

static int by_growth(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    const struct group *of_a = a->after ? a->after : a->before,
                       *of_b = b->after ? b->after : b->before;
    if (a->growth != b->growth)
        return a->growth < b->growth ? 1 : -1;
    return strcmp(of_a->key, of_b->key);
}

/* Groups are the same where their keys are. */
static void match(struct both *b)
{
    struct keys keys = { 0 };
    const struct groups *g = b->groups;
    b->at = enough(calloc(g[0].n + g[1].n + 1, sizeof *b->at));
    for (int moment = 0; moment < 2; moment++)
        for (size_t i = 0; i < g[moment].n; i++) {
            struct change *c = &b->at[keys_number(&keys, g[moment].at[i].key)];
            *(moment ? &c->after : &c->before) = &g[moment].at[i];
        }
    b->n = keys.texts.n;
    keys_free(&keys);
    for (size_t i = 0; i < b->n; i++)
        b->at[i].growth = count(b->at[i].after) - count(b->at[i].before);
    if (b->n)
        qsort(b->at, b->n, sizeof *b->at, by_growth);
}

/* Of a group the moment is shown at which it is there, the later one first. */
static const struct group *shown(const struct both *b, const struct change *c,
                                 const struct groups **of)
{
    *of = &b->groups[c->after ? 1 : 0];
    return c->after ? c->after : c->before;
}

static void print_bytes(const struct change *c)
{
    uint64_t before = c->before ? c->before->bytes : 0, after = c->after ? c->after->bytes : 0;
    printf("%s%s", after < before ? "-" : "+",
           units_bytes(after < before ? before - after : after - before));
}

static void print_moment(const struct live *l, const struct groups *g, const char *what)
{
    printf("%-7s", what);
    print_text(stdout, l->record->head.program);
    printf("[%d], %s: %s mapping%s, %s\n", (int)l->record->head.pid, units_moment(l->now_ms),
           grouped((long long)g->all.mappings), plural((long)g->all.mappings),
           units_bytes(g->all.bytes));
}

static void print_changes(const struct both *b, const struct leaks_view *view)
{
    size_t shown_n = 0, rest = 0;
    print_moment(&b->live[0], &b->groups[0], "before");
    print_moment(&b->live[1], &b->groups[1], "after");
    if (b->live[1].now_ms < b->live[0].now_ms)
        puts("The second is the older one: what is shown as grown has shrunk.");
    for (size_t i = 0; i < b->n; i++) {
        const struct change *c = &b->at[i];
        const struct groups *of;
        if (c->growth < (long long)view->growth || shown_n == view->most) {
            rest += c->growth != 0;
            continue;
        }
        const struct group *g = shown(b, c, &of);
        printf("\n%3zu.  %+lld mappings (%s, then %s), ", ++shown_n, c->growth,
               grouped(count(c->before)), grouped(count(c->after)));
        print_bytes(c);
        putchar('\n');
        group_print_origin(g, of);
    }
    if (!shown_n)
        puts("\nNothing has grown.");
    if (rest)
        printf("\nand %s other group%s grew less, or shrank\n", grouped((long long)rest),
               plural((long)rest));
    group_print_notes(&b->groups[0]);
    group_print_notes(&b->groups[1]);
}

static void print_json(const struct both *b, const struct leaks_view *view)
{
    struct json j = { stdout, false };
    size_t shown_n = 0;
    for (int moment = 0; moment < 2; moment++) {
        j.comma = false;
        json_open(&j, NULL, '{');
        json_text(&j, "type", moment ? "after" : "before");
        group_json_head(&j, &b->groups[moment], 0);
        json_close(&j, '}');
        putchar('\n');
    }
    for (size_t i = 0; i < b->n && shown_n < view->most; i++) {
        const struct change *c = &b->at[i];
        const struct groups *of;
        if (c->growth < (long long)view->growth)
            continue;
        shown_n++;
        const struct group *g = shown(b, c, &of);
        j.comma = false;
        json_open(&j, NULL, '{');
        json_text(&j, "type", "change");
        json_text(&j, "by", view->by);
        json_number(&j, "growth", c->growth);
        json_number(&j, "before", count(c->before));
        json_number(&j, "after", count(c->after));
        group_json(&j, g, of);
        json_close(&j, '}');
        putchar('\n');
    }
    group_json_notes(&j, &b->groups[0]);
    group_json_notes(&j, &b->groups[1]);
}

/* What has shrunk has no place in a flame graph. */
static void print_folded(const struct both *b, const struct leaks_view *view)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->at[i].growth > 0 && b->at[i].growth >= (long long)view->growth)
            group_fold(b->at[i].after, (size_t)b->at[i].growth);
    group_complain_notes(&b->groups[1]);
}

static int diff(int argc, char **argv)
{
    struct leaks_view view = { .by = "stack", .top = "10", .least = "1" };
    const struct flag flags[] = {
        { "by", NULL, &view.by },
        { "top", NULL, &view.top },
        { "min-growth", NULL, &view.least },
        { "debug-dir", NULL, &view.debug_dir },
        { "all-frames", &view.all_frames, NULL },
        { "json", &view.json, NULL },
        { "folded", &view.folded, NULL },
        { NULL, NULL, NULL },
    };
    struct both b = { .n = 0 };
    int operands = verb_args(&verb_diff, flags, argc, argv);
    int read = leaks_view_read(&verb_diff, &view);
    if (read != DONE)
        return read;
    if (operands != 2)
        return misused(&verb_diff,
                       "two moments are compared: an older record, and a later one or a process");
    int opened = leaks_open(&b.live[0], argv[0], &view);
    if (opened != DONE)
        return opened;
    opened = leaks_open(&b.live[1], argv[1], &view);
    if (opened == DONE) {
        for (int moment = 0; moment < 2; moment++)
            groups_make(&b.groups[moment], &b.live[moment], 1, view.grouping, 0);
        match(&b);
        (view.json ? print_json : view.folded ? print_folded : print_changes)(&b, &view);
        free(b.at);
        groups_free(&b.groups[0]);
        groups_free(&b.groups[1]);
        live_close(&b.live[1]);
    }
    live_close(&b.live[0]);
    return opened;
}

const struct verb verb_diff = {
    .name = "diff",
    .synopsis = "[--by WHAT] [--top N] [--min-growth N] [--json|--folded] OLD NEW",
    .summary = "show which mappings have become more between two records",
    .help =
        "OLD and NEW are records: copies made with cp at two moments, those of two runs, or a copy and\n"
        "a process (its id). What grew most comes first.\n\n"
        "  --by WHAT         put together by stack, file, suffix, deleted or age (stack)\n"
        "  --top N           how many groups are shown (10)\n"
        "  --min-growth N    only groups that have grown by so many mappings (1)\n"
        "  --all-frames      show an interpreter's own frames too\n"
        "  --debug-dir DIR   where separate debug files are, besides the usual places\n"
        "  --json            a JSON object a line: before, after, then the changes\n"
        "  --folded          outer;inner GROWTH, for flamegraph.pl and speedscope; all that grew\n",
    .run = diff,
};
