/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * unwind: the walk, one call after the other, and the rows that it has found last.
 */
#define _GNU_SOURCE
#include "unwind/unwind.h"

#include <string.h>

#include "common/fmt.h"
#include "tell/log.h"
#include "unwind/cfi.h"
#include "unwind/frame.h"
#include "unwind/jitmap.h"
#include "unwind/module.h"

/* ---- the CFI rows of the pcs that were looked up last, for all threads ---- */

/*
 * A row takes a search and a run of a small program (0.3 us). The pcs that map memory are few, and
 * occur again. So a table has one slot for each hash. A slot has a number that is odd while the
 * slot is written. A reader that finds it odd, or changed, takes the slot for empty. So no thread
 * waits. Where a signal handler interrupts a writer, or a fork happens meanwhile, one slot cannot
 * be used until the write ends.
 *
 * A row is kept together with the address of the module's search table. So a module that is loaded
 * later at the same place is not confused with the earlier one, unless its table has the same
 * address too.
 */
enum { SLOTS_LOG2 = 10, ROW_WORDS = sizeof(struct cfi_row) / 8 };

static struct slot {
    uint64_t turn; /* odd while the slot is written */
    uintptr_t pc;
    uintptr_t tables;
    uint64_t word[ROW_WORDS];
} slots[1 << SLOTS_LOG2];

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static bool recall(const struct slot *s, uintptr_t tables, uintptr_t pc, struct cfi_row *row)
{
    uint64_t turn = __atomic_load_n(&s->turn, __ATOMIC_ACQUIRE);
    if (turn & 1 || load(&s->pc) != pc || load(&s->tables) != tables)
        return false;
    /* Acquire: none of these reads happens after the last read of turn. */
    for (unsigned i = 0; i < ROW_WORDS; i++)
        ((uint64_t *)row)[i] = __atomic_load_n(&s->word[i], __ATOMIC_ACQUIRE);
    return load(&s->turn) == turn;
}

static void remember(struct slot *s, uintptr_t tables, uintptr_t pc, const struct cfi_row *row)
{
    uint64_t turn = load(&s->turn);
    if (turn & 1 || !__atomic_compare_exchange_n(&s->turn, &turn, turn + 1, false, __ATOMIC_ACQUIRE,
                                                 __ATOMIC_RELAXED))
        return;
    /* Release: a reader that sees one of these writes sees the odd number too. */
    __atomic_store_n(&s->pc, pc, __ATOMIC_RELEASE);
    __atomic_store_n(&s->tables, tables, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < ROW_WORDS; i++)
        __atomic_store_n(&s->word[i], ((const uint64_t *)row)[i], __ATOMIC_RELEASE);
    __atomic_store_n(&s->turn, turn + 2, __ATOMIC_RELEASE);
}

/* Finds the row of a pc as cfi_find does, in the cache if it is there, and keeps it. */
static void find_row(const struct module *m, uintptr_t pc, struct cfi_row *row)
{
    struct slot *s = &slots[pc * 0x9e3779b97f4a7c15u >> (64 - SLOTS_LOG2)];
    uintptr_t tables = (uintptr_t)m->unwind;
    if (recall(s, tables, pc, row))
        return;
    memset(row, 0, sizeof *row);
    cfi_find(m, pc, row);
    remember(s, tables, pc, row);
}

/* ---- the walk ---- */

struct walk {
    struct frame frame;
    struct reach stack;
    struct module module; /* the last one found: neighbours in a stack are often in the same */
};

/* Finds the module that the frame is in. */
static bool find_module(struct walk *w)
{
    uintptr_t at = frame_at(&w->frame);
    return (at >= w->module.start && at < w->module.end) || module_find(at, &w->module);
}

/* True if there can be code at the pc. */
static bool is_there(const struct walk *w)
{
    struct reach code = { 0, 0 };
    return reach_span(&code, frame_at(&w->frame), 1);
}

static bool by_row(struct walk *w)
{
    struct cfi_row row;
    find_row(&w->module, frame_at(&w->frame), &row);
    if (row.signal && frame_from_signal(&w->frame, &w->stack))
        return true;
    if (row.cfa_reg != CFI_NO_ROW)
        return cfi_apply(&w->module, &row, &w->frame, &w->stack);
    return frame_from_signal(&w->frame, &w->stack) || frame_by_pointer(&w->frame, &w->stack);
}

