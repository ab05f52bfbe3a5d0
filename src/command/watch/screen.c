/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * screen: top's screen: what is drawn on the terminal, its keys, and the time between two rounds.
 */
#define _GNU_SOURCE
#include "command/watch/top.h"

#ifdef HAVE_NCURSES

#include <curses.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "space/pressure.h"

/* ---- text and bars: nothing is drawn beyond the edges; rows and columns count from 0 ---- */

/* GOOD, FAIR and BAD are green, yellow and red where the terminal has colours. */
enum look { PLAIN, FAINT, STRONG, HEAD, SORTED, CHOSEN, GOOD, FAIR, BAD };

/* blocks: bars are of eighths, in a UTF-8 locale; else of '#'. */
static bool blocks, colours;

/* Sets the colours up. To be called once, after the terminal was opened. */
static void draw_start(void)
{
    blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    colours = has_colors() && start_color() == OK;
    if (!colours)
        return;
    use_default_colors();
    init_pair(GOOD, COLOR_GREEN, -1);
    init_pair(FAIR, COLOR_YELLOW, -1);
    init_pair(BAD, COLOR_RED, -1);
}

/* The look of a share of the limit, in percent. */
static enum look draw_share_look(long share)
{
    return share >= 80 ? BAD : share >= 50 ? FAIR : GOOD;
}

static attr_t attributes(enum look look)
{
    switch (look) {
    case FAINT: return A_DIM;
    case STRONG: return A_BOLD;
    case HEAD: return A_UNDERLINE;
    case SORTED: return A_UNDERLINE | A_BOLD;
    case CHOSEN: return A_REVERSE;
    case GOOD: return colours ? COLOR_PAIR(GOOD) : A_NORMAL;
    case FAIR: return colours ? COLOR_PAIR(FAIR) : A_NORMAL;
    case BAD: return colours ? COLOR_PAIR(BAD) | A_BOLD : A_BOLD;
    default: return A_NORMAL;
    }
}

/* Wide characters, each of which can be shown. */
static size_t widen(const char *text, wchar_t *wide, size_t room)
{
    mbstate_t state = { 0 };
    size_t n = 0;
    while (*text && n < room) {
        size_t len = mbrtowc(&wide[n], text, MB_LEN_MAX, &state);
        if (len == (size_t)-1 || len == (size_t)-2) {
            memset(&state, 0, sizeof state);
            wide[n] = L'?';
            len = 1;
        }
        if (!iswprint((wint_t)wide[n]) || wcwidth(wide[n]) < 1)
            wide[n] = L'?';
        text += len;
        n++;
    }
    return n;
}

/* How many of them fit, and how wide those are. */
static size_t fitting(const wchar_t *wide, size_t n, int room, int *width)
{
    *width = 0;
    for (size_t i = 0; i < n; i++) {
        int w = wcwidth(wide[i]);
        if (*width + w > room)
            return i;
        *width += w;
    }
    return n;
}

static void put(int row, int column, enum look look, const wchar_t *wide, size_t n)
{
    if (row < 0 || row >= LINES || column < 0 || column >= COLS)
        return;
    attrset(attributes(look));
    mvaddnwstr(row, column, wide, (int)n);
    attrset(A_NORMAL);
}

/*
 * Draws text from a column on, at most width columns wide. A negative width aligns it to the right
 * in that many columns. Characters that cannot be shown become '?'. Returns the width that it took.
 */
static int draw_text(int row, int column, int width, enum look look, const char *text)
{
    wchar_t wide[512];
    int room = abs(width), taken;
    if (column + room > COLS)
        room = COLS - column;
    size_t n = fitting(wide, widen(text, wide, sizeof wide / sizeof *wide), room, &taken);
    put(row, column + (width < 0 ? room - taken : 0), look, wide, n);
    return taken;
}

/* As printf(3), into the rest of the row. Returns the column behind it. */
__attribute__((format(printf, 4, 5))) static int draw_print(int row, int column, enum look look,
                                                            const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return column + draw_text(row, column, COLS, look, text);
}

