/*
 * screen_list: the processes, nearest to their limit first.
 */
#define _GNU_SOURCE
#include <curses.h>
#include <stdlib.h>

#include "command/watch/draw.h"
#include "command/watch/screens.h"

enum { HEAD_ROWS = 3, FOOT_ROWS = 1 };

/* The columns that there is room for; 0: none. The rest of the row is the bar. */
struct layout {
    int user, program, maps, share, bar, growth, pressure;
};

/* In a narrow window the least important go first. */
static struct layout lay_out(int width)
{
    struct layout l = { 8, 15, 9, 5, 0, 9, 8 };
    const int bar_least = 8, pid = 7;
    int *const optional[] = { &l.user, &l.growth, &l.pressure, &l.maps };
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
    if (l.bar > 40) { /* a longer name tells more than a longer bar */
        int more = l.bar - 40 > 15 ? 15 : l.bar - 40;
        l.program += more;
        l.bar -= more;
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

static void draw_heads(const struct layout *l, int row)
{
    for (int i = 0; i < COLS; i++)
        draw_text(row, i, 1, HEAD, " ");
    int at = cell(row, 0, -7, HEAD, "PID");
    at = cell(row, at, l->user, HEAD, "user");
    at = cell(row, at, l->program, HEAD, "program");
    at = cell(row, at, -l->maps, HEAD, "maps");
    at = cell(row, at, -l->share, HEAD, "share");
    at = cell(row, at, l->bar, HEAD, "of the limit");
    at = cell(row, at, -l->growth, HEAD, "a minute");
    cell(row, at, l->pressure, HEAD, "pressure");
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
    cell(row, at, l->pressure, level, target_pressure(target));
}

void screen_list(const struct top *t, size_t chosen, size_t *first)
{
    const struct processes *all = &t->all;
    struct layout l = lay_out(COLS);
    int rows = LINES - HEAD_ROWS - FOOT_ROWS;
    screen_title(t, "mapherd top");
    int at = draw_print(1, 0, PLAIN, "%s process%s", grouped((long long)all->n),
                        all->n == 1 ? "" : "es");
    if (all->n && all->at[0].target.limit > 0)
        at = draw_print(1, at, PLAIN, ", each may have %s maps", grouped(all->at[0].target.limit));
    if (all->unreadable)
        draw_print(1, at, FAINT, "; %s may not be read", grouped(all->unreadable));
    draw_heads(&l, 2);
    if (rows < 1)
        return;
    if (chosen < *first)
        *first = chosen;
    if (chosen >= *first + (size_t)rows)
        *first = chosen - (size_t)rows + 1;
    for (size_t i = *first; i < all->n && i < *first + (size_t)rows; i++)
        draw_process(t, &all->at[i], &l, HEAD_ROWS + (int)(i - *first), i == chosen);
    draw_print(LINES - 1, 0, FAINT, "q quit   up, down choose   Enter look closer");
}