/* Returns the pcs of the walk's frame and its callers, at most max. */
static size_t climb(struct walk *w, uintptr_t *pcs, size_t max)
{
    size_t n = 0;
    bool on = true;
    while (on && n < max) {
        bool known = find_module(w), there = known || is_there(w);
        if (!there && !w->frame.exact)
            break; /* no function returns to an address without code */
        pcs[n++] = frame_at(&w->frame);
        if (n == max)
            break;
        if (known)
            on = by_row(w);
        else if (there)
            on = frame_from_signal(&w->frame, &w->stack) ||
                 frame_by_epilogue(&w->frame, &w->stack) || frame_by_pointer(&w->frame, &w->stack);
        else
            on = frame_by_bad_call(&w->frame, &w->stack);
    }
    return n;
}

size_t unwind_context(const void *ucontext, uintptr_t *pcs, size_t max)
{
    struct walk w;
    memset(&w, 0, sizeof w);
    frame_from_context(&w.frame, ucontext);
    return climb(&w, pcs, max);
}

/* It is out of line and makes no tail call: the walk starts with its own frame, and leaves that
 * out. */
__attribute__((noinline)) size_t unwind_here(uintptr_t *pcs, size_t max)
{
    struct walk w;
    w.module.start = w.module.end = 0;
    FRAME_HERE(&w.frame);
    reach_own(&w.stack, w.frame.reg[FRAME_SP]);
    bool left = find_module(&w) ? by_row(&w) : frame_by_pointer(&w.frame, &w.stack);
    return left ? climb(&w, pcs, max) : 0;
}

/* ---- addresses as text: the command can look up the names of functions later ---- */

#define ENTRY 300 /* a file's name has 255 bytes at most */
#define PLAIN 32  /* a usual entry without a name */
#define NAMES 24

/* Names of code that belongs to no file. They take more space than the stack of a handler has. */
static struct {
    bool busy; /* an addresses' text is being made with them */
    struct jitmap_name at[NAMES];
    size_t n;
} names;

/* Looks the names up. False if they are in use: in a handler that has interrupted their user, and
 * while another thread has them. */
static bool find_names(const uintptr_t *pcs, size_t count)
{
    struct module m;
    if (__atomic_exchange_n(&names.busy, true, __ATOMIC_ACQUIRE))
        return false;
    names.n = 0;
    for (size_t i = 0; i < count && names.n < NAMES; i++)
        if (!module_find(pcs[i], &m))
            names.at[names.n++].pc = pcs[i];
    jitmap_find(names.at, names.n);
    return true;
}

static const char *name_of(uintptr_t pc)
{
    for (size_t i = 0; i < names.n; i++)
        if (names.at[i].pc == pc)
            return names.at[i].text;
    return "";
}

static size_t entry(char *out, uintptr_t pc, bool named)
{
    struct module m;
    if (!module_find(pc, &m)) {
        const char *name = named ? name_of(pc) : "";
        return fmt(out, ENTRY, *name ? "0x%lx(%s)" : "0x%lx%s", pc, name);
    }
    const char *name = m.path;
    if (!name || !*name)
        name = log_name(); /* the module of the program has no path */
    for (const char *c = name; *c; c++)
        if (*c == '/' && c[1])
            name = c + 1;
    size_t at = 0;
    /* A space or a newline in a name would make two of it. */
    for (; *name && at < 255; name++)
        out[at++] = (unsigned char)*name > ' ' && *name != 0x7f ? *name : '?';
    return at + fmt(out + at, ENTRY - at, "+0x%lx", pc - m.bias);
}

size_t unwind_text(char *out, size_t size, const uintptr_t *pcs, size_t count)
{
    char text[ENTRY];
    size_t at = 0;
    bool named = find_names(pcs, count);
    for (size_t i = 0; i < count; i++) {
        /* A name leaves room for the callers. */
        bool room = at + ENTRY + (count - i) * PLAIN < size;
        size_t len = entry(text, pcs[i], named && room), space = at > 0;
        if (at + space + len >= size)
            break;
        if (space)
            out[at++] = ' ';
        memcpy(out + at, text, len);
        at += len;
    }
    if (named)
        __atomic_store_n(&names.busy, false, __ATOMIC_RELEASE);
    out[at] = '\0';
    return at;
}