/* Draws a path in width columns. Where it is too long, the beginning is left out. */
static void draw_path(int row, int column, int width, enum look look, const char *path)
{
    wchar_t wide[512];
    int taken;
    size_t n = widen(path, wide, sizeof wide / sizeof *wide);
    if (column + width > COLS)
        width = COLS - column;
    if (width < 4 || fitting(wide, n, width, &taken) == n) {
        draw_text(row, column, width, look, path);
        return;
    }
    const wchar_t *tail = wide;
    while (n && fitting(tail, n, width - 3, &taken) < n) {
        tail++;
        n--;
    }
    put(row, column, look, L"...", 3);
    put(row, column + 3, look, tail, n);
}

/* Of a value against a top: eighths of so many cells; what is there at all is seen. */
static int eighths(long value, long top, int cells)
{
    if (value <= 0 || top <= 0)
        return 0;
    double part = (double)value / (double)top * cells * 8;
    return part < 1 ? 1 : part > cells * 8 ? cells * 8 : (int)part;
}

/* Draws a bar from the left, of which the length is to width as part is to whole. */
static void draw_bar(int row, int column, int width, long part, long whole)
{
    static const wchar_t steps[] = L" ▏▎▍▌▋▊▉█";
    enum look look = draw_share_look(whole > 0 ? part * 100 / whole : 0);
    int filled = eighths(part, whole, width);
    for (int i = 0; i < width; i++) {
        int here = filled - 8 * i < 0 ? 0 : filled - 8 * i > 8 ? 8 : filled - 8 * i;
        wchar_t c = blocks ? steps[here] : here >= 4 ? L'#' : L'.';
        if (here)
            put(row, column + i, look, &c, 1);
        else
            put(row, column + i, FAINT, blocks ? L"·" : L".", 1);
    }
}

/* Draws one column of a graph, with its foot in row foot. A value of top is height rows high. */
static void draw_column(int foot, int column, int height, enum look look, long value, long top)
{
    static const wchar_t steps[] = L" ▁▂▃▄▅▆▇█";
    int filled = eighths(value, top, height);
    for (int i = 0; i < height && 8 * i < filled; i++) {
        int here = filled - 8 * i > 8 ? 8 : filled - 8 * i;
        wchar_t c = blocks ? steps[here] : L'#';
        put(foot - i, column, look, &c, 1);
    }
}

/* The head of both screens: a title and, on the right, the time. */
static void screen_title(const struct top *t, const char *title)
{
    char when[64];
    struct tm local;
    localtime_r(&t->at, &local);
    size_t len = strftime(when, sizeof when, "%H:%M:%S", &local);
    snprintf(when + len, sizeof when - len, ", every %ld s", t->every_ms / 1000);
    int width = COLS - (int)strlen(when) - 1;
    draw_text(0, 0, width > 20 ? width : COLS, STRONG, title);
    if (width > 20)
        draw_text(0, 0, -COLS, FAINT, when);
}

/* ---- the list ---- */

enum { HEAD_ROWS = 3, FOOT_ROWS = 1 };

/* The columns that there is room for; 0: none. The rest of the row is the bar. */
struct layout {
    int user, program, maps, share, bar, growth, pressure, cold, most;
};

/* In a narrow window the least important go first. cold: a process has cold mappings. */
static struct layout lay_out(int width, bool cold)
{
    struct layout l = { 8, 15, 9, 5, 0, 9, 8, cold ? 9 : 0, 0 };
    const int bar_least = 8, bar_most = 12, most_least = 24, pid = 7;
    int *const optional[] = { &l.user, &l.growth, &l.pressure, &l.cold, &l.maps };
    for (size_t i = 0;; i++) {
        int used = pid;
        const int *widths = &l.user;
        for (size_t c = 0; c < sizeof l / sizeof *widths; c++)
            used += widths[c] ? widths[c] + 1 : 0;
        l.bar = width - used - 1;
        if (l.bar >= bar_least || i == sizeof optional / sizeof *optional)
            break;
        l.bar = 0;
        *optional[i] = 0;
    }
    if (l.bar < 0)
        l.program = l.program + l.bar > 4 ? l.program + l.bar : 4;
    if (l.bar < 4)
        l.bar = 0;
    if (l.bar > bar_most + most_least) { /* what holds the maps tells more than a longer bar */
        l.most = l.bar - bar_most - 1;
        l.bar = bar_most;
    }
    return l;
}

