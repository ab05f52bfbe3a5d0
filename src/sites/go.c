/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * go: see go.h.
 */
#define _GNU_SOURCE
#include "sites/go.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "common/given.h"
#include "common/linked.h"
#include "sites/decode.h"

struct span {
    uintptr_t start, end;
};

/* ---- the program ---- */

struct program {
    bool noted; /* it has the note */
    uintptr_t start;
    struct span text;
    struct span data; /* that can be written, behind what is read-only after relocation */
};

static uintptr_t padded(uintptr_t n)
{
    return (n + 3) & ~(uintptr_t)3;
}

/* Notes: the lengths of name and text, a type, the name, the text. */
static bool has_note(struct span s)
{
    static const char name[4] = "Go";
    enum { BUILD_ID = 4 };
    ElfW(Nhdr) head;
    for (uintptr_t at = s.start; s.end - at >= sizeof head + sizeof name;) {
        memcpy(&head, (const void *)at, sizeof head);
        at += sizeof head;
        if (head.n_type == BUILD_ID && head.n_namesz == sizeof name &&
            memcmp((const void *)at, name, sizeof name) == 0)
            return true;
        uintptr_t len = padded(head.n_namesz) + padded(head.n_descsz);
        if (len > s.end - at)
            return false;
        at += len;
    }
    return false;
}

static struct span span_of(const ElfW(Phdr) * part, uintptr_t bias)
{
    uintptr_t start = bias + part->p_vaddr;
    return (struct span){ start, start + part->p_filesz };
}

/* relro: what is read-only after relocation. It may be a part of a segment that is written, or all
 * of one. */
static void look_at(const ElfW(Phdr) * part, uintptr_t bias, struct span relro, struct program *p)
{
    struct span s = span_of(part, bias);
    if (!p->start)
        p->start = s.start;
    if ((part->p_flags & PF_X) && !p->text.end)
        p->text = s;
    if ((part->p_flags & PF_W) && !p->data.end && s.end > relro.end)
        p->data = (struct span){ s.start > relro.end ? s.start : relro.end, s.end };
}

/* A note that is no part of what is loaded cannot be read. */
static bool is_loaded(const ElfW(Phdr) * note, const ElfW(Phdr) * part, const ElfW(Phdr) * end)
{
    for (; part < end; part++)
        if (part->p_type == PT_LOAD && note->p_vaddr >= part->p_vaddr &&
            note->p_filesz <= part->p_filesz &&
            note->p_vaddr - part->p_vaddr <= part->p_filesz - note->p_filesz)
            return true;
    return false;
}

/* Without an entry of the table for itself nobody knows where the program is: the loader was
 * started as the program. */
static struct program find_program(void)
{
    struct program p = { .noted = false };
    struct span relro = { 0, 0 };
    uintptr_t table = given_value(AT_PHDR), bias = 0;
    const ElfW(Phdr) *first = (const void *)table, *end = first + given_value(AT_PHNUM);
    bool placed = false;
    for (const ElfW(Phdr) *part = first; part < end; part++)
        if (part->p_type == PT_PHDR) {
            bias = table - part->p_vaddr;
            placed = true;
        }
    for (const ElfW(Phdr) *part = first; placed && part < end; part++)
        if (part->p_type == PT_GNU_RELRO)
            relro = span_of(part, bias);
    for (const ElfW(Phdr) *part = first; placed && part < end; part++)
        if (part->p_type == PT_LOAD)
            look_at(part, bias, relro, &p);
        else if (part->p_type == PT_NOTE && is_loaded(part, first, end))
            p.noted |= has_note(span_of(part, bias));
    return p;
}

/* Go: src/debug/buildinfo. Go's own linker puts it in front of the data. */
static bool has_build_info(struct span data)
{
    static const char mark[] = "\xff Go buildinf:";
    enum { ALIGN = 16, FAR = 256 };
    uintptr_t at = (data.start + ALIGN - 1) & -(uintptr_t)ALIGN;
    uintptr_t end = data.end > at + FAR ? at + FAR : data.end;
    for (; at < end && end - at >= sizeof mark - 1; at += ALIGN)
        if (memcmp((const void *)at, mark, sizeof mark - 1) == 0)
            return true;
    return false;
}

/* cgo exports that function. */
static bool has_cgo(const struct program *p)
{
    void *found;
    struct linked_name name = { "crosscall2", &found };
    if (!given_libc() || !p->start)
        return false;
    linked_inside_all(p->start, &name, 1);
    return found;
}

bool go_is_program(void)
{
    enum { UNKNOWN, NO, YES };
    static int known;
    if (known == UNKNOWN) {
        struct program p = find_program();
        bool go = p.noted || has_cgo(&p) || (!given_libc() && has_build_info(p.data));
        known = go ? YES : NO;
    }
    return known == YES;
}

uintptr_t go_start(void)
{
    return find_program().start;
}

/* ---- its functions ---- */

enum { INT3 = 0xcc, ALIGNMENT = 16, AROUND = 1024 };

static unsigned char byte_at(uintptr_t at)
{
    return *(const unsigned char *)at;
}

/* Padding to a multiple of 16 bytes begins at the address. */
static bool is_padding(uintptr_t at, uintptr_t end)
{
    do {
        if (at == end)
            return true;
        if (byte_at(at) != INT3)
            return false;
    } while (++at % ALIGNMENT);
    return true;
}

/* The whole functions around an address; empty where no end is found. */
static struct span functions_around(uintptr_t at, struct span text)
{
    struct span s = { at & -(uintptr_t)ALIGNMENT, 0 };
    struct decoded d;
    while (s.start > text.start && at - s.start < AROUND && byte_at(s.start - 1) != INT3)
        s.start -= ALIGNMENT;
    for (uintptr_t to = s.start; to - s.start < 2 * AROUND; to += d.length) {
        if (to > at && is_padding(to, text.end)) {
            s.end = to;
            return s;
        }
        if (!decode((const void *)to, (const void *)text.end, &d))
            break;
    }
    return (struct span){ at, at };
}

/* The next bytes of a system call; the end if there are none. */
static uintptr_t next_call(uintptr_t at, uintptr_t end)
{
    enum { FIRST = 0x0f, SECOND = 0x05 };
    while (at + 1 < end) {
        const void *found = memchr((const void *)at, FIRST, end - 1 - at);
        if (!found)
            break;
        at = (uintptr_t)found;
        if (byte_at(at + 1) == SECOND)
            return at;
        at++;
    }
    return end;
}

/* Large programs have text of 50 MiB. The functions lie within the first one. */
size_t go_sites(const struct site_wish *wish, struct site *sites, size_t max)
{
    enum { FAR = 4 << 20 };
    struct span text = find_program().text;
    size_t n = 0;
    if (text.end - text.start > FAR)
        text.end = text.start + FAR;
    for (uintptr_t at = next_call(text.start, text.end); at < text.end;) {
        struct span s = functions_around(at, text);
        size_t used = n < max ? n : max;
        n += site_find_in(s.start, s.end, wish, sites + used, max - used);
        at = next_call(s.end > at ? s.end : at + 1, text.end);
    }
    return n;
}
