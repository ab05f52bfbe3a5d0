/*
 * holders: an open-addressing table in the caller's memory.
 *
 * The table is at the front of the memory. The paths are behind it, each copied once.
 */
#define _GNU_SOURCE
#include "tell/holders.h"

#include <string.h>

#include "common/fmt.h"

void holders_start(struct holders *h, void *mem, size_t size)
{
    *h = (struct holders){ .table = mem };
    /* A slot has 48 bytes, and a path about 80. */
    h->slots = size / (sizeof *h->table + 80);
    h->text = (char *)(h->table + h->slots);
    h->text_end = (char *)mem + size;
}

/* Returns the slot of m's file, or a zeroed one for it; NULL where the table is full. */
static struct holder *slot_of(struct holders *h, const struct procmap *m)
{
    if (!h->slots)
        return NULL;
    uint64_t key = (m->inode ^ (uint64_t)m->dev_major << 52 ^ (uint64_t)m->dev_minor << 40) *
                   0x9e3779b97f4a7c15u;
    size_t at = (size_t)(key >> 20) % h->slots;
    for (size_t tries = 0; tries < h->slots; tries++, at = (at + 1) % h->slots) {
        struct holder *s = &h->table[at];
        if (!s->maps)
            return h->used < h->slots - h->slots / 8 ? s : NULL;
        if (s->inode == m->inode && s->dev_major == m->dev_major && s->dev_minor == m->dev_minor)
            return s;
    }
    return NULL;
}

void holders_add(struct holders *h, const struct procmap *m)
{
    if (!procmaps_counts(m))
        return;
    h->total++;
    if (!m->inode) {
        h->anonymous++;
        return;
    }
    struct holder *s = slot_of(h, m);
    if (!s || (!s->maps && (size_t)(h->text_end - h->text) <= m->path_len)) {
        h->left_out++;
        return;
    }
    if (!s->maps) {
        *s = (struct holder){ m->inode, m->dev_major, m->dev_minor, h->text, 0, 0 };
        memcpy(h->text, m->path, m->path_len);
        h->text[m->path_len] = '\0';
        h->text += m->path_len + 1;
        h->used++;
    }
    s->maps++;
    s->bytes += m->end - m->start;
}

size_t holders_top(const struct holders *h, const struct holder **top, size_t n)
{
    size_t have = 0;
    for (size_t i = 0; i < h->slots; i++) {
        const struct holder *s = &h->table[i];
        if (!s->maps)
            continue;
        size_t at = have < n ? have++ : n;
        for (; at > 0 && top[at - 1]->maps < s->maps; at--)
            if (at < n)
                top[at] = top[at - 1];
        if (at < n)
            top[at] = s;
    }
    return have;
}

/* ---- holders in words ---- */

/*
 * A kind is a suffix and whether the file is deleted. There may be as many kinds as files, and
 * there is room for a few. So the algorithm of Misra and Gries finds the frequent ones: a kind with
 * more than a ninth of all VMAs is always among eight candidates. A second pass counts them.
 */

#define TOP 3
#define CANDIDATES 8
#define SUFFIX_MAX 16
#define PATH_MOST 100  /* of a longer path the text has the end */
#define WORTH_NAMING 5 /* a fifth of all maps */

struct kind {
    const char *suffix; /* inside a holder's path, not NUL-terminated */
    size_t len;         /* 0: none */
    bool deleted;
    long votes; /* 0: the place of a candidate is free */
    long maps, files;
};

/* True for memory in the form of a file. It never had a name, so " (deleted)" says nothing of
 * it. */
static bool never_named(const char *path)
{
    static const char *const forms[] = { "/memfd:", "/SYSV", "/dev/zero " };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strncmp(path, forms[i], strlen(forms[i])) == 0)
            return true;
    return false;
}