/* A cell, and the column behind it. Numbers stand to the right: a negative width. */
static int cell(int row, int column, int width, enum look look, const char *text)
{
    if (!width)
        return column;
    draw_text(row, column, width, look, text);
    return column + abs(width) + 1;
}

/* Draws "24,000 *.dvd (deleted) under /data" in width columns. NULL: nothing is known. */
static void draw_most(const struct held_row *most, int row, int column, int width, enum look look)
{
    enum { NUMBER = 9 };
    char what[320];
    if (!most || width <= NUMBER + 1)
        return;
    if (most->files > 1)
        snprintf(what, sizeof what, "%s, %s files", most->what, grouped(most->files));
    else
        snprintf(what, sizeof what, "%s", most->what);
    draw_text(row, column, -NUMBER, look, grouped(most->maps));
    draw_path(row, column + NUMBER + 1, width - NUMBER - 1, look, what);
}

static void draw_heads(const struct layout *l, enum top_sort sort, int row)
{
#define LOOK(column) (sort == (column) ? SORTED : HEAD)
    for (int i = 0; i < COLS; i++)
        draw_text(row, i, 1, HEAD, " ");
    int at = cell(row, 0, -7, LOOK(SORT_PID), "PID");
    at = cell(row, at, l->user, LOOK(SORT_USER), "user");
    at = cell(row, at, l->program, LOOK(SORT_PROGRAM), "program");
    at = cell(row, at, -l->maps, LOOK(SORT_MAPS), "maps");
    at = cell(row, at, -l->share, HEAD, "share");
    at = cell(row, at, l->bar, HEAD, "of the limit");
    at = cell(row, at, -l->growth, LOOK(SORT_GROWTH), "a minute");
    at = cell(row, at, l->pressure, HEAD, "pressure");
    at = cell(row, at, -l->cold, LOOK(SORT_COLD), "cold");
    cell(row, at, l->most, HEAD, "most are of");
#undef LOOK
}

static void draw_process(const struct top *t, const struct process *one, const struct layout *l,
                         int row, bool chosen)
{
    char pid[16], share[16] = "-", growth[32] = "";
    const struct history *h = history_of(&t->histories, one);
    const struct target *target = &one->target;
    enum look look = chosen ? CHOSEN : PLAIN;
    enum look level = chosen ? CHOSEN : draw_share_look(target_share(target));
    long a_minute;
    snprintf(pid, sizeof pid, "%d", (int)target->pid);
    if (target->limit > 0)
        snprintf(share, sizeof share, "%ld %%", target_share(target));
    if ((h && history_pace(h, &a_minute)) || process_pace(one, &a_minute))
        snprintf(growth, sizeof growth, "%s%s", a_minute > 0 ? "+" : "", grouped(a_minute));
    for (int i = 0; chosen && i < COLS; i++)
        draw_text(row, i, 1, look, " ");
    int at = cell(row, 0, -7, look, pid);
    at = cell(row, at, l->user, look, one->user);
    at = cell(row, at, l->program, look, target->name);
    at = cell(row, at, -l->maps, look, grouped(target->maps));
    at = cell(row, at, -l->share, level, share);
    if (l->bar) {
        draw_bar(row, at, l->bar, target->maps, target->limit);
        at += l->bar + 1;
    }
    at = cell(row, at, -l->growth, look, growth);
    at = cell(row, at, l->pressure, level, target_pressure(target));
    if (l->cold)
        at = cell(row, at, -l->cold, cold_thrashes(&one->cold) && !chosen ? BAD : look,
                  one->block.cold ? grouped((long long)one->block.cold) : "");
    if (l->most)
        draw_most(one->most.maps ? &one->most : NULL, row, at, l->most, look);
}

/* "120 processes, each may have 65,530 maps", and what of them is shown. */
static void draw_which(const struct top *t, int row)
{
    const struct processes *all = &t->all;
    int at = 0;
    if (t->filter[0])
        at = draw_print(row, 0, PLAIN, "%s of ", grouped((long long)t->n_shown));
    at = draw_print(row, at, PLAIN, "%s process%s", grouped((long long)all->n),
                    all->n == 1 ? "" : "es");
    if (t->filter[0])
        at = draw_print(row, at, STRONG, " with '%s'", t->filter);
    if (t->sort != SORT_MAPS || t->reverse)
        at = draw_print(row, at, PLAIN, ", sorted by %s%s", top_sort_name(t->sort),
                        t->reverse ? ", in reverse" : "");
    if (all->n && all->at[0].target.limit > 0)
        at =
            draw_print(row, at, PLAIN, ", each may have %s maps", grouped(all->at[0].target.limit));
    if (all->unreadable)
        draw_print(row, at, FAINT, "; %s may not be read", grouped(all->unreadable));
}

