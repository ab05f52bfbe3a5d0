/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * ledger: a treap in the record itself, its links being numbers of elements.
 *
 * A reader goes by start alone, which is written last and changed first. It does not use the links.
 * So the record can be read whenever the process is killed.
 */
#define _GNU_SOURCE
#include "trace/ledger.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/fmt.h"
#include "kernel/sys.h"
#include "tell/recordfile.h"
#include "trace/stacks.h"

typedef struct mapherd_record_mapping piece;

#define OUT 1u /* start of a piece that is out of the tree */
#define FILE_BUCKETS 16383u
#define NAME_LEN 1024

static uint32_t root, spare; /* spare: a chain of free elements, linked by right */
static uint32_t order;
static uint32_t pieces;     /* made and not released */
static uint32_t file_index; /* INDEX: the first of FILE_BUCKETS */

/* What the numbers in own of a FILE element are. */
enum { FILE_NEXT, FILE_LIVE, FILE_STAMP };

static piece *at(uint32_t i)
{
    return recordfile_at(MAPHERD_CHUNK_LIVE, i);
}

static struct mapherd_record_file *file_at(uint32_t i)
{
    return recordfile_at(MAPHERD_CHUNK_FILE, i);
}

static void show(piece *p, uint64_t start)
{
    __atomic_store_n(&p->start, start, __ATOMIC_RELEASE);
}

static uint32_t priority(uint32_t i)
{
    i = (i ^ i >> 16) * 0x85ebca6bu;
    i = (i ^ i >> 13) * 0xc2b2ae35u;
    return i ^ i >> 16;
}

uint64_t ledger_now_ms(void)
{
    return sys_clock_ns(CLOCK_REALTIME_COARSE) / 1000000;
}

/* ---- the tree ---- */

static void insert(uint32_t i)
{
    piece *p = at(i);
    uint32_t *link = &root, mine = priority(i);
    while (*link && priority(*link) >= mine) {
        piece *q = at(*link);
        link = p->start < q->start ? &q->left : &q->right;
    }
    uint32_t rest = *link, *left = &p->left, *right = &p->right;
    *link = i;
    while (rest) {
        piece *q = at(rest);
        if (q->start < p->start) {
            *left = rest;
            left = &q->right;
            rest = *left;
        } else {
            *right = rest;
            right = &q->left;
            rest = *right;
        }
    }
    *left = *right = 0;
}

static void take_out(uint32_t i)
{
    piece *p = at(i);
    uint32_t *link = &root;
    while (*link != i) {
        piece *q = at(*link);
        link = p->start < q->start ? &q->left : &q->right;
    }
    uint32_t left = p->left, right = p->right;
    while (left && right) {
        if (priority(left) >= priority(right)) {
            *link = left;
            link = &at(left)->right;
            left = *link;
        } else {
            *link = right;
            link = &at(right)->left;
            right = *link;
        }
    }
    *link = left ? left : right;
}

/* The first piece that ends behind addr; 0 if there is none. */
static uint32_t from(uintptr_t addr)
{
    uint32_t best = 0;
    for (uint32_t i = root; i;) {
        const piece *p = at(i);
        if (p->end > addr) {
            best = i;
            i = p->left;
        } else {
            i = p->right;
        }
    }
    return best;
}

const struct mapherd_record_mapping *ledger_find(uintptr_t addr)
{
    uint32_t i = from(addr);
    return i && at(i)->start <= addr ? at(i) : NULL;
}

/* ---- elements ---- */

static void count_file(uint32_t file, int by)
{
    if (file)
        file_at(file)->own[FILE_LIVE] += (uint32_t)by;
}

