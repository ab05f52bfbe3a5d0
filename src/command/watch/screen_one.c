/*
 * screen_one: one process, looked at closely.
 */
#define _GNU_SOURCE
#include <curses.h>
#include <limits.h>
#include <string.h>

#include "command/watch/draw.h"
#include "command/watch/screens.h"
#include "model/pressure.h"

/* Numbers of the status block, in the order of the screen. */
static const struct number {
    const char *name;
    size_t at;
} numbers[] = {
#define NUMBER(name, field) { name, offsetof(struct mapherd_status, field) }
    NUMBER("placed", placed), NUMBER("grown", grown), NUMBER("joined", joined),
    NUMBER("filled", filled), NUMBER("taken place", elsewhere), NUMBER("guards", guards),
    NUMBER("held bytes", held_bytes), NUMBER("held back", held_back),
    NUMBER("hints dropped", swallowed), NUMBER("refused", refused),
    NUMBER("at the limit", enomem), NUMBER("readings", readings),
#undef NUMBER
};
enum { NUMBERS = sizeof numbers / sizeof *numbers, NUMBER_COLUMNS = 3,
       NUMBER_ROWS = NUMBERS / NUMBER_COLUMNS };

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
        draw_print(row, at, PLAIN, "; %s%s a minute%s", a_minute > 0 ? "+" : "",
                   grouped(a_minute), until);
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
        { 100, "a hundredth of the limit" }, { 10, "a tenth of the limit" }, { 2, "half the limit" },
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

static void draw_most(const struct top *t, int row, int rows)
{
    for (int i = 0; i < rows && (size_t)i < t->n_most; i++) {
        const struct holding *m = &t->most[i];
        char what[320];
        if (m->files > 1)
            snprintf(what, sizeof what, "%s, %s files", m->what, grouped(m->files));
        else
            snprintf(what, sizeof what, "%s", m->what);
        draw_text(row + i, 0, -10, PLAIN, grouped(m->maps));
        draw_path(row + i, 11, COLS - 11, PLAIN, what);
    }
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

void screen_one(const struct top *t)
{
    char title[128];
    enum { HEAD_ROWS = 4, FOOT_ROWS = 1, GRAPH_LEAST = 4 };
    snprintf(title, sizeof title, "%d %s", (int)t->close_up, t->one.target.name);
    screen_title(t, title);
    if (!t->one_is_there) {
        draw_print(2, 0, BAD, "The process has ended, or may not be read any more.");
    } else {
        draw_state(&t->one, 1);
        draw_count(t, 2);
        /* What there is room for, the most important first: graph, holders, numbers. */
        int rows = LINES - HEAD_ROWS - FOOT_ROWS;
        int most = rows - GRAPH_LEAST - 2 > 5 ? 5 : rows - GRAPH_LEAST - 2;
        if (most > (int)t->n_most)
            most = (int)t->n_most;
        if (most < 0)
            most = 0;
        bool with_numbers = t->one.told && rows - most - 2 - NUMBER_ROWS - 1 >= GRAPH_LEAST &&
                            COLS >= 60;
        int graph = rows - (most ? most + 1 : 0) - (with_numbers ? NUMBER_ROWS + 1 : 0);
        draw_graph(t, HEAD_ROWS - 1, graph);
        int row = HEAD_ROWS + graph;
        draw_most(t, row, most);
        if (with_numbers)
            draw_numbers(t, row + most + 1);
    }
    draw_print(LINES - 1, 0, FAINT, t->only ? "q quit" : "q quit   Backspace or Left back to the list");
}
