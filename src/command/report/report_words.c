/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * report_words: the head of the page, in sentences: how close the limit is, what holds most, since
 * when, and what to do.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"
#include "command/lib/print.h"
#include "command/report/report.h"
#include "command/report/space.h"
#include "command/watch/pieces.h"
#include "command/watch/target.h"
#include "kernel/remedy.h"

enum { HELD_TOLD = 3 };
enum { YOUNG_S = 20 }; /* a record of less tells nothing of growth */

/* Text, escaped; "N %" does not break. */
static void say(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = enough_vtext(format, args);
    va_end(args);
    for (char *rest = text, *next; rest; rest = next) {
        next = strstr(rest, " %");
        if (next) {
            *next = '\0';
            next++;
        }
        print_html(out, rest);
        if (next)
            fputs("&#160;", out);
    }
    free(text);
}

static void code(FILE *out, const char *text)
{
    fputs("<code>", out);
    print_html(out, text);
    fputs("</code>", out);
}

static void say_time(FILE *out, uint64_t ms)
{
    fprintf(out, "<span class=\"when\">%s</span>", units_moment(ms));
}

static long share(long part, long whole)
{
    return whole > 0 ? part * 100 / whole : 0;
}

/* Scripts and settings among the arguments have line ends and other control characters: these are
 * written as in C. */
static void say_arguments(FILE *out, const struct report *r)
{
    char visible[4 * sizeof r->arguments], *to = visible;
    for (const char *c = r->arguments; *c; c++) {
        const char *letter = strchr("\nn\tt\rr", *c);
        if ((unsigned char)*c >= ' ' && *c != 0x7f)
            *to++ = *c;
        else if (letter)
            to += sprintf(to, "\\%c", letter[1]);
        else
            to += sprintf(to, "\\%03o", (unsigned char)*c);
    }
    *to = '\0';
    say(out, "%s", visible);
    if (strlen(r->arguments) == sizeof r->arguments - 1)
        say(out, " (cut here)");
}

static void facts(const struct report *r, FILE *out)
{
    fputs("<h1>", out);
    say(out, "%s", r->program[0] ? r->program : "a process without a name");
    fputs("</h1>\n<p class=\"facts\">", out);
    if (r->arguments[0]) {
        say_arguments(out, r);
        fputs("<br>", out);
    }
    say(out, "Process %d on %s: ", (int)r->pid, r->host[0] ? r->host : "an unknown host");
    if (r->live.record) {
        const struct mapherd_record_head *h = &r->live.record->head;
        say(out, "%s; its record began ",
            r->live.state == LIVE_UNKNOWN ? "whether it runs is not known here"
                                          : live_state_text(r->live.state));
        say_time(out, h->since_ms);
        if (r->live.state != LIVE_RUNNING) {
            say(out, " and ends ");
            say_time(out, r->live.now_ms);
        }
        say(out, ".");
    } else {
        say(out, "running.");
    }
    say(out, " This page is of ");
    say_time(out, r->made_ms);
    say(out, ".");
    fputs("</p>\n", out);
}

static void closeness(const struct report *r, FILE *out)
{
    if (r->count < 0) {
        fputs("<p>", out);
        say(out, "How many maps it had is not known.");
        fputs("</p>\n", out);
        return;
    }
    struct target target = { .maps = r->count, .limit = r->limit };
    const char *level = target_pressure(&target);
    long percent = share(r->count, r->limit);
    fprintf(out, "<div class=\"close %s\"><strong>", level);
    if (r->limit > 0) {
        say(out, "%s of %s", grouped(r->count), grouped(r->limit));
        fputs("</strong><span>", out);
        say(out, "maps: %s%ld %% of the limit, pressure %s", percent ? "" : "less than ",
            percent ? percent : 1, level);
        fprintf(out,
                "</span></div>\n<div class=\"bar\" role=\"img\" aria-label=\"%ld %% of the limit\">"
                "<svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\">"
                "<rect%s width=\"%ld\" height=\"1\"/><line x1=\"50\" x2=\"50\" y2=\"1\"/>"
                "<line x1=\"80\" x2=\"80\" y2=\"1\"/></svg></div>\n",
                percent, percent >= 80 ? " class=\"danger\"" : "",
                percent > 100 ? 100
                : percent     ? percent
                              : 1);
    } else {
        say(out, "%s", grouped(r->count));
        fputs("</strong><span>", out);
        say(out, "map%s; the limit is not known", plural(r->count));
        fputs("</span></div>\n", out);
    }
}

/* A long name, that may be broken behind a dot or a slash. */
static void say_name(FILE *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "./");
        len += strspn(text + len, "./");
        say(out, "%.*s", (int)len, text);
        text += len;
        if (*text && len > 2) /* "*." goes with what follows */
            fputs("<wbr>", out);
    }
}