/* A new piece like what, not in the tree; 0 without space. */
static uint32_t make(const piece *what, uintptr_t start, uintptr_t end)
{
    uint32_t i = spare;
    if (i)
        spare = at(i)->right;
    else
        i = recordfile_take(MAPHERD_CHUNK_LIVE, 1);
    if (!i) {
        recordfile_head()->lost++;
        return 0;
    }
    piece *p = at(i);
    *p = (piece){
        .end = end,
        .born_ms = what->born_ms,
        .offset = what->offset + (what->file ? start - (what->start & ~(uint64_t)OUT) : 0),
        .number = what->number,
        .stack = what->stack,
        .file = what->file,
        .thread = what->thread,
        .flags = what->flags,
        .order = ++order,
    };
    show(p, start | OUT);
    count_file(p->file, 1);
    pieces++;
    return i;
}

static void release(uint32_t i)
{
    count_file(at(i)->file, -1);
    pieces--;
    show(at(i), 0);
    at(i)->right = spare;
    spare = i;
}

static void enter(uint32_t i)
{
    show(at(i), at(i)->start & ~(uint64_t)OUT);
    insert(i);
}

/* Releases a piece that was unmapped at now_ms. */
static void unmapped(uint32_t i, uint64_t now_ms)
{
    const piece *p = at(i);
    if (!(p->flags & MAPHERD_RECORD_PART))
        stacks_count_unmapped(p->stack, now_ms > p->born_ms ? now_ms - p->born_ms : 0);
    release(i);
}

/* A forked child has another record: element numbers that its caller kept from before mean
 * nothing there. */
static bool is_out(uint32_t i)
{
    return i && i < recordfile_head()->used[MAPHERD_CHUNK_LIVE] && (at(i)->start & OUT);
}

/* ---- ranges ---- */

/* Takes the part [start, end) of piece i out of the tree. 0 without space; then the part is
 * lost. */
static uint32_t take_part(uint32_t i, uintptr_t start, uintptr_t end)
{
    piece *p = at(i);
    if (start <= p->start && p->end <= end) {
        take_out(i);
        show(p, p->start | OUT);
        return i;
    }
    uintptr_t first = p->start > start ? p->start : start, last = p->end < end ? p->end : end;
    uint32_t middle = make(p, first, last);
    if (middle)
        at(middle)->flags |= MAPHERD_RECORD_PART;
    if (p->start < start) {
        uint32_t behind = p->end > end ? make(p, end, p->end) : 0;
        if (behind) {
            at(behind)->flags |= MAPHERD_RECORD_PART;
            enter(behind);
        }
        p->end = start;
    } else {
        /* The beginning goes. The key of the piece grows, but passes no other key: the tree
         * stays right. */
        p->offset += p->file ? end - p->start : 0;
        show(p, end);
    }
    return middle;
}

ledger_chain ledger_cut(uintptr_t start, uintptr_t end)
{
    LOCK_ASSERT(&record_lock);
    ledger_chain chain = 0;
    uint32_t *last = &chain, i;
    while ((i = from(start)) && at(i)->start < end) {
        bool whole = at(i)->end <= end;
        uintptr_t next = at(i)->end;
        uint32_t part = take_part(i, start, end);
        if (part) {
            at(part)->right = 0;
            *last = part;
            last = &at(part)->right;
        }
        if (!whole)
            break;
        start = next;
    }
    return chain;
}

void ledger_put(ledger_chain chain, uintptr_t start, size_t old_len, uintptr_t to, size_t new_len)
{
    LOCK_ASSERT(&record_lock);
    while (is_out(chain)) {
        piece *p = at(chain);
        uint32_t next = p->right;
        uintptr_t first = (p->start & ~(uint64_t)OUT) - start, last = p->end - start;
        if (first >= new_len) {
            unmapped(chain, ledger_now_ms());
        } else {
            if (last > new_len || last == old_len)
                last = new_len;
            /* A piece may stand there that was unmapped by a system call that no hook saw. */
            ledger_drop(ledger_cut(to + first, to + last));
            p->end = to + last;
            p->order = ++order;
            show(p, (to + first) | OUT);
            enter(chain);
        }
        chain = next;
    }
}

