/*
 * screen: the terminal, its keys, and the time between two rounds.
 */
#define _GNU_SOURCE
#include <curses.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/watch/draw.h"
#include "command/watch/screens.h"

enum { ESCAPE = 27, DELETE = 127 };

/* The signal that ends it: the terminal is put in order first, then it is raised again. */
static volatile sig_atomic_t ending;

static void end_soon(int number)
{
    ending = number;
}

static void take_signals(void (*handler)(int))
{
    const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = handler };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

void screen_title(const struct top *t, const char *title)
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

/* Where the user is. */
struct place {
    pid_t pid;  /* the chosen process, wherever in the list it goes; 0: the first */
    size_t row; /* where it was */
    size_t first;
    bool quit;
};

static size_t chosen_row(const struct top *t, struct place *p)
{
    const struct processes *all = &t->all;
    for (size_t i = 0; p->pid && i < all->n; i++)
        if (all->at[i].target.pid == p->pid)
            return p->row = i;
    if (!p->pid)
        p->row = 0;
    if (p->row >= all->n)
        p->row = all->n ? all->n - 1 : 0;
    return p->row;
}

static void choose(const struct top *t, struct place *p, long by)
{
    long row = (long)chosen_row(t, p) + by, last = (long)t->all.n - 1;
    row = row > last ? last : row;
    row = row < 0 ? 0 : row;
    p->row = (size_t)row;
    p->pid = t->all.n ? t->all.at[row].target.pid : 0;
}

static void key_in_list(struct top *t, struct place *p, int key)
{
    const long page = LINES > 6 ? LINES - 5 : 1;
    switch (key) {
    case KEY_UP: case 'k': choose(t, p, -1); break;
    case KEY_DOWN: case 'j': choose(t, p, 1); break;
    case KEY_PPAGE: choose(t, p, -page); break;
    case KEY_NPAGE: case ' ': choose(t, p, page); break;
    case KEY_HOME: case 'g': choose(t, p, -(long)t->all.n); break;
    case KEY_END: case 'G': choose(t, p, (long)t->all.n); break;
    case KEY_ENTER: case '\n': case '\r': case KEY_RIGHT: case 'l':
        choose(t, p, 0);
        t->close_up = p->pid;
        if (t->close_up)
            top_close_up(t);
        break;
    }
}

static void key(struct top *t, struct place *p, int which)
{
    if (which == 'q' || which == 'Q') {
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
    if (t->close_up)
        screen_one(t);
    else
        screen_list(t, chosen_row(t, p), &p->first);
    refresh();
}

static void watch(struct top *t)
{
    struct place place = { 0 };
    uint64_t next = 0;
    while (!ending && !place.quit) {
        uint64_t now = top_now();
        if (now >= next) {
            top_round(t);
            next = now + (uint64_t)t->every_ms;
        }
        show(t, &place);
        now = top_now();
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