/* chosen: which row; first: the first row that is shown, which follows the chosen; typing: the
 * filter is being typed. */
static void screen_list(const struct top *t, size_t chosen, size_t *first, bool typing)
{
    struct layout l = lay_out(COLS, processes_have_cold(&t->all));
    /* What holds the maps of the chosen process, whatever the width. */
    bool holder = LINES >= 6 && !l.most;
    int rows = LINES - HEAD_ROWS - FOOT_ROWS - holder;
    screen_title(t, "mapherd top");
    draw_which(t, 1);
    draw_heads(&l, t->sort, 2);
    if (typing)
        draw_print(LINES - 1, 0, STRONG, "/%s", t->filter);
    else
        draw_print(LINES - 1, 0, FAINT,
                   "q quit   ? keys   up, down choose   Enter look closer   < > sort   / filter");
    if (holder && chosen < t->n_shown)
        draw_most(&t->shown[chosen]->most, LINES - 2, 0, COLS, STRONG);
    if (rows < 1)
        return;
    if (chosen < *first)
        *first = chosen;
    if (chosen >= *first + (size_t)rows)
        *first = chosen - (size_t)rows + 1;
    for (size_t i = *first; i < t->n_shown && i < *first + (size_t)rows; i++)
        draw_process(t, t->shown[i], &l, HEAD_ROWS + (int)(i - *first), i == chosen);
}

/* ---- one process ---- */

/* Numbers of the status block, in the order of the screen. */
static const struct number {
    const char *name;
    size_t at;
} numbers[] = {
#define NUMBER(name, field)                          \
    {                                                \
        name, offsetof(struct mapherd_status, field) \
    }
    NUMBER("placed", placed),           NUMBER("compared", compared),
    NUMBER("joined", joined),           NUMBER("filled", filled),
    NUMBER("taken place", elsewhere),   NUMBER("guards", guards),
    NUMBER("held bytes", held_bytes),   NUMBER("held back", held_back),
    NUMBER("hints dropped", swallowed), NUMBER("refused", refused),
    NUMBER("at the limit", enomem),     NUMBER("readings", readings),
    NUMBER("made cold", cooled),        NUMBER("made warm", warmed),
    NUMBER("stayed cold", cold_failed),
#undef NUMBER
};
enum {
    NUMBERS = sizeof numbers / sizeof *numbers,
    NUMBER_COLUMNS = 3,
    NUMBER_ROWS = NUMBERS / NUMBER_COLUMNS
};

static void draw_state(const struct process *one, int row)
{
    const struct mapherd_status *b = &one->block;
    int at = draw_print(row, 0, PLAIN, "of %s; ", one->user);
    if (!one->preloaded)
        draw_print(row, at, PLAIN, "the library is not in it");
    else if (!one->told)
        draw_print(row, at, PLAIN, "the library is in it, and its numbers are not for us to read");
    else if (b->state == MAPHERD_HERDING && b->pressure <= PRESSURE_FULL)
        draw_print(row, at, PLAIN, "the library herds its maps, at pressure %s",
                   pressure_name((enum pressure)b->pressure));
    else if (b->state == MAPHERD_OBSERVING)
        draw_print(row, at, PLAIN, "the library observes it");
    else
        draw_print(row, at, PLAIN, "the library is in it and passes everything through");
}

/* Returns how many rows it took. */
static int draw_cold(const struct cold_use *use, int row)
{
    char text[256];
    if (!cold_shows(use))
        return 0;
    cold_text(use, text, sizeof text);
    int at = cold_thrashes(use) ? draw_print(row, 0, BAD, "It thrashes: ") : 0;
    draw_print(row, at, PLAIN, "%s; %s", text, cold_fit(use));
    return 1;
}

