/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * print: text for people, shells and programs. Names of files and processes may hold any bytes, so
 * each function makes harmless what it prints.
 */
#ifndef MAPHERD_PRINT_H
#define MAPHERD_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* What follows the last '/' of a path. */
const char *base_name(const char *path);

/* Prints the text; control characters, which could command the terminal, become '?'. */
void print_text(FILE *out, const char *text);

/* Prints the text as HTML, for an element or for an attribute in quotes. Control characters and
 * bytes that are not UTF-8 become U+FFFD. */
void print_html(FILE *out, const char *text);

/* Prints one word of a POSIX shell, quoted where that is needed. */
void print_quoted(FILE *out, const char *word);

/*
 * Numbers, amounts and times in words. There are a few buffers, used in turn: up to four results of
 * grouped are good at once, and four of units_*.
 */
const char *grouped(long long n);        /* "70,213" */
const char *units_bytes(uint64_t bytes); /* "24.6 MiB" */
const char *units_span(uint64_t ms);     /* "3 s", "12 min", "1 h 12 min", "3 d 4 h" */
const char *units_moment(uint64_t ms); /* ms since 1970, as local time: "2026-11-24 09:12:33 CET" */

/* As a span; "0 s" if to is before from. */
const char *units_between(uint64_t from_ms, uint64_t to_ms);

/* The time of a clock of clock_gettime(2), in ms. */
uint64_t units_now(clockid_t clock);

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

/* The text, or null for "". */
void json_if_text(struct json *j, const char *key, const char *text);

/* The number, or null if it is not known. */
void json_if_known(struct json *j, const char *key, bool known, long long n);

#endif
