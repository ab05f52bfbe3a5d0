/*
 * unwind: the walk, one call after the other.
 */
#define _GNU_SOURCE
#include "unwind/unwind.h"

#include <string.h>

#include "common/fmt.h"
#include "tell/log.h"
#include "unwind/frame.h"
#include "unwind/module.h"
#include "unwind/rowcache.h"

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
    rowcache_find(&w->module, frame_at(&w->frame), &row);
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
            on = frame_from_signal(&w->frame, &w->stack) || frame_by_pointer(&w->frame, &w->stack);
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

static size_t entry(char *out, uintptr_t pc)
{
    struct module m;
    if (!module_find(pc, &m))
        return fmt(out, ENTRY, "0x%lx", pc);
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
    for (size_t i = 0; i < count; i++) {
        size_t len = entry(text, pcs[i]), space = at > 0;
        if (at + space + len >= size)
            break;
        if (space)
            out[at++] = ' ';
        memcpy(out + at, text, len);
        at += len;
    }
    out[at] = '\0';
    return at;
}
