/* draw: text and bars in a terminal. Nothing is drawn beyond its edges. Rows and columns count
 * from 0. */
#ifndef MAPHERD_DRAW_H
#define MAPHERD_DRAW_H

#include <stdbool.h>

/* GOOD, FAIR and BAD are green, yellow and red where the terminal has colours. */
enum look { PLAIN, FAINT, STRONG, HEAD, CHOSEN, GOOD, FAIR, BAD };

/* Sets the colours up. To be called once, after the terminal was opened. */
void draw_start(void);

/* The look of a share of the limit, in percent. */
enum look draw_share_look(long share);

/*
 * Draws text from a column on, at most width columns wide. A negative width aligns it to the right
 * in that many columns. Characters that cannot be shown become '?'. Returns the width that it took.
 */
int draw_text(int row, int column, int width, enum look look, const char *text);

/* As printf(3), into the rest of the row. Returns the column behind it. */
int draw_print(int row, int column, enum look look, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Draws a path in width columns. Where it is too long, the beginning is left out. */
void draw_path(int row, int column, int width, enum look look, const char *path);

/* Draws a bar from the left, of which the length is to width as part is to whole. */
void draw_bar(int row, int column, int width, long part, long whole);

/* Draws one column of a graph, with its foot in row foot. A value of top is height rows high. */
void draw_column(int foot, int column, int height, enum look look, long value, long top);

#endif
