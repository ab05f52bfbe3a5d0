/*
 * holders: an open-addressing table in the caller's memory.
 *
 * The table is at the front of the memory. The paths are behind it, each copied once.
 */
#define _GNU_SOURCE
#include "tell/holders.h"

#include <string.h>

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