/* The function and where it is: "open (Store.java:12)". */
static void say_symbol(FILE *out, const struct symbol *site)
{
    say_name(out, site->name);
    if (site->source[0] && site->line > 0) {
        say(out, " (");
        say_name(out, site->source);
        say(out, ":%d)", site->line);
    } else if (site->module[0]) {
        say(out, " (in ");
        say_name(out, site->module);
        say(out, ")");
    }
}

/* The function that made the mappings of a group, and the one of other code that called it. */
static void say_site(FILE *out, const struct report *r, const struct group *g)
{
    const struct symbol *caller, *site = report_site(r, g->stack, &caller);
    say_symbol(out, site);
    if (caller) {
        say(out, ", called by ");
        say_symbol(out, caller);
    }
}

static const struct group *leader(const struct report *r)
{
    const struct group *g = r->stacks.at;
    bool leads = r->stacks.n && g->survivors >= 100 && g->survivors * 4 >= r->stacks.all.survivors;
    return leads && g->stack && report_site(r, g->stack, NULL) ? g : NULL;
}

/* The rows that the log and `mapherd maps` have. Returns how many VMAs the first has. */
static long say_held(const struct report *r, FILE *out)
{
    struct held_row rows[HELD_TOLD];
    size_t n = held_rows(&r->space->held, rows, HELD_TOLD);
    say(out, "Of the %s %s ", grouped((long)r->map_count),
        r->of_pieces ? "recorded mappings" : "maps");
    for (size_t i = 0; i < n; i++) {
        say(out, i ? ", %s (%ld %%) of " : "%s (%ld %%) are of ", grouped(rows[i].maps),
            share(rows[i].maps, (long)r->map_count));
        say_name(out, rows[i].what);
        if (rows[i].files > 1)
            say(out, " (%s files)", grouped(rows[i].files));
    }
    say(out, ".");
    return rows[0].maps;
}

static void who(const struct report *r, FILE *out)
{
    const struct space *s = r->space;
    fputs("<p>", out);
    if (s->held.n) {
        long most = say_held(r, out);
        long deleted = share(s->deleted, (long)r->map_count);
        if (deleted && s->deleted != most)
            say(out, " %s %s of files that are deleted, %ld %%.", grouped(s->deleted),
                s->deleted == 1 ? "is" : "are", deleted);
    } else if (r->live.record && r->live.record->top_count) {
        const struct mapherd_record_top *top = &r->live.record->top[0];
        say(out, "When they were last read, most maps were of ");
        say_name(out, top->path);
        say(out, ": %s.", grouped((long long)top->maps));
    } else {
        say(out, "Nothing is known of who holds them.");
    }
    const struct group *g = leader(r);
    if (g) {
        say(out, " Of %s mappings that are recorded and still there, %s (%ld %%) were made by ",
            grouped((long)r->stacks.all.mappings), grouped((long)g->mappings),
            share((long)g->mappings, (long)r->stacks.all.mappings));
        say_site(out, r, g);
        say(out, ", the oldest %s before, the newest %s.",
            units_between(g->oldest_ms, r->live.now_ms),
            units_between(g->newest_ms, r->live.now_ms));
    }
    fputs("</p>\n", out);
}

static bool is_young(const struct report *r)
{
    return r->live.now_ms / 1000 < r->trend.begin_s + YOUNG_S;
}

/* Milliseconds until the limit is reached at the present pace; 0: it is not, or not known. */
static uint64_t left_ms(const struct report *r)
{
    const struct trend *c = &r->trend;
    if (!c->known || is_young(r) || !c->grows || c->still_s || c->a_minute <= 0)
        return 0;
    if (r->limit <= r->count || r->live.state != LIVE_RUNNING)
        return 0;
    double ms = (double)(r->limit - r->count) / c->a_minute * 60000;
    return ms < 1e15 ? (uint64_t)ms + 1 : 0;
}

