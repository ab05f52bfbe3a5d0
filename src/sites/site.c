/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * site: see site.h.
 */
#define _GNU_SOURCE
#include "sites/site.h"

#include <string.h>

#include "sites/decode.h"
#include "unwind/cfi.h"

enum { LARGEST = 4096 }; /* bytes of a function that is understood; fork has some 500 */

/* Code with one entry in the tables for the unwinder. */
struct code {
    const struct module *module;
    uintptr_t start, end;
};

static bool find_code(const struct module *m, uintptr_t at, struct code *code)
{
    code->module = m;
    return at >= m->start && at < m->end && cfi_function(m, at, &code->start, &code->end);
}

static bool decode_at(const struct code *code, uintptr_t at, struct decoded *d)
{
    return decode((const unsigned char *)at, (const unsigned char *)code->end, d);
}

/* ---- what is around the system call ---- */

enum { SYSCALL = 2 }; /* its length */

/* The number of the call, if that is loaded by an instruction directly in front. */
static long number_before(const unsigned char *syscall, unsigned length)
{
    enum { MOV_EAX = 0xb8 };
    int32_t number;
    if (length != SITE_JUMP || syscall[-SITE_JUMP] != MOV_EAX)
        return SITE_ANY;
    memcpy(&number, syscall - SITE_JUMP + 1, sizeof number);
    return number;
}

/* cmp $bound, %rax, as libc has it. */
static bool compares(const struct code *code, uintptr_t at, int32_t *bound)
{
    static const unsigned char compare[] = { 0x48, 0x3d };
    if (code->end - at < sizeof compare + sizeof *bound ||
        memcmp((const void *)at, compare, sizeof compare) != 0)
        return false;
    memcpy(bound, (const void *)(at + sizeof compare), sizeof *bound);
    return *bound == -4095 || *bound == -4096;
}

/* Chooses what is replaced, and sets all but fits and number. False: there is nothing. */
static bool place_jump(const struct code *code, uintptr_t at, struct site *s)
{
    enum { COMPARISON = 6 };
    int32_t bound = 0;
    bool compared = compares(code, at + SYSCALL, &bound);
    s->from = compared ? at : at - SITE_JUMP;
    s->back = at + SYSCALL + (compared ? COMPARISON : 0);
    s->bound = bound;
    return compared || (s->number != SITE_ANY && s->from != code->start);
}

/* False: the tables do not count from the stack pointer. */
static bool find_caller(const struct module *m, uintptr_t at, long *caller)
{
    struct cfi_row row;
    cfi_find(m, at, &row);
    *caller = row.cfa_value - (long)sizeof(uintptr_t);
    return row.cfa_reg == FRAME_SP;
}

static bool is_wanted(const struct site_wish *wish, long number)
{
    return number < 0 ? wish->any : number < wish->numbers && wish->wanted[number];
}

static size_t list(const struct code *code, const struct site_wish *wish, struct site *sites,
                   size_t max)
{
    struct decoded d;
    size_t n = 0;
    unsigned before = 0; /* the length of the instruction before */
    for (uintptr_t at = code->start; at < code->end; at += before) {
        if (!decode_at(code, at, &d))
            return SIZE_MAX;
        if (d.kind == DECODE_SYSCALL) {
            struct site s = { .number = number_before((const unsigned char *)at, before) };
            bool known = find_caller(code->module, at, &s.caller);
            s.fits = place_jump(code, at, &s) && known;
            if (is_wanted(wish, s.number) && n++ < max)
                sites[n - 1] = s;
        }
        before = d.length;
    }
    return n;
}

/* ---- may the bytes be replaced ---- */

/* A jump or a call of the code to [low, high). */
static bool jumps_to(const struct code *code, uintptr_t low, uintptr_t high)
{
    struct decoded d;
    for (uintptr_t at = code->start; at < code->end; at += d.length) {
        if (!decode_at(code, at, &d))
            return true;
        if ((d.kind == DECODE_BRANCH || d.kind == DECODE_CALL) && d.target >= low &&
            d.target < high)
            return true;
    }
    return false;
}