void ledger_drop(ledger_chain chain)
{
    LOCK_ASSERT(&record_lock);
    uint64_t now_ms = chain ? ledger_now_ms() : 0;
    while (is_out(chain)) {
        uint32_t next = at(chain)->right;
        unmapped(chain, now_ms);
        chain = next;
    }
}

bool ledger_add(uintptr_t start, uintptr_t end, const struct mapherd_record_mapping *what)
{
    LOCK_ASSERT(&record_lock);
    ledger_drop(ledger_cut(start, end));
    piece as = *what;
    as.start = start;
    as.flags &= ~MAPHERD_RECORD_PART;
    uint32_t i = make(&as, start, end);
    if (i) {
        stacks_count_made(as.stack);
        enter(i);
    }
    return i;
}

uint32_t ledger_pieces(void)
{
    return __atomic_load_n(&pieces, __ATOMIC_RELAXED);
}

void ledger_clear(void)
{
    LOCK_ASSERT(&record_lock);
    uint32_t used = recordfile_head()->used[MAPHERD_CHUNK_LIVE];
    for (uint32_t i = 1; i < used; i++)
        if (at(i)->start && !(at(i)->start & OUT)) /* one that is out is in a chain */
            release(i);
    root = 0;
}

void ledger_start(void)
{
    LOCK_ASSERT(&record_lock);
    root = spare = order = pieces = 0;
    file_index = recordfile_take(MAPHERD_CHUNK_INDEX, FILE_BUCKETS);
}

/* ---- files ---- */

static uint32_t stamp_of(const struct stat *st)
{
    return (uint32_t)st->st_ctim.tv_sec * 1000003u ^ (uint32_t)st->st_ctim.tv_nsec;
}

/* Whether f is the file of st. The filesystem may have given the inode number of a deleted file to
 * another one; that cannot happen while a piece maps the file. */
static bool is_still(const struct mapherd_record_file *f, const struct stat *st, const char *path)
{
    return f->own[FILE_LIVE] || f->own[FILE_STAMP] == stamp_of(st) ||
           (path && strcmp(recordfile_at(MAPHERD_CHUNK_TEXT, f->path), path) == 0);
}

static uint32_t add_file(const struct stat *st, const char *path, uint32_t *bucket)
{
    size_t len = strlen(path) + 1;
    uint32_t i = recordfile_take(MAPHERD_CHUNK_FILE, 1);
    uint32_t text = i ? recordfile_take(MAPHERD_CHUNK_TEXT, (uint32_t)len) : 0;
    if (!text)
        return 0;
    memcpy(recordfile_at(MAPHERD_CHUNK_TEXT, text), path, len);
    *file_at(i) = (struct mapherd_record_file){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .path = text,
        .own = { [FILE_NEXT] = *bucket, [FILE_STAMP] = stamp_of(st) },
    };
    *bucket = i;
    return i;
}

uint32_t ledger_file(const struct stat *st, int fd)
{
    char link[32], path[NAME_LEN];
    if (!file_index)
        return 0;
    uint64_t key = (st->st_ino ^ (uint64_t)st->st_dev << 40) * 0x9e3779b97f4a7c15u;
    uint32_t *bucket =
        recordfile_at(MAPHERD_CHUNK_INDEX, file_index + (uint32_t)((key >> 32) % FILE_BUCKETS));
    uint32_t i = *bucket;
    while (i && (file_at(i)->ino != st->st_ino || file_at(i)->dev != st->st_dev))
        i = file_at(i)->own[FILE_NEXT];
    if (i && is_still(file_at(i), st, NULL))
        return i;
    fmt(link, sizeof link, "/proc/thread-self/fd/%d", fd);
    long len = sys_readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    if (i && is_still(file_at(i), st, path)) {
        file_at(i)->own[FILE_STAMP] = stamp_of(st);
        return i;
    }
    return add_file(st, path, bucket);
}
