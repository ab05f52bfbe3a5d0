/* print: text for people, shells and programs. Names of files and processes may hold any bytes,
 * so each function makes harmless what it prints. */
#ifndef MAPHERD_PRINT_H
#define MAPHERD_PRINT_H

#include <stdbool.h>
#include <stdio.h>

/* Prints the text; control characters, which could command the terminal, become '?'. */
void print_text(FILE *out, const char *text);

/* Prints the text as HTML, for an element or for an attribute in quotes. Control characters and
 * bytes that are not UTF-8 become U+FFFD. */
void print_html(FILE *out, const char *text);

/* Prints one word of a POSIX shell, quoted where that is needed. */
void print_quoted(FILE *out, const char *word);

/* 70213 as "70,213". There are a few buffers, used in turn: up to four results are good at once. */
const char *grouped(long long n);

/* The s of the plural; "" for 1. */
static inline const char *plural(long n)
{
    return n == 1 ? "" : "s";
}

/*
 * JSON, written one value after another. key is NULL in an array and at the top. bracket: '{' or
 * '[' opens, '}' or ']' closes. In texts, bytes that are not UTF-8 become U+FFFD, and '<' is
 * escaped, so that the JSON may stand in a script element of HTML.
 */
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
