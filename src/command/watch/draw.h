/*
 * draw: text and bars in a terminal, never beyond its edges.
 */
#ifndef MAPHERD_DRAW_H
#define MAPHERD_DRAW_H

#include <stdbool.h>

/* How a thing looks; GOOD, FAIR and BAD are green, yellow and red where there are colours. */
enum look { PLAIN, FAINT, STRONG, HEAD, CHOSEN, GOOD, FAIR, BAD };

/* After the terminal was opened. */
void draw_start(void);

/* The look of a share of the limit, in percent. */
enum look draw_share_look(long share);

/* Text from a column on, at most width wide; what cannot be shown becomes '?'. Returns the width
 * it took. A negative width shows it right-aligned in that many columns. */
int draw_text(int row, int column, int width, enum look look, const char *text);

/* As printf, in the rest of the row; returns the column behind it. */
int draw_print(int row, int column, enum look look, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A path of which the end matters, in width columns. */
void draw_path(int row, int column, int width, enum look look, const char *path);

/* A bar from the left, part of whole long. */
void draw_bar(int row, int column, int width, long part, long whole);

/* A column of a graph, height rows high, its foot in row foot: value of top. */
void draw_column(int foot, int column, int height, enum look look, long value, long top);

#endif