/* "full in 5 minutes", or nothing. */
static void forecast(const struct target *t, long a_minute, char *text, size_t size)
{
    long left = t->limit - t->maps;
    text[0] = '\0';
    if (a_minute <= 0 || left <= 0)
        return;
    long minutes = left / a_minute;
    if (minutes < 1)
        snprintf(text, size, "; full within a minute");
    else if (minutes < 120)
        snprintf(text, size, "; full in %ld minute%s", minutes, plural(minutes));
    else if (minutes < 48 * 60)
        snprintf(text, size, "; full in %ld hours", minutes / 60);
    else if (minutes < 60L * 24 * 365)
        snprintf(text, size, "; full in %s days", grouped(minutes / 60 / 24));
}

static void draw_count(const struct top *t, int row)
{
    const struct target *target = &t->one.target;
    const struct history *h = history_of(&t->histories, &t->one);
    long a_minute;
    int at = draw_print(row, 0, STRONG, "%s maps", grouped(target->maps));
    if (target->limit > 0) {
        at = draw_print(row, at, PLAIN, " of %s, ", grouped(target->limit));
        at = draw_print(row, at, draw_share_look(target_share(target)), "%ld %%: %s",
                        target_share(target), target_pressure(target));
    }
    if ((h && history_pace(h, &a_minute)) || process_pace(&t->one, &a_minute)) {
        char until[64];
        forecast(target, a_minute, until, sizeof until);
        draw_print(row, at, PLAIN, "; %s%s a minute%s", a_minute > 0 ? "+" : "", grouped(a_minute),
                   until);
    }
}

/* A small count is no line at the foot: then the graph ends at a part of the limit. */
static long graph_top(const struct top *t, long most, const char **words)
{
    long limit = t->one.target.limit;
    static const struct {
        long part;
        const char *words;
    } scales[] = {
        { 100, "a hundredth of the limit" },
        { 10, "a tenth of the limit" },
        { 2, "half the limit" },
    };
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        if (most < limit / scales[i].part) {
            *words = scales[i].words;
            return limit / scales[i].part;
        }
    }
    *words = "the limit";
    return limit > most ? limit : most;
}

static void draw_graph(const struct top *t, int row, int height)
{
    enum { LABEL = 10 };
    const struct history *h = history_of(&t->histories, &t->one);
    int width = COLS - LABEL - 1;
    if (!h || width < 8 || height < 3)
        return;
    size_t shown = history_kept(h) < (size_t)width ? history_kept(h) : (size_t)width;
    long most = 0;
    for (size_t i = 0; i < shown; i++)
        most = history_maps(h, i) > most ? history_maps(h, i) : most;
    const char *words;
    long top = graph_top(t, most, &words);
    int foot = row + height - 2;
    long limit = t->one.target.limit > 0 ? t->one.target.limit : LONG_MAX;
    draw_text(row, 0, -LABEL, FAINT, grouped(top));
    draw_text(foot, 0, -LABEL, FAINT, "0");
    for (size_t i = 0; i < shown; i++)
        draw_column(foot, COLS - 1 - (int)i, foot - row + 1,
                    draw_share_look(history_maps(h, i) * 100 / limit), history_maps(h, i), top);
    long seconds = (long)((history_ms(h, 0) - history_ms(h, shown - 1)) / 1000);
    draw_print(foot + 1, LABEL + 1, FAINT, "the last %ld:%02ld minutes; the upper edge is %s",
               seconds / 60, seconds % 60, words);
}

static void draw_numbers(const struct top *t, int row)
{
    int width = COLS / NUMBER_COLUMNS;
    for (int i = 0; i < NUMBERS; i++) {
        int at_row = row + i % NUMBER_ROWS, column = i / NUMBER_ROWS * width;
        uint64_t value;
        memcpy(&value, (const char *)&t->one.block + numbers[i].at, sizeof value);
        draw_text(at_row, column + 1, 13, FAINT, numbers[i].name);
        draw_text(at_row, column + 15, -(width - 16), value ? PLAIN : FAINT,
                  grouped((long long)value));
    }
}

/* How many rows of holders there are in so many: three at least, if the process has them, and five
 * where a graph fits beside them. */
static int most_rows(const struct top *t, int rows, int graph_least)
{
    enum { LEAST = 3, MOST = 5 };
    int room = rows - graph_least - 1, most = room > MOST ? MOST : room < LEAST ? LEAST : room;
    most = most > rows ? rows : most;
    most = most > (int)t->n_most ? (int)t->n_most : most;
    return most < 0 ? 0 : most;
}