static void since_when(const struct report *r, FILE *out)
{
    const struct trend *c = &r->trend;
    uint64_t left = left_ms(r);
    fputs("<p>", out);
    if (!c->known) {
        say(out, "Since when they grow is not known: %s",
            r->why[0] ? r->why : "the record has no counts yet");
        if (r->why[0] && r->why[strlen(r->why) - 1] != '.')
            say(out, ".");
    } else if (is_young(r) && c->grows) {
        /* The chart beside it shows the rise. */
        say(out, "The count has grown from %s to %s since ", grouped(c->from), grouped(c->now));
        say_time(out, c->since_s * 1000);
        say(out, ", and the record is only %s old: whether they go on growing it cannot tell yet.",
            units_between(c->begin_s * 1000, r->live.now_ms));
    } else if (is_young(r)) {
        say(out, "The record is only %s old: too young to tell whether they grow.",
            units_between(c->begin_s * 1000, r->live.now_ms));
    } else if (!c->grows) {
        say(out, "The count has been steady since ");
        say_time(out, c->since_s * 1000);
        say(out, ", for %s.", units_between(c->since_s * 1000, r->live.now_ms));
    } else {
        uint64_t end_ms = c->still_s ? c->still_s * 1000 : r->live.now_ms;
        say(out, "The count has grown since ");
        say_time(out, c->since_s * 1000);
        say(out, ", for %s, from %s to %s", units_between(c->since_s * 1000, end_ms),
            grouped(c->from), grouped(c->now));
        if (c->still_s)
            say(out, ", and has been steady since then, for %s",
                units_between(end_ms, r->live.now_ms));
        else if (c->a_minute >= 1)
            say(out, ": about %s a minute", grouped((long long)c->a_minute));
        else
            say(out, ": about %s a day", grouped((long long)(c->a_minute * 1440) + 1));
        say(out, ".");
        if (left)
            say(out, " At that pace the limit is reached in %s.", units_between(0, left));
    }
    fputs("</p>\n", out);
}

static void cold_mappings(const struct report *r, FILE *out)
{
    char text[256];
    if (!cold_shows(&r->cold))
        return;
    cold_text(&r->cold, text, sizeof text);
    fputs("<p>", out);
    say(out, "%s: %s. What is cold takes no map, and is mapped again at the first access. ",
        r->cold_now                     ? "In the last second"
        : r->live.state == LIVE_RUNNING ? "Since it began"
                                        : "On average",
        text);
    if (cold_thrashes(&r->cold))
        say(out, "It thrashes: %s.", cold_fit(&r->cold));
    else
        say(out, "It does not thrash: %s.", cold_fit(&r->cold));
    if (r->cold.failed)
        say(out, " %s could not be mapped again: such an access ends in SIGBUS.",
            grouped((long long)r->cold.failed));
    fputs("</p>\n", out);
}

/* ---- what to do ---- */

/* With this many maps no mapping would be cold: near four fifths of the limit they become so. */
static long maps_if_warm(const struct report *r)
{
    uint64_t cold = r->cold.cold < INT32_MAX ? r->cold.cold : 0;
    return r->count + (long)cold;
}

static void raise_limit(const struct report *r, FILE *out)
{
    char text[80];
    long warm = maps_if_warm(r) / 4 * 5 + 5, twice = 2 * r->count;
    long value = remedy_limit(twice > warm ? twice : warm, r->limit);
    fputs("<li>", out);
    say(out, "Raise the limit where you may: ");
    snprintf(text, sizeof text, "sysctl -w vm.max_map_count=%ld", value);
    code(out, text);
    say(out, "; to keep it, the line ");
    snprintf(text, sizeof text, "vm.max_map_count=%ld", value);
    code(out, text);
    say(out, " in a file of /etc/sysctl.d. A leak only takes longer then.");
    fputs("</li>\n", out);
}

static void name_site(const struct report *r, FILE *out)
{
    const struct group *g = leader(r);
    if (!g)
        return;
    fputs("<li>", out);
    say(out, "Look at ");
    say_site(out, r, g);
    say(out, ": %s of its mappings are still there.", grouped((long)g->mappings));
    if (g->deleted * 2 >= g->mappings)
        say(out,
            " %s of them are of files that are deleted: nobody can open these any more, so they "
            "were most likely forgotten.",
            g->deleted == g->mappings ? "All" : grouped((long)g->deleted));
    fputs("</li>\n", out);
}

/* What mapherd makes of the maps. Nothing is said where it would make few of them fewer. */
static void cure(const struct report *r, bool near, FILE *out)
{
    const struct cure *c = &r->space->cure;
    if (r->of_pieces || !cure_helps(c) || (!near && c->preloaded))
        return;
    fputs("<li>", out);
    if (!c->preloaded) {
        say(out, "Run it under mapherd: ");
        code(out, "mapherd run PROGRAM");
        say(out, ". ");
    }
    char *text = cure_verdict(c);
    say(out, "%s", text);
    free(text);
    fputs("<ul>", out);
    for (int which = 0; which < CURES; which++) {
        text = cure_by(c, which);
        if (text) {
            fputs("<li>", out);
            say(out, "%s.", text);
            fputs("</li>", out);
        }
        free(text);
    }
    fputs("</ul></li>\n", out);
}

static void record_leaks(const struct report *r, FILE *out)
{
    const struct record *record = r->live.record;
    if ((record && (record->head.leaks || r->stacks.n)) || r->count <= 1000)
        return;
    fputs("<li>", out);
    say(out, "To see who maps: ");
    if (record && r->live.state == LIVE_RUNNING) {
        char text[80];
        snprintf(text, sizeof text, "mapherd leaks --start %d", (int)r->live.pid);
        code(out, text);
        say(out, ", and this report again after a while.");
    } else {
        code(out, "mapherd run --leaks=on PROGRAM");
        say(out, ", and this report of that process.");
    }
    fputs("</li>\n", out);
}

