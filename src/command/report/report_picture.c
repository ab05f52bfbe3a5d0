/*
 * report_picture: the address space, as the page's space.js draws it.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"
#include "command/lib/keys.h"
#include "command/report/report.h"
#include "command/report/space.h"

/* [page, pages to its end, name, files, [holder, maps, pages, ...], [borders by reason...]] */
static void tell_run(const struct space_run *run, uint64_t page, size_t name, struct json *j)
{
    json_open(j, NULL, '[');
    json_number(j, NULL, (long long)(run->start / page));
    json_number(j, NULL, (long long)((run->end - run->start) / page));
    json_number(j, NULL, (long long)name);
    json_number(j, NULL, run->files);
    json_open(j, NULL, '[');
    for (size_t i = 0; i < SPACE_HOLDERS; i++)
        if (run->shares[i].maps) {
            json_number(j, NULL, (long long)i);
            json_number(j, NULL, run->shares[i].maps);
            json_number(j, NULL, (long long)(run->shares[i].bytes / page));
        }
    json_close(j, ']');
    json_open(j, NULL, '[');
    for (int b = 0; b < BORDERS; b++)
        json_number(j, NULL, run->borders[b]);
    json_close(j, ']');
    json_close(j, ']');
}

static void tell_lead(const struct report *r, struct json *j)
{
    const struct space *s = r->space;
    const char *unit = r->of_pieces ? "recorded mapping" : "map";
    long n = (long)r->map_count, saved = n - s->in_order, between = s->borders[BORDER_FILE];
    char text[400];
    int len = snprintf(text, sizeof text,
                       "%s%s %s%s. Of the borders between neighbours %s %s between different files, "
                       "which never share a map.",
                       r->of_pieces ? "The process is gone: drawn are its " : "", grouped(n), unit,
                       plural(n), grouped(between), between == 1 ? "is" : "are");
    if (saved > 0)
        snprintf(text + len, sizeof text - (size_t)len,
                 " %s %s%s could go if the parts of each file lay in order.", grouped(saved), unit,
                 plural(saved));
    json_text(j, "lead", text);
}

void report_picture(const struct report *r, struct json *j)
{
    const struct space *s = r->space;
    uint64_t page = r->live.record ? r->live.record->head.page_size : 4096;
    struct keys names = { 0 };
    json_open(j, "space", '{');
    json_text(j, "unit", r->of_pieces ? "mapping" : "map");
    tell_lead(r, j);
    json_open(j, "holders", '[');
    for (size_t i = 0; i < s->holder_count; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", s->holders[i].name);
        json_number(j, "maps", s->holders[i].maps);
        json_bool(j, "plain", s->holders[i].anonymous);
        json_bool(j, "rest", s->holders[i].others);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open(j, "reasons", '[');
    for (int b = 0; b < BORDERS; b++)
        json_number(j, NULL, s->borders[b]);
    json_close(j, ']');
    json_open(j, "runs", '[');
    for (size_t i = 0; i < s->run_count; i++)
        tell_run(&s->runs[i], page, keys_number(&names, s->runs[i].path), j);
    json_close(j, ']');
    json_open(j, "names", '[');
    for (size_t i = 0; i < names.texts.n; i++)
        json_text(j, NULL, names.texts.at[i]);
    json_close(j, ']');
    json_close(j, '}');
    keys_free(&names);
}