static void screen_one(const struct top *t)
{
    char title[128];
    enum { GRAPH_LEAST = 4 };
    snprintf(title, sizeof title, "%d %s", (int)t->close_up, t->one.target.name);
    screen_title(t, title);
    if (!t->one_is_there) {
        draw_print(2, 0, BAD, "The process has ended, or may not be read any more.");
    } else {
        draw_state(&t->one, 1);
        draw_count(t, 2);
        /* What there is room for, the most important first: holders, graph, numbers. */
        int state = 4 + draw_cold(&t->one.cold, 3), rows = LINES - state - FOOT_ROWS;
        int most = most_rows(t, rows, GRAPH_LEAST);
        bool with_numbers =
            t->one.told && rows - most - 2 - NUMBER_ROWS - 1 >= GRAPH_LEAST && COLS >= 60;
        int graph = rows - most - 1 - (with_numbers ? NUMBER_ROWS + 1 : 0);
        graph = graph < GRAPH_LEAST ? 0 : graph;
        draw_graph(t, state - 1, graph);
        int row = state + graph;
        for (int i = 0; i < most; i++)
            draw_most(&t->most[i], row + i, 0, COLS, PLAIN);
        if (with_numbers)
            draw_numbers(t, row + most + 1);
    }
    draw_print(LINES - 1, 0, FAINT,
               t->only ? "q quit   ? keys"
                       : "q quit   ? keys   Backspace or Left back to the list");
}

/* ---- the keys, as a screen ---- */

static void screen_help(const struct top *t)
{
    static const char *const keys[][2] = {
        { "up, down, k, j", "choose a process" },
        { "PgUp, PgDn, Home, End", "choose one that is far" },
        { "Enter, right, l", "look closer" },
        { "Backspace, left, h", "back to the list" },
        { "<, >", "sort by another column" },
        { "r", "the other end of the list first" },
        { "/", "type a filter: part of a program, user or holder, or an id" },
        { "Esc", "show all processes again" },
        { "?, F1", "these keys" },
        { "q", "quit" },
    };
    screen_title(t, "keys of mapherd top");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        draw_text((int)i + 2, 0, 22, STRONG, keys[i][0]);
        draw_text((int)i + 2, 23, COLS, PLAIN, keys[i][1]);
    }
    draw_print(LINES - 1, 0, FAINT, "any key goes back");
}

/* ---- the terminal ---- */

enum { ESCAPE = 27, DELETE = 127 };

/* The signal that ends it: the terminal is put in order first, then it is raised again. */
static volatile sig_atomic_t ending;

static void end_soon(int number)
{
    ending = number;
}

static void take_signals(void (*handler)(int))
{
    const int endings[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = handler };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        sigaction(endings[i], &action, NULL);
}

/* Where the user is. */
struct place {
    pid_t pid;  /* the chosen process, wherever in the list it goes; 0: the first */
    size_t row; /* where it was */
    size_t first;
    bool quit, help;
    bool typing; /* the filter */
};

static size_t chosen_row(const struct top *t, struct place *p)
{
    for (size_t i = 0; p->pid && i < t->n_shown; i++)
        if (t->shown[i]->target.pid == p->pid)
            return p->row = i;
    if (!p->pid)
        p->row = 0;
    if (p->row >= t->n_shown)
        p->row = t->n_shown ? t->n_shown - 1 : 0;
    return p->row;
}

static void choose(const struct top *t, struct place *p, long by)
{
    long row = (long)chosen_row(t, p) + by, last = (long)t->n_shown - 1;
    row = row > last ? last : row;
    row = row < 0 ? 0 : row;
    p->row = (size_t)row;
    p->pid = t->n_shown ? t->shown[row]->target.pid : 0;
}

static void sort_by(struct top *t, enum top_sort sort, bool reverse)
{
    t->sort = sort;
    t->reverse = reverse;
    top_arrange(t);
}

