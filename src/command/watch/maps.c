/*
 * mapherd maps: who holds a process's maps, and how many of them order would save.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "command/watch/pieces.h"
#include "command/watch/target.h"

#define KINDS_SHOWN 5

/* What is shown. */
struct view {
    struct target target;
    struct mapped_file *files;
    struct kind *kinds;
    size_t n, n_kinds;
    size_t top; /* files shown */
    long anonymous;
    long cold; /* maps in the place of cold mappings */
    uint64_t cold_bytes;
    long in_order; /* all maps, if each file's lay in order */
    long deleted;  /* maps of files that are deleted */
};

static void take_map(const struct procmap *m, void *context)
{
    pieces_add(context, m);
}

static void print_row(long maps, long in_order, const char *what)
{
    printf("%10s %10s  ", grouped(maps), grouped(in_order));
    print_text(stdout, what);
    putchar('\n');
}

static void print_files(const struct view *v)
{
    long maps = 0, in_order = 0;
    printf("\n%10s %10s\n", "maps", "in order");
    if (v->anonymous)
        print_row(v->anonymous, v->anonymous, PIECES_ANONYMOUS);
    if (v->cold) {
        char what[64];
        snprintf(what, sizeof what, PIECES_COLD ", %s", units_bytes(v->cold_bytes));
        print_row(v->cold, v->cold, what);
    }
    for (size_t i = 0; i < v->n && i < v->top; i++)
        print_row(v->files[i].maps, v->files[i].in_order, v->files[i].path);
    for (size_t i = v->top; i < v->n; i++) {
        maps += v->files[i].maps;
        in_order += v->files[i].in_order;
    }
    if (maps) {
        char what[64];
        snprintf(what, sizeof what, "in %s more file%s", grouped((long)(v->n - v->top)),
                 plural((long)(v->n - v->top)));
        print_row(maps, in_order, what);
    }
}

static void print_kinds(const struct view *v)
{
    int shown = 0;
    putchar('\n');
    for (size_t i = 0; i < v->n_kinds && shown < KINDS_SHOWN; i++) {
        const struct kind *k = &v->kinds[i];
        if (k->files == 1 || !k->name[1])
            continue; /* of many files, and with a name in common: else it says nothing new */
        printf("%s of %s are ", grouped(k->maps), grouped(v->target.maps));
        print_text(stdout, k->name);
        printf(", in %s files\n", grouped(k->files));
        shown++;
    }
    if (v->deleted)
        printf("%s of %s are of deleted files\n", grouped(v->deleted), grouped(v->target.maps));
}

static void print_all(const struct view *v)
{
    long saved = v->target.maps - v->in_order;
    printf("%d ", (int)v->target.pid);
    print_text(stdout, v->target.name);
    printf(": ");
    target_print_count(&v->target);
    print_files(v);
    print_kinds(v);
    if (saved)
        printf(
            "\n%s map%s could be saved if the parts of each file lay in order: %s would be left.\n",
            grouped(saved), plural(saved), grouped(v->in_order));
    else
        puts(
            "\nOrder could save no map: no part of a file lies apart from the part that it continues.");
    puts("Different files never share a map.");
}

static void print_json(const struct view *v)
{
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    target_json(&v->target, &j);
    json_number(&j, "in_order", v->in_order);
    json_number(&j, "anonymous", v->anonymous);
    json_number(&j, "cold", v->cold);
    json_number(&j, "cold_bytes", (long long)v->cold_bytes);
    json_number(&j, "deleted", v->deleted);
    json_number(&j, "file_count", (long long)v->n);
    json_open(&j, "files", '[');
    for (size_t i = 0; i < v->n && i < v->top; i++) {
        json_open(&j, NULL, '{');
        json_text(&j, "path", v->files[i].path);
        json_bool(&j, "deleted", v->files[i].deleted);
        json_number(&j, "maps", v->files[i].maps);
        json_number(&j, "in_order", v->files[i].in_order);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_open(&j, "kinds", '[');
    for (size_t i = 0; i < v->n_kinds; i++) {
        json_open(&j, NULL, '{');
        json_text(&j, "name", v->kinds[i].name);
        json_number(&j, "maps", v->kinds[i].maps);
        json_number(&j, "files", v->kinds[i].files);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    putchar('\n');
}

static int maps(int argc, char **argv)
{
    bool json = false;
    const char *top = "20";
    const struct flag flags[] = {
        { "json", &json, NULL },
        { "top", NULL, &top },
        { NULL, NULL, NULL },
    };
    struct view v = { 0 };
    struct pieces pieces = { 0 };
    char *end;
    int operands = verb_args(&verb_maps, flags, argc, argv);
    long wanted = strtol(top, &end, 10);
    if (*end || end == top || wanted < 0)
        return misused(&verb_maps, "--top '%s' is not a number of files: 0 or more", top);
    int found = target_find(&verb_maps, operands, argv, &v.target);
    if (found == DONE)
        found = target_read(&v.target, take_map, &pieces);
    if (found != DONE)
        return found;
    v.top = (size_t)wanted;
    v.files = pieces_files(&pieces, &v.n);
    v.kinds = pieces_kinds(v.files, v.n, &v.n_kinds);
    v.anonymous = pieces.anonymous;
    v.cold = pieces.cold;
    v.cold_bytes = pieces.cold_bytes;
    v.in_order = v.anonymous + v.cold;
    for (size_t i = 0; i < v.n; i++) {
        v.in_order += v.files[i].in_order;
        v.deleted += v.files[i].deleted ? v.files[i].maps : 0;
    }
    (json ? print_json : print_all)(&v);
    return DONE;
}

const struct verb verb_maps = {
    .name = "maps",
    .synopsis = "[--top N] [--json] PID",
    .summary = "show which files hold a process's maps, and how many would be one",
    .help =
        "Works on any process, with the library in it or without. 'in order' is the least number of\n"
        "maps that a file's maps come to if each part lies behind the part that it continues, equal\n"
        "in protection and sharing; a part that is mapped twice counts twice. Programs and libraries\n"
        "(files with an executable map) stay as they are: their parts have a place. A map of cold\n"
        "mappings (MAPHERD_COLD) stands for any number of them, of any files.\n\n"
        "  --top N  how many files are shown (20)\n"
        "  --json   one JSON object; kinds are all listed, files as many as --top says\n",
    .run = maps,
};
