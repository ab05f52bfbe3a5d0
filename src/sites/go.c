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
#include "sites/decode.h"

struct span {
    uintptr_t start, end;
};

/* ---- the program ---- */

struct program {
    bool noted; /* it has the note */
    uintptr_t start;
    struct span text;
    uintptr_t data; /* behind what is read-only after relocation, or the start of what is written */
    uintptr_t data_end;
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

static void look_at(const ElfW(Phdr) * part, uintptr_t bias, struct program *p)
{
    struct span s = { bias + part->p_vaddr, bias + part->p_vaddr + part->p_filesz };
    if (part->p_type == PT_NOTE)
        p->noted |= has_note(s);
    if (part->p_type == PT_GNU_RELRO)
        p->data = s.end;
    if (part->p_type != PT_LOAD)
        return;
    if (!p->start)
        p->start = s.start;
    if ((part->p_flags & PF_X) && !p->text.end)
        p->text = s;
    if (part->p_flags & PF_W)
        p->data_end = s.end;
    if ((part->p_flags & PF_W) && !p->data)
        p->data = s.start;
}

/* Without an entry of the table for itself nobody knows where the program is: the loader was
 * started as the program. */
static struct program find_program(void)
{
    struct program p = { .noted = false };
    uintptr_t table = given_value(AT_PHDR), bias = 0;
    const ElfW(Phdr) *part = (const void *)table, *end = part + given_value(AT_PHNUM);
    while (part < end && part->p_type != PT_PHDR)
        part++;
    if (part < end)
        bias = table - part->p_vaddr;
    for (part = part < end ? (const void *)table : end; part < end; part++)
        look_at(part, bias, &p);
    return p;
}

/* Go: src/debug/buildinfo. The linker puts it in front of the data. */
static bool has_build_info(const struct program *p)
{
    static const char mark[] = "\xff Go buildinf:";
    enum { ALIGN = 16, FAR = 64 << 10 };
    uintptr_t at = (p->data + ALIGN - 1) & -(uintptr_t)ALIGN, end = p->data_end;
    if (end > at + FAR)
        end = at + FAR;
    for (; at < end && end - at >= sizeof mark - 1; at += ALIGN)
        if (memcmp((const void *)at, mark, sizeof mark - 1) == 0)
            return true;
    return false;
}

bool go_is_program(void)
{
    struct program p = find_program();
    return p.noted || has_build_info(&p);
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