static struct kind kind_of(const char *path)
{
    static const char mark[] = " (deleted)";
    const size_t mark_len = sizeof mark - 1;
    struct kind k = { .suffix = "" };
    size_t len = strlen(path);
    if (len > mark_len && strcmp(path + len - mark_len, mark) == 0) {
        len -= mark_len;
        k.deleted = !never_named(path);
    }
    for (size_t at = len; at > 1 && path[at - 1] != '/' && len - at < SUFFIX_MAX; at--) {
        if (path[at - 1] == '.' && path[at - 2] != '/') {
            k.suffix = path + at;
            k.len = len - at;
            break;
        }
    }
    return k;
}

/* Returns the candidate that is of this kind, or NULL. */
static struct kind *find(struct kind *list, const struct kind *k)
{
    for (struct kind *c = list; c < list + CANDIDATES; c++)
        if (c->votes && c->len == k->len && c->deleted == k->deleted &&
            memcmp(c->suffix, k->suffix, k->len) == 0)
            return c;
    return NULL;
}

/* Returns the candidate with the fewest votes, or a free place. */
static struct kind *weakest(struct kind *list)
{
    struct kind *least = list;
    for (struct kind *c = list; c < list + CANDIDATES; c++)
        if (c->votes < least->votes)
            least = c;
    return least;
}

static void vote(struct kind *list, struct kind k, long votes)
{
    struct kind *known = find(list, &k), *weak = weakest(list);
    if (known) {
        known->votes += votes;
        return;
    }
    long off = votes < weak->votes ? votes : weak->votes; /* all lose as much as this one */
    for (struct kind *c = list; off && c < list + CANDIDATES; c++)
        c->votes -= off;
    if (votes > off) {
        *weak = k;
        weak->votes = votes - off;
    }
}

/* Returns the kind with most VMAs (votes 0: none has many), and sets the number of VMAs of deleted
 * files. */
static struct kind top_kind(const struct holders *h, long *deleted)
{
    struct kind list[CANDIDATES] = { { .suffix = "" } }, *top = list;
    const struct holder *end = h->table + h->slots;
    *deleted = 0;
    for (const struct holder *s = h->table; s < end; s++) {
        struct kind k = kind_of(s->maps ? s->path : "");
        *deleted += k.deleted ? s->maps : 0;
        if (k.len)
            vote(list, k, s->maps);
    }
    for (const struct holder *s = h->table; s < end; s++) {
        struct kind k = kind_of(s->maps ? s->path : ""), *c = k.len ? find(list, &k) : NULL;
        if (c) {
            c->maps += s->maps;
            c->files++;
        }
    }
    for (struct kind *c = list; c < list + CANDIDATES; c++)
        if (c->maps > top->maps)
            top = c;
    return *top;
}

/* Writes "18000 of 58978 are of *.dvd (deleted); ", or nothing. Returns the length. */
static size_t name_kinds(const struct holders *h, char *buf, size_t size)
{
    long deleted;
    struct kind k = top_kind(h, &deleted);
    bool named = k.files > 1 && k.maps >= h->total / WORTH_NAMING;
    char suffix[SUFFIX_MAX + 1] = "";
    size_t at = 0;
    if (named) {
        memcpy(suffix, k.suffix, k.len);
        at = fmt(buf, size, "%ld of %ld are of *.%s%s; ", k.maps, h->total, suffix,
                 k.deleted ? " (deleted)" : "");
        deleted -= k.deleted ? k.maps : 0;
    }
    if (deleted && deleted >= h->total / WORTH_NAMING)
        at += fmt(buf + at, size - at, "%ld of %ld are of %sdeleted files; ", deleted, h->total,
                  named && k.deleted ? "other " : "");
    return at;
}

void holders_text(const struct holders *h, char *buf, size_t size)
{
    const struct holder *top[TOP];
    size_t n = holders_top(h, top, TOP), at = name_kinds(h, buf, size);
    at += fmt(buf + at, size - at, "most are held by ");
    for (size_t i = 0; i < n; i++) {
        const char *path = top[i]->path;
        size_t len = strlen(path), cut = len > PATH_MOST ? len - PATH_MOST : 0;
        at += fmt(buf + at, size - at, "%s%s%s (%ld)", i ? ", " : "", cut ? "..." : "", path + cut,
                  top[i]->maps);
    }
    fmt(buf + at, size - at, "%s%ld of no file", n ? " and " : "", h->anonymous);
}