/* Where the limit is far away, it is MAPHERD_COLD_WARM that keeps mappings cold. */
static void keep_warm(const struct report *r, bool near, FILE *out)
{
    if (!cold_thrashes(&r->cold))
        return;
    fputs("<li>", out);
    say(out, "Let more mappings be warm: ");
    if (near) {
        say(out, "that takes a larger limit.");
    } else {
        code(out, "MAPHERD_COLD_WARM");
        say(out, " allows fewer than the limit does; leave it out, or set it to more than %s.",
            grouped((long long)r->cold.warm));
    }
    fputs("</li>\n", out);
}

static void make_space(const struct report *r, FILE *out)
{
    const struct mapherd_status *b = r->live.record ? &r->live.record->head.status : NULL;
    bool running = r->live.state == LIVE_RUNNING;
    if (!b || b->spilled <= b->returned)
        return;
    fputs("<li>", out);
    say(out, "A disk was full: %s pages wait in the spill file. ",
        grouped((long long)(b->spilled - b->returned)));
    say(out, running ? "Make space; the next msync writes them where they belong."
                     : "Make space, and put them back with ");
    if (!running)
        code(out, "mapherd recover");
    fputs("</li>\n", out);
}

static void what_to_do(const struct report *r, FILE *out)
{
    uint64_t left = left_ms(r);
    const uint64_t day_ms = 86400000;
    bool near = r->limit > 0 && (r->count * 2 >= r->limit || (left && left < day_ms));
    fputs("<div class=\"todo\"><h2>What to do</h2>\n<ul>\n", out);
    long begin = ftell(out);
    name_site(r, out);
    cure(r, near, out);
    record_leaks(r, out);
    keep_warm(r, near, out);
    if (near)
        raise_limit(r, out);
    make_space(r, out);
    if (ftell(out) == begin) {
        fputs("<li>", out);
        say(out, "Nothing: the limit is far away.");
        fputs("</li>\n", out);
    }
    fputs("</ul></div>", out);
}

void report_words(const struct report *r, FILE *out)
{
    facts(r, out);
    closeness(r, out);
    fputs("<div class=\"words\">", out);
    who(r, out);
    since_when(r, out);
    cold_mappings(r, out);
    fputs("</div>\n", out);
    what_to_do(r, out);
}

/* ---- the function in a stack that a reader should look at ---- */

static bool starts(const char *text, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(text, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

/* Code that others call to do their work: a call in it does not show what leaks. */
static bool is_plumbing(const struct symbol *s)
{
    static const char *const classes[] = { "java.", "javax.", "jdk.", "sun.", "com.sun.", NULL };
    static const char *const libraries[] = {
        "libc.so",    "libc-",        "ld-",    "libpthread",    "libjvm.so", "libnio.so",
        "libjava.so", "libstdc++.so", "libc++", "libmapherd.so", "[",         NULL,
    };
    if (s->java)
        return starts(s->function, classes);
    return s->folded || !s->module[0] || starts(base_name(s->module), libraries);
}

/* The length of a method's package, of three parts at most: "com.example.shop" of
 * com.example.shop.cart.Store.sync; 0 for a class without one. */
static size_t package_len(const char *method)
{
    size_t len = 0;
    for (int part = 0; part < 3; part++) {
        size_t next = len + strcspn(method + len, ".");
        const char *rest = method[next] ? strchr(method + next + 1, '.') : NULL;
        if (!rest) /* what is left is the class and the method */
            return len ? len - 1 : 0;
        len = next + 1;
    }
    return len - 1;
}

/* Of one library or program, or of one Java package. */
static bool belong_together(const struct symbol *a, const struct symbol *b)
{
    if (a->java != b->java || !a->java)
        return a->java == b->java && strcmp(a->module, b->module) == 0;
    size_t len = package_len(a->function);
    return len == package_len(b->function) && strncmp(a->function, b->function, len) == 0;
}

const struct symbol *report_site(const struct report *r, uint32_t stack,
                                 const struct symbol **caller)
{
    size_t n, i = 0;
    const struct symbol **at = symbols_stack(r->live.symbols, stack, &n);
    if (caller)
        *caller = NULL;
    while (i < n && is_plumbing(at[i]))
        i++;
    const struct symbol *site = i < n ? at[i] : n ? at[0] : NULL;
    for (; caller && !*caller && i < n; i++)
        if (!is_plumbing(at[i]) && !belong_together(site, at[i]))
            *caller = at[i];
    free(at);
    return site;
}
