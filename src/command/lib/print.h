/*
 * print: text for people, shells and programs. What is printed may come from anywhere (names of
 * files and processes), so nothing here trusts it.
 */
#ifndef MAPHERD_PRINT_H
#define MAPHERD_PRINT_H

#include <stdbool.h>
#include <stdio.h>

/* Control characters become '?': a file name must not command the terminal. */
void print_text(FILE *out, const char *text);

/* Text in HTML, of an element or of an attribute in quotes. Control characters and bytes that are
 * not UTF-8 become U+FFFD. */
void print_html(FILE *out, const char *text);

/* One word of a POSIX shell, quoted where it has to be. */
void print_quoted(FILE *out, const char *word);

/* 70213 as "70,213", in one of a few buffers that take turns: up to four in one printf. */
const char *grouped(long long n);

/* The plural's s. */
static inline const char *plural(long n)
{
    return n == 1 ? "" : "s";
}

/* JSON, one value after another; a key is NULL in an array and at the top. Bytes that are not
 * UTF-8 become U+FFFD. '<' is escaped, so that it may stand in a script element. */
struct json {
    FILE *out;
    bool comma;
};
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_text(struct json *j, const char *key, const char *text);
void json_number(struct json *j, const char *key, long long n);
void json_bool(struct json *j, const char *key, bool is);
void json_null(struct json *j, const char *key);

#endif
