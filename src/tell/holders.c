/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * holders: an open-addressing table in the caller's memory.
 *
 * The table is at the front of the memory. The paths are behind it, each copied once.
 */
#define _GNU_SOURCE
#include "tell/holders.h"

#include <string.h>

#include "common/fmt.h"

#define PATH_ROOM 80          /* a usual path */
#define GUARD_MAX (1UL << 20) /* a guard page has one page to a few dozen, of 64 KiB at most */

static const char deleted_mark[] = " (deleted)";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- what a VMA is of ---- */

enum memory_kind memory_of(const char *path, uint64_t inode)
{
    if (path[0] != '/')
        return !inode                        ? MEMORY_PRIVATE
               : begins(path, "[anon_shmem") ? MEMORY_SHARED /* named by prctl(2) */
                                             : MEMORY_FILE;
    switch (path[1]) {
    case 'd': return strcmp(path, "/dev/zero (deleted)") == 0 ? MEMORY_SHARED : MEMORY_FILE;
    case 'S': return begins(path, "/SYSV") ? MEMORY_SYSV : MEMORY_FILE;
    case 'a': return begins(path, "/anon_hugepage") ? MEMORY_HUGE : MEMORY_FILE;
    case 'm':
        return begins(path, MEMORY_COLD_PATH) ? MEMORY_COLD
               : begins(path, "/memfd:")      ? MEMORY_MEMFD
                                              : MEMORY_FILE;
    default: return MEMORY_FILE;
    }
}

const char *memory_name(enum memory_kind memory, bool threads)
{
    switch (memory) {
    case MEMORY_GUARDED:
        return threads ? "stacks of threads, with their guard pages"
                       : "memory with guard pages, such as stacks of fibers";
    case MEMORY_SHARED: return "shared anonymous memory";
    case MEMORY_SYSV: return "System V shared memory";
    case MEMORY_HUGE: return "anonymous huge pages";
    case MEMORY_COLD: return "cold mappings";
    default: return "anonymous memory";
    }
}

/* ---- what files have in common ---- */

#define SUFFIX_MAX 15
#define MEMFD_NAME_MAX 40

static bool are_digits(const char *from, const char *to)
{
    while (from < to && *from >= '0' && *from <= '9')
        from++;
    return from == to;
}

struct file_kind file_kind_of(const char *path, size_t len)
{
    const size_t mark = sizeof deleted_mark - 1, memfd = sizeof "/memfd:" - 1;
    struct file_kind k = { .suffix = "" };
    if (len > mark && memcmp(path + len - mark, deleted_mark, mark) == 0) {
        len -= mark;
        k.deleted = true;
    }
    if (len >= memfd && memcmp(path, "/memfd:", memfd) == 0) {
        k.memfd = true;
        k.deleted = false;
        if (len - memfd <= MEMFD_NAME_MAX) {
            k.suffix = path + memfd;
            k.len = (unsigned char)(len - memfd);
        }
        return k;
    }
    const char *end = path + len, *at = end;
    for (;;) {
        while (at > path && at[-1] != '.' && at[-1] != '/')
            at--;
        /* There must be a dot, and something before it: a hidden file has no suffix. */
        if (at - path < 2 || at[-1] == '/' || at[-2] == '/')
            return k;
        if (at == end || !are_digits(at, end))
            break;
        k.numbered = true;
        end = --at;
    }
    if (end - at <= SUFFIX_MAX) {
        k.suffix = at;
        k.len = (unsigned char)(end - at);
    }
    return k;
}

static bool same_kind(const struct file_kind *a, const struct file_kind *b)
{
    return a->len == b->len && a->numbered == b->numbered && a->deleted == b->deleted &&
           a->memfd == b->memfd && memcmp(a->suffix, b->suffix, a->len) == 0;
}

size_t file_kind_name(const struct file_kind *kind, char *buf, size_t size)
{
    char suffix[MEMFD_NAME_MAX + 1];
    memcpy(suffix, kind->suffix, kind->len);
    suffix[kind->len] = '\0';
    if (kind->memfd)
        return fmt(buf, size, "memfd:%s", kind->len ? suffix : "*");
    return fmt(buf, size, "*%s%s%s%s", kind->len ? "." : "", suffix,
               kind->numbered ? ".[0-9]*" : "", kind->deleted ? deleted_mark : "");
}

