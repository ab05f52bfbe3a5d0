/*
 * draw: text and bars in a terminal. Blocks are eighths in a UTF-8 locale, else '#'.
 */
#define _GNU_SOURCE
#include "command/watch/draw.h"

#include <curses.h>
#include <langinfo.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

static bool blocks, colours;

void draw_start(void)
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

enum look draw_share_look(long share)
{
    return share >= 80 ? BAD : share >= 50 ? FAIR : GOOD;
}

static attr_t attributes(enum look look)
{
    switch (look) {
    case FAINT: return A_DIM;
    case STRONG: return A_BOLD;
    case HEAD: return A_UNDERLINE;
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

int draw_text(int row, int column, int width, enum look look, const char *text)
{
    wchar_t wide[512];
    int room = abs(width), taken;
    if (column + room > COLS)
        room = COLS - column;
    size_t n = fitting(wide, widen(text, wide, sizeof wide / sizeof *wide), room, &taken);
    put(row, column + (width < 0 ? room - taken : 0), look, wide, n);
    return taken;
}

int draw_print(int row, int column, enum look look, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return column + draw_text(row, column, COLS, look, text);
}

void draw_path(int row, int column, int width, enum look look, const char *path)
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

void draw_bar(int row, int column, int width, long part, long whole)
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

void draw_column(int foot, int column, int height, enum look look, long value, long top)
{
    static const wchar_t steps[] = L" ▁▂▃▄▅▆▇█";
    int filled = eighths(value, top, height);
    for (int i = 0; i < height && 8 * i < filled; i++) {
        int here = filled - 8 * i > 8 ? 8 : filled - 8 * i;
        wchar_t c = blocks ? steps[here] : L'#';
        put(foot - i, column, look, &c, 1);
    }
}