/* From behind the start of the number on, a jump must not lead there. */
static uintptr_t closed_from(const struct site *s)
{
    bool in_front = s->back - s->from == SITE_JUMP + SYSCALL;
    return s->number == SITE_ANY ? s->from + 1 : s->from - (in_front ? 0 : SITE_JUMP) + 1;
}

/* Code that the function jumps to, and that is not its own: another function, which it ends in, or
 * a part of itself that the compiler has put elsewhere. */
static bool is_harmless(const struct code *outside, const struct site *s)
{
    struct decoded d;
    for (uintptr_t at = outside->start; at < outside->end; at += d.length)
        if (!decode_at(outside, at, &d) || d.kind == DECODE_INDIRECT)
            return false;
    return !jumps_to(outside, closed_from(s), s->back);
}

static bool leaves_harmlessly(const struct code *code, const struct site *s)
{
    struct decoded d;
    struct code outside;
    for (uintptr_t at = code->start; at < code->end; at += d.length) {
        if (!decode_at(code, at, &d) || d.kind == DECODE_INDIRECT)
            return false;
        if (d.kind != DECODE_BRANCH || (d.target >= code->start && d.target < code->end))
            continue;
        if (!find_code(code->module, d.target, &outside) || !is_harmless(&outside, s))
            return false;
    }
    return true;
}

/* ---- are vector registers in use ---- */

/* The instructions of a function that can run after one which uses a vector register: a bit for
 * each byte. */
struct reached {
    const struct code *code;
    unsigned char bits[LARGEST / 8];
    bool changed;
};

static bool is_reached(const struct reached *r, uintptr_t at)
{
    uintptr_t n = at - r->code->start;
    return r->bits[n / 8] >> n % 8 & 1;
}

static void reach(struct reached *r, uintptr_t at)
{
    if (at < r->code->start || at >= r->code->end || is_reached(r, at))
        return;
    uintptr_t n = at - r->code->start;
    r->bits[n / 8] |= (unsigned char)(1 << n % 8);
    r->changed = true;
}

/* The function jumps to code outside, perhaps after a vector instruction: that code may have one
 * too, and may jump back. */
static void reach_through(struct reached *r, uintptr_t target, bool after)
{
    struct decoded d;
    struct code outside;
    bool known = find_code(r->code->module, target, &outside);
    for (uintptr_t at = outside.start; known && at < outside.end; at += d.length) {
        known = decode_at(&outside, at, &d);
        after |= d.vector;
    }
    for (uintptr_t at = outside.start; known && after && at < outside.end; at += d.length) {
        decode_at(&outside, at, &d);
        if (d.kind == DECODE_BRANCH)
            reach(r, d.target);
    }
}

/* Whether a vector register may have a value at the site that is needed behind it. A call in
 * between does not matter: the compiler may know that it leaves the register alone. */
static bool has_vectors(const struct code *code, const struct site *s)
{
    struct reached r = { .code = code, .changed = true };
    struct decoded d;
    if (code->end - code->start > LARGEST)
        return true;
    while (r.changed) {
        r.changed = false;
        for (uintptr_t at = code->start; at < code->end; at += d.length) {
            if (!decode_at(code, at, &d))
                return true;
            bool after = d.vector || is_reached(&r, at);
            if (d.kind == DECODE_BRANCH && (d.target < code->start || d.target >= code->end))
                reach_through(&r, d.target, after);
            else if (d.kind == DECODE_BRANCH && after)
                reach(&r, d.target);
            if (after && !d.last)
                reach(&r, at + d.length);
        }
    }
    return is_reached(&r, s->from);
}

static bool fits(const struct code *code, const struct site *s)
{
    return s->fits && !jumps_to(code, closed_from(s), s->back) && leaves_harmlessly(code, s) &&
           !has_vectors(code, s);
}

size_t site_find(const struct module *m, uintptr_t function, const struct site_wish *wish,
                 struct site *sites, size_t max)
{
    struct code code;
    size_t n = find_code(m, function, &code) ? list(&code, wish, sites, max) : SIZE_MAX;
    if (n == SIZE_MAX && max) {
        sites[0] = (struct site){ .from = function, .number = SITE_ANY };
        return 1;
    }
    for (size_t i = 0; i < n && i < max; i++)
        sites[i].fits = fits(&code, &sites[i]);
    return n;
}