/* ---- the table ---- */

void holders_start(struct holders *h, void *mem, size_t size)
{
    *h = (struct holders){ .table = mem };
    h->slots = size / (sizeof *h->table + PATH_ROOM);
    h->text = (char *)(h->table + h->slots);
    h->text_end = (char *)mem + size;
}

size_t holders_memory(size_t files, size_t path_bytes)
{
    size_t slots = files + files / 4 + 8;
    return slots * (sizeof(struct holder) + PATH_ROOM) + path_bytes + files;
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

static void add_file(struct holders *h, const struct procmap *m)
{
    struct holder *s = slot_of(h, m);
    if (!s || (!s->maps && (size_t)(h->text_end - h->text) <= m->path_len)) {
        h->left_out++;
        return;
    }
    if (!s->maps) {
        *s = (struct holder){
            m->inode, m->dev_major, m->dev_minor, h->text, 0, 0, (uint32_t)m->path_len, 0
        };
        memcpy(h->text, m->path, m->path_len);
        h->text[m->path_len] = '\0';
        h->text += m->path_len + 1;
        h->used++;
    }
    s->maps++;
    s->bytes += m->end - m->start;
}

static void add_memory(struct holders *h, enum memory_kind of, const struct procmap *m)
{
    h->of[of].maps++;
    h->of[of].bytes += m->end - m->start;
}

/* Stacks of threads and fibers have a guard page at their lower end. */
static void add_private(struct holders *h, const struct procmap *m)
{
    size_t len = m->end - m->start;
    bool access = m->read || m->write || m->exec;
    if (m->write && h->guard_end && h->guard_end == m->start) {
        h->of[MEMORY_PRIVATE].maps--;
        h->of[MEMORY_PRIVATE].bytes -= h->guard_bytes;
        h->of[MEMORY_GUARDED].maps++;
        h->of[MEMORY_GUARDED].bytes += h->guard_bytes;
        add_memory(h, MEMORY_GUARDED, m);
    } else {
        add_memory(h, MEMORY_PRIVATE, m);
    }
    h->guard_end = !access && len <= GUARD_MAX ? m->end : 0;
    h->guard_bytes = len;
}

void holders_add(struct holders *h, const struct procmap *m)
{
    if (!procmaps_counts(m))
        return;
    enum memory_kind of = memory_of(m->path, m->inode);
    h->total++;
    if (of == MEMORY_PRIVATE) {
        add_private(h, m);
        return;
    }
    h->guard_end = 0;
    if (of == MEMORY_FILE || of == MEMORY_MEMFD)
        add_file(h, m);
    else
        add_memory(h, of, m);
}

/* ---- the rows ---- */

/*
 * There may be as many kinds as files, and there is room for a few. So the algorithm of Misra and
 * Gries finds the frequent ones: a kind with more than a ninth of the VMAs of all files is always
 * among eight candidates. A second pass counts them, and what is of no candidate. It leaves in each
 * slot the number of its kind, so that the passes after it need no path.
 */

#define CANDIDATES 8
#define SINGLED 4 /* files that may have a row of their own */
#define SINGLED_LEAST 20
#define WORTH 20   /* a twentieth of all VMAs */
#define FOLDERS 3  /* rows that may tell a folder */
#define SAMPLES 12 /* files by which a folder is found */

/* Its variables are not on the stack while another of these functions runs. */
#define ALONE __attribute__((noinline))

enum {
    KIND_SINGLED = CANDIDATES, /* the file has a row of its own */
    KIND_OTHERS,               /* of no candidate: files, */
    KIND_OTHERS_DELETED,       /* deleted files */
    KIND_OTHERS_MEMFD,         /* and memfds */
    KINDS
};

struct kind {
    struct file_kind of;
    long maps; /* votes, while they are cast; 0: the place of a candidate is free */
    long files;
    uint64_t bytes;
};

/* Returns the candidate of this kind, or NULL. */
static struct kind *find(struct kind *list, const struct file_kind *k)
{
    for (struct kind *c = list; c < list + CANDIDATES; c++)
        if (c->of.len && same_kind(&c->of, k))
            return c;
    return NULL;
}

/* Returns the candidate with the fewest votes, or a free place. */
static struct kind *weakest(struct kind *list)
{
    struct kind *least = list;
    for (struct kind *c = list; c < list + CANDIDATES; c++)
        if (c->maps < least->maps)
            least = c;
    return least;
}

static void vote(struct kind *list, const struct file_kind *k, long votes)
{
    struct kind *known = find(list, k), *weak = weakest(list);
    if (known) {
        known->maps += votes;
        return;
    }
    long off = votes < weak->maps ? votes : weak->maps; /* all lose as much as this one */
    for (struct kind *c = list; off && c < list + CANDIDATES; c++)
        if (c->of.len && !(c->maps -= off))
            c->of.len = 0;
    if (votes > off) {
        weak->of = *k;
        weak->maps = votes - off;
    }
}

static unsigned char others_of(const struct file_kind *k)
{
    return k->memfd ? KIND_OTHERS_MEMFD : k->deleted ? KIND_OTHERS_DELETED : KIND_OTHERS;
}

/* Files without a suffix are no candidates: they are among the others. */
static unsigned char number_of(struct kind *list, const struct file_kind *k)
{
    const struct kind *c = k->len ? find(list, k) : NULL;
    return c ? (unsigned char)(c - list) : others_of(k);
}

static bool is_worth(const struct holders *h, long maps)
{
    return maps > 0 && maps >= h->total / WORTH;
}

/* Candidates that have too few VMAs for a row are among the others. */
static void fold_small(struct holders *h, struct kind *list)
{
    bool any = false;
    unsigned char now[KINDS];
    for (unsigned char k = 0; k < KINDS; k++) {
        struct kind *c = &list[k], *others = &list[others_of(&c->of)];
        now[k] = k;
        if (k >= CANDIDATES || !c->maps || is_worth(h, c->maps))
            continue;
        others->maps += c->maps;
        others->files += c->files;
        others->bytes += c->bytes;
        c->maps = 0;
        now[k] = others_of(&c->of);
        any = true;
    }
    for (struct holder *s = h->table; any && s < h->table + h->slots; s++)
        s->kind = now[s->kind];
}

static void count_kinds(struct holders *h, struct kind *list)
{
    struct holder *end = h->table + h->slots;
    for (struct holder *s = h->table; s < end; s++) {
        if (!s->maps || s->kind == KIND_SINGLED)
            continue;
        struct file_kind k = file_kind_of(s->path, s->path_len);
        if (k.len)
            vote(list, &k, s->maps);
    }
    for (struct kind *c = list; c < list + KINDS; c++)
        c->maps = 0;
    list[KIND_OTHERS_DELETED].of.deleted = true;
    list[KIND_OTHERS_MEMFD].of.memfd = true;
    for (struct holder *s = h->table; s < end; s++) {
        if (!s->maps || s->kind == KIND_SINGLED)
            continue;
        struct file_kind k = file_kind_of(s->path, s->path_len);
        s->kind = number_of(list, &k);
        list[s->kind].maps += s->maps;
        list[s->kind].bytes += s->bytes;
        list[s->kind].files++;
    }
    fold_small(h, list);
}

/* Puts the row where it belongs among those that are there. */
static void put(struct holding *rows, size_t *have, size_t n, const struct holding *row)
{
    size_t at = *have < n ? (*have)++ : n;
    for (; at > 0 && rows[at - 1].maps < row->maps; at--)
        if (at < n)
            rows[at] = rows[at - 1];
    if (at < n)
        rows[at] = *row;
}

/* Takes the files out that hold most, and clears what an earlier call has left in the slots. */
ALONE static void put_singled(struct holders *h, struct holding *rows, size_t *have, size_t n)
{
    struct holder *top[SINGLED];
    size_t found = 0;
    for (struct holder *s = h->table; s < h->table + h->slots; s++) {
        s->kind = 0;
        if (s->maps < SINGLED_LEAST || !is_worth(h, s->maps))
            continue;
        size_t at = found < SINGLED ? found++ : SINGLED;
        for (; at > 0 && top[at - 1]->maps < s->maps; at--)
            if (at < SINGLED)
                top[at] = top[at - 1];
        if (at < SINGLED)
            top[at] = s;
    }
    for (size_t i = 0; i < found; i++) {
        struct holding row = { .memory = memory_of(top[i]->path, top[i]->inode),
                               .file = top[i],
                               .kind = file_kind_of(top[i]->path, top[i]->path_len),
                               .maps = top[i]->maps,
                               .files = 1,
                               .bytes = top[i]->bytes };
        top[i]->kind = KIND_SINGLED;
        put(rows, have, n, &row);
    }
}

bool holders_stacks(const struct holders *h)
{
    return h->of[MEMORY_GUARDED].maps / 2 <= h->threads + h->threads / 8;
}

ALONE static void put_memory(const struct holders *h, struct holding *rows, size_t *have, size_t n)
{
    for (int of = 0; of < MEMORIES; of++) {
        struct holding row = { .memory = (enum memory_kind)of,
                               .threads = holders_stacks(h),
                               .maps = h->of[of].maps,
                               .bytes = h->of[of].bytes };
        if (row.maps)
            put(rows, have, n, &row);
    }
}

/* ---- the folder that files are under ---- */

/* Whether the path goes on below the folder with this one: "index/" of /data/index/a.dvd. */
static bool goes_on(const char *path, const char *folder, size_t len, const char *part,
                    size_t part_len)
{
    return strncmp(path, folder, len) == 0 && strncmp(path + len, part, part_len) == 0;
}

/* Returns the length of the deepest folder that nine in ten of the paths are under, with its slash;
 * *of is a path in it. */
static size_t folder_of(const char *const *paths, size_t n, const char **of)
{
    size_t len = 1;
    *of = paths[0];
    for (;;) {
        const char *most = NULL; /* by the algorithm of Boyer and Moore */
        size_t votes = 0, part = 0, found = 0;
        for (size_t i = 0; i < n; i++) {
            const char *slash =
                strncmp(paths[i], *of, len) == 0 ? strchr(paths[i] + len, '/') : NULL;
            if (!slash)
                continue;
            if (votes && goes_on(paths[i], *of, len, most + len, part)) {
                votes++;
            } else if (votes) {
                votes--;
            } else {
                most = paths[i];
                part = (size_t)(slash + 1 - most) - len;
                votes = 1;
            }
        }
        for (size_t i = 0; most && i < n; i++)
            found += goes_on(paths[i], *of, len, most + len, part);
        if (!most || found * 10 < n * 9)
            return len;
        *of = most;
        len += part;
    }
}

static const char *path_at(const struct holder *s, unsigned char kind)
{
    return s->maps && s->kind == kind && s->path[0] == '/' ? s->path : NULL;
}

/* A folder is told if nine in ten of the VMAs are of files under it. The row then is of those
 * alone. The files are in the table as their hashes have it, so the first ones are as good as
 * any. */
static void tell_folder(const struct holders *h, struct holding *row, unsigned char kind)
{
    const struct holder *end = h->table + h->slots;
    const char *paths[SAMPLES], *of;
    size_t n = 0;
    for (const struct holder *s = h->table; s < end && n < SAMPLES; s++)
        if (path_at(s, kind))
            paths[n++] = s->path;
    size_t len = n ? folder_of(paths, n, &of) : 1;
    struct memory_sum sum = { 0, 0 };
    long files = 0;
    for (const struct holder *s = h->table; len > 1 && s < end; s++) {
        if (!path_at(s, kind) || strncmp(s->path, of, len) != 0)
            continue;
        sum.maps += s->maps;
        sum.bytes += s->bytes;
        files++;
    }
    if (sum.maps == 0 || sum.maps * 10 < row->maps * 9)
        return;
    row->folder = of;
    row->folder_len = len - 1;
    row->maps = sum.maps;
    row->bytes = sum.bytes;
    row->files = files;
}

/* The only file of its kind that has no row of its own. */
static const struct holder *only_one(const struct holders *h, unsigned char kind)
{
    const struct holder *s = h->table;
    while (!s->maps || s->kind != kind)
        s++;
    return s;
}

static void put_kinds(struct holders *h, struct holding *rows, size_t *have, size_t n)
{
    struct kind list[KINDS] = { { .of = { .suffix = "" } } };
    for (struct kind *c = list; c < list + KINDS; c++)
        c->of.suffix = "";
    count_kinds(h, list);
    unsigned folders = 0;
    for (unsigned char k = 0; k < KINDS; k++) {
        const struct kind *c = &list[k];
        if (!is_worth(h, c->maps) && (*have || !c->maps))
            continue;
        struct holding row = { .memory = c->of.memfd ? MEMORY_MEMFD : MEMORY_FILE,
                               .kind = c->of,
                               .any = k >= KIND_OTHERS,
                               .maps = c->maps,
                               .files = c->files,
                               .bytes = c->bytes };
        if (c->files == 1)
            row.file = only_one(h, k);
        else if (!c->of.memfd && folders++ < FOLDERS)
            tell_folder(h, &row, k);
        put(rows, have, n, &row);
    }
}

/* Whether both rows are of files, of one kind or both deleted or not, so that one of them is of the
 * other ones. */
static bool is_beside(const struct holding *row, const struct holding *other)
{
    if (!other->files || row->memory != other->memory || row->file)
        return false;
    return row->any ? row->kind.deleted == other->kind.deleted
                    : other->file && same_kind(&row->kind, &other->kind);
}

size_t holders_rows(struct holders *h, struct holding *rows, size_t n)
{
    size_t have = 0, kept = 1;
    put_singled(h, rows, &have, n);
    put_memory(h, rows, &have, n);
    put_kinds(h, rows, &have, n);
    while (kept < have && is_worth(h, rows[kept].maps))
        kept++;
    have = have < kept ? have : kept;
    for (size_t i = 0; i < have; i++)
        for (size_t k = 0; k < have; k++)
            rows[i].others |= i != k && is_beside(&rows[i], &rows[k]);
    return have;
}

/* ---- in words ---- */

/* Writes the text, or the end of it where it is longer than most. */
static size_t name_end(const char *text, size_t len, size_t most, char *buf, size_t size)
{
    size_t at = 0, cut = len > most ? len - most : 0;
    if (cut)
        at = fmt(buf, size, "...");
    for (text += cut, len -= cut; len && at < size - 1; len--)
        buf[at++] = *text++;
    buf[at] = '\0';
    return at;
}

static size_t name_files(const struct holding *row, size_t most, char *buf, size_t size)
{
    char kind[FILE_KIND_NAME];
    const char *other = row->others ? "other " : "";
    file_kind_name(&row->kind, kind, sizeof kind);
    size_t at = row->memory == MEMORY_MEMFD && row->any ? fmt(buf, size, "%smemfds", other)
                : row->any
                    ? fmt(buf, size, "%s%sfiles%s", other, row->kind.deleted ? "deleted " : "",
                          row->folder_len || row->others ? "" : " of many kinds")
                    : fmt(buf, size, "%s%s", other, kind);
    if (row->folder_len) {
        at += fmt(buf + at, size - at, " under ");
        at += name_end(row->folder, row->folder_len, most, buf + at, size - at);
    }
    return at;
}

size_t holding_name(const struct holding *row, size_t most, char *buf, size_t size)
{
    if (row->file)
        return name_end(row->file->path, row->file->path_len, most, buf, size);
    if (row->files)
        return name_files(row, most, buf, size);
    return fmt(buf, size, "%s", memory_name(row->memory, row->threads));
}

void holders_text(const struct holders *h, const struct holding *rows, size_t n, char *buf,
                  size_t size)
{
    enum { PATH_MOST = 100 };
    size_t at = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (i)
            at += fmt(buf + at, size - at, ", %ld of ", rows[i].maps);
        else
            at += fmt(buf, size, "%ld of %ld are of ", rows[i].maps, h->total);
        at += holding_name(&rows[i], PATH_MOST, buf + at, size - at);
    }
}
