/*
 * holders_text: the top files, and the kinds of file that many small ones make up.
 *
 * A kind is a suffix and whether the file is deleted. There may be as many kinds as files and
 * there is room for a few, so the frequent ones are found by Misra and Gries' algorithm: what has
 * more than a ninth of the maps is among eight candidates for certain. A second pass counts them.
 */
#define _GNU_SOURCE
#include "model/holders_text.h"

#include <string.h>

#include "base/fmt.h"

#define TOP 3
#define CANDIDATES 8
#define SUFFIX_MAX 16
#define WORTH_NAMING 5 /* a fifth of all maps */

struct kind {
    const char *suffix; /* in a holder's path, not NUL-terminated */
    size_t len;
    bool deleted;
    long maps, files;
};

/* Memory that has the form of a file: it never had a name, so its deletion says nothing. */
static bool never_named(const char *path)
{
    static const char *const forms[] = { "/memfd:", "/SYSV", "/dev/zero", "/dev/shm/" };
    for (size_t i = 0; i < sizeof forms / sizeof *forms - 1; i++)
        if (strncmp(path, forms[i], strlen(forms[i])) == 0)
            return true;
    return false;
}

static struct kind kind_of(const char *path)
{
    static const char mark[] = " (deleted)";
    struct kind k = { .suffix = "" };
    size_t len = strlen(path);
    if (len > sizeof mark - 1 && strcmp(path + len - (sizeof mark - 1), mark) == 0) {
        len -= sizeof mark - 1;
        k.deleted = !never_named(path);
    }
    for (size_t at = len; at > 1 && path[at - 1] != '/' && len - at <= SUFFIX_MAX; at--) {
        if (path[at - 1] == '.' && path[at - 2] != '/') {
            k.suffix = path + at;
            k.len = len - at;
            break;
        }
    }
    return k;
}

static bool same(const struct kind *a, const struct kind *b)
{
    return a->len == b->len && a->deleted == b->deleted &&
           memcmp(a->suffix, b->suffix, a->len) == 0;
}

/* The candidate of that kind, else a free one, else NULL. */
static struct kind *candidate(struct kind *list, const struct kind *k, bool may_be_free)
{
    struct kind *found = NULL;
    for (struct kind *c = list; c < list + CANDIDATES; c++) {
        if (c->maps && same(c, k))
            return c;
        if (!c->maps && may_be_free)
            found = c;
    }
    return found;
}

static void vote(struct kind *list, struct kind k, long maps)
{
    struct kind *c = candidate(list, &k, true);
    while (!c) { /* every candidate loses as much as this one, until a place is free or nothing left */
        long least = maps;
        for (int i = 0; i < CANDIDATES; i++)
            if (list[i].maps < least)
                least = list[i].maps;
        for (int i = 0; i < CANDIDATES; i++)
            list[i].maps -= least;
        maps -= least;
        if (!maps)
            return;
        c = candidate(list, &k, true);
    }
    k.maps = c->maps + maps;
    *c = k;
}

/* The kind with most maps, of files with a suffix; and the maps of all deleted files. */
static struct kind top_kind(const struct holders *h, long *deleted)
{
    struct kind list[CANDIDATES] = { 0 }, *top = list;
    *deleted = 0;
    for (size_t i = 0; i < h->slots; i++)
        if (h->table[i].maps)
            vote(list, kind_of(h->table[i].path), h->table[i].maps);
    for (struct kind *c = list; c < list + CANDIDATES; c++)
        c->files = c->maps > 0; /* a candidate; */
    return *top;
}
