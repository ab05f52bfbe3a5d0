/*
 * findings: the doctor's lines, for people or as JSON.
 */
#define _GNU_SOURCE
#include "command/host/findings.h"

#include <stdarg.h>
#include <stdlib.h>

void findings_start(struct findings *f, bool as_json)
{
    *f = (struct findings){ .as_json = as_json, .json = { stdout, false } };
    if (as_json) {
        json_open(&f->json, NULL, '{');
        json_open(&f->json, "findings", '[');
    }
}

static void print_line(const char *level, const char *check, const char *text, const char *right)
{
    printf("%-8s %-11s ", level, check);
    print_text(stdout, text);
    if (right) {
        printf("\n%8s %-11s ", "", "right:");
        print_text(stdout, right);
    }
    putchar('\n');
    fflush(stdout);
}

static void print_object(struct json *j, const char *level, const char *check, const char *text,
                         const char *right)
{
    json_open(j, NULL, '{');
    json_text(j, "level", level);
    json_text(j, "check", check);
    json_text(j, "text", text);
    if (right)
        json_text(j, "right", right);
    json_close(j, '}');
}

void finding(struct findings *f, enum level level, const char *check, const char *right,
             const char *format, ...)
{
    static const char *const words[] = { "ok", "note", "problem" };
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    f->problems += level == PROBLEM;
    const char *shown = text ? text : format;
    if (f->as_json)
        print_object(&f->json, words[level], check, shown, right);
    else
        print_line(words[level], check, shown, right);
    free(text);
}

void findings_end(struct findings *f)
{
    if (!f->as_json)
        return;
    json_close(&f->json, ']');
    json_number(&f->json, "problems", f->problems);
    json_close(&f->json, '}');
    putchar('\n');
}