/* A key while the filter is typed: Enter keeps it, Escape drops it. */
static void key_in_filter(struct top *t, struct place *p, int key)
{
    size_t len = strlen(t->filter);
    if (key == KEY_ENTER || key == '\n' || key == '\r') {
        p->typing = false;
    } else if (key == ESCAPE) {
        t->filter[0] = '\0';
        p->typing = false;
    } else if (key == KEY_BACKSPACE || key == DELETE || key == '\b') {
        while (len && (t->filter[--len] & 0xc0) == 0x80) /* all bytes of a character */
            ;
        t->filter[len] = '\0';
    } else if (key >= ' ' && key <= 0xff && len + 1 < sizeof t->filter) {
        t->filter[len] = (char)key;
        t->filter[len + 1] = '\0';
    }
    top_arrange(t);
}

static void key_in_list(struct top *t, struct place *p, int key)
{
    const long page = LINES > 6 ? LINES - 5 : 1;
    switch (key) {
    case KEY_UP:
    case 'k': choose(t, p, -1); break;
    case KEY_DOWN:
    case 'j': choose(t, p, 1); break;
    case KEY_PPAGE: choose(t, p, -page); break;
    case KEY_NPAGE:
    case ' ': choose(t, p, page); break;
    case KEY_HOME:
    case 'g': choose(t, p, -(long)t->n_shown); break;
    case KEY_END:
    case 'G': choose(t, p, (long)t->n_shown); break;
    case '<': sort_by(t, (t->sort + SORTS - 1) % SORTS, false); break;
    case '>': sort_by(t, (t->sort + 1) % SORTS, false); break;
    case 'r': sort_by(t, t->sort, !t->reverse); break;
    case '/': p->typing = true; break;
    case ESCAPE:
        t->filter[0] = '\0';
        top_arrange(t);
        break;
    case KEY_ENTER:
    case '\n':
    case '\r':
    case KEY_RIGHT:
    case 'l':
        choose(t, p, 0);
        t->close_up = p->pid;
        if (t->close_up)
            top_close_up(t);
        break;
    }
}

static void key(struct top *t, struct place *p, int which)
{
    if (which == KEY_RESIZE)
        return;
    if (p->help) {
        p->help = false;
    } else if (p->typing) {
        key_in_filter(t, p, which);
    } else if (which == '?' || which == KEY_F(1)) {
        p->help = true;
    } else if (which == 'q' || which == 'Q') {
        p->quit = true;
    } else if (!t->close_up) {
        key_in_list(t, p, which);
    } else if (!t->only && (which == KEY_BACKSPACE || which == DELETE || which == '\b' ||
                            which == KEY_LEFT || which == 'h' || which == ESCAPE)) {
        t->close_up = 0;
    }
}

static void show(const struct top *t, struct place *p)
{
    erase();
    if (p->help)
        screen_help(t);
    else if (t->close_up)
        screen_one(t);
    else
        screen_list(t, chosen_row(t, p), &p->first, p->typing);
    refresh();
}

static void watch(struct top *t)
{
    struct place place = { 0 };
    uint64_t next = 0;
    while (!ending && !place.quit) {
        uint64_t now = units_now(CLOCK_MONOTONIC);
        if (now >= next) {
            top_round(t);
            next = now + (uint64_t)t->every_ms;
        }
        show(t, &place);
        now = units_now(CLOCK_MONOTONIC);
        timeout(now < next ? (int)(next - now) : 0);
        int which = getch();
        if (which != ERR)
            key(t, &place, which);
    }
}

int screen_run(struct top *t)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        complain("top needs a terminal; elsewhere there are 'mapherd ps' and 'mapherd top --json'");
        return FAILED;
    }
    setlocale(LC_ALL, "");
    take_signals(end_soon); /* before ncurses, which would end the process in the handler */
    SCREEN *terminal = newterm(NULL, stdout, stdin);
    if (!terminal) {
        complain("nothing is known of the terminal '%s'; see TERM",
                 getenv("TERM") ? getenv("TERM") : "");
        return FAILED;
    }
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    set_escdelay(50);
    curs_set(0);
    draw_start();
    watch(t);
    endwin();
    delscreen(terminal);
    if (ending) {
        take_signals(SIG_DFL);
        raise(ending);
    }
    return DONE;
}

#else /* without ncurses */

int screen_run(struct top *t)
{
    (void)t;
    complain("top is not built in: this mapherd was built without ncurses; there are 'mapherd ps' "
             "and 'mapherd top --json'");
    return FAILED;
}

#endif
