/*
 * mapherd report: one HTML page about a process, with nothing in it that is loaded from elsewhere.
 */
#include <config.h> /* defines _GNU_SOURCE */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/report/page.h"
#include "command/report/report.h"

/* The page's own script and style bear this number; nothing else in it is run or applied. */
static void make_nonce(char nonce[33])
{
    unsigned char random[16] = { 0 };
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        complain("the kernel gives no random numbers");
        exit(FAILED);
    }
    for (size_t i = 0; i < sizeof random; i++)
        sprintf(nonce + 2 * i, "%02x", random[i]);
}

static void put_lines(const char *const *lines, FILE *out)
{
    for (; *lines; lines++) {
        fputs(*lines, out);
        putc('\n', out);
    }
}

static void put_foot(const struct report *r, FILE *out)
{
    size_t n = 0;
    fputs("<p>Made by " PACKAGE_STRING, out);
    if (r->live.record) {
        fputs(" from ", out);
        print_html(out, r->live.record->path);
        const char *const *notes = symbols_notes(r->live.symbols, &n);
        if (r->live.record->dropped)
            fprintf(out, "; %s pieces in it made no sense", grouped((long long)r->live.record->dropped));
        fputs(".</p>", out);
        for (size_t i = 0; i < n; i++) {
            fputs("\n<p>", out);
            print_html(out, notes[i]);
            fputs("</p>", out);
        }
    } else {
        fputs(".</p>", out);
    }
}

/* What stands for @NAME@. The data come before the foot: notes about names are known by then. */
static void put_part(const char *part, const struct report *r, const char *nonce, FILE *out)
{
    if (strcmp(part, "policy") == 0) {
        fprintf(out, "default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; img-src data:; "
                     "base-uri 'none'; form-action 'none'", nonce, nonce);
    } else if (strcmp(part, "nonce") == 0) {
        fputs(nonce, out);
    } else if (strcmp(part, "title") == 0) {
        print_html(out, r->program);
        fprintf(out, " %d: memory maps", (int)r->pid);
    } else if (strcmp(part, "css") == 0) {
        put_lines(page_css, out);
    } else if (strcmp(part, "js") == 0) {
        fputs("\"use strict\";\n", out);
        put_lines(page_js, out);
    } else if (strcmp(part, "head") == 0) {
        report_words(r, out);
    } else if (strcmp(part, "data") == 0) {
        report_data(r, out);
    } else {
        put_foot(r, out);
    }
}

static void put_page(const struct report *r, FILE *out)
{
    char nonce[33];
    make_nonce(nonce);
    for (const char *const *line = page_html; *line; line++) {
        const char *rest = *line;
        for (const char *at; (at = strchr(rest, '@'));) {
            char part[16];
            size_t len = strcspn(at + 1, "@");
            snprintf(part, sizeof part, "%.*s", (int)len, at + 1);
            fwrite(rest, 1, (size_t)(at - rest), out);
            put_part(part, r, nonce, out);
            rest = at + len + 2;
        }
        fputs(rest, out);
        putc('\n', out);
    }
}

/* The whole page is there before anything is written: what cannot be made overwrites nothing. */
static int write_page(const char *page, size_t len, const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out) {
        complain("%s cannot be written: %s", path, strerror(errno));
        return FAILED;
    }
    bool good = fwrite(page, 1, len, out) == len;
    if (fclose(out) != 0 || !good) {
        complain("%s could not be written: %s", path, strerror(errno));
        return FAILED;
    }
    return DONE;
}

static int report(int argc, char **argv)
{
    const char *path = NULL, *debug_dir = NULL;
    const struct flag flags[] = {
        { "o", NULL, &path }, { "debug-dir", NULL, &debug_dir }, { NULL, NULL, NULL },
    };
    static struct report r = { .limit = -1 };
    char *page;
    size_t len;
    int operands = verb_args(&verb_report, flags, argc, argv);
    if (operands != 1)
        return misused(&verb_report, operands ? "one process or record at a time"
                                              : "no process is named, nor a record");
    if (!path && isatty(STDOUT_FILENO))
        return misused(&verb_report, "a page is not for a terminal: say where it goes with -o FILE");
    int found = report_look(&r, &verb_report, argv[0], debug_dir);
    if (found != DONE)
        return found;
    FILE *out = open_memstream(&page, &len);
    if (!out)
        enough(NULL);
    put_page(&r, out);
    if (fclose(out) != 0)
        enough(NULL);
    if (path)
        found = write_page(page, len, path);
    else
        fwrite(page, 1, len, stdout);
    free(page);
    return found;
}

const struct verb verb_report = {
    .name = "report",
    .synopsis = "[-o FILE] [--debug-dir DIR] PID|RECORD",
    .summary = "make an HTML page: how close to the limit, who, since when, what to do",
    .help =
        "One file that needs nothing else: the count over time against the limit with the events, a\n"
        "flame graph of the live mappings, the address space, and tables. Of a process without a record\n"
        "(the library is not in it, or keeps none) it shows what the kernel tells. A record shows what\n"
        "was recorded, also when its process is gone.\n\n"
        "  -o FILE          where the page goes; else to standard output\n"
        "  --debug-dir DIR  where separate debug files are, besides /usr/lib/debug\n",
    .run = report,
};
