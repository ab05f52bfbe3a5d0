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

/* The number of the call, if that is loaded by an instruction directly in front: mov $number, %eax,
 * or mov $number, %rax, as Go's assembler has it. */
static long number_before(const unsigned char *syscall, unsigned length)
{
    static const unsigned char eax[] = { 0xb8 }, rax[] = { 0x48, 0xc7, 0xc0 };
    const unsigned char *front = syscall - length;
    int32_t number;
    if (!(length == sizeof eax + sizeof number && memcmp(front, eax, sizeof eax) == 0) &&
        !(length == sizeof rax + sizeof number && memcmp(front, rax, sizeof rax) == 0))
        return SITE_ANY;
    memcpy(&number, syscall - sizeof number, sizeof number);
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

/* Chooses what is replaced, and sets all but fits, number and caller. front: the length of the
 * instruction in front of the system call. False: there is nothing. */
static bool place_jump(const struct code *code, uintptr_t at, unsigned front, struct site *s)
{
    enum { COMPARISON = 6 };
    int32_t bound = 0;
    bool compared = compares(code, at + SYSCALL, &bound), known = s->number != SITE_ANY;
    s->from = compared ? at : at - front;
    s->back = at + SYSCALL + (compared ? COMPARISON : 0);
    s->closed = (known ? at - front : s->from) + 1;
    s->bound = bound;
    return compared || (known && s->from != code->start);
}

/* False: the tables do not count from the stack pointer. Where there are no tables, nobody asks for
 * the caller. */
static bool find_caller(const struct module *m, uintptr_t at, long *caller)
{
    struct cfi_row row;
    *caller = 0;
    if (!m)
        return true;
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
            s.fits = place_jump(code, at, before, &s) && known;
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

/* Code that the function jumps to, and that is not its own: another function, which it ends in, or
 * a part of itself that the compiler has put elsewhere. */
static bool is_harmless(const struct code *outside, const struct site *s)
{
    struct decoded d;
    for (uintptr_t at = outside->start; at < outside->end; at += d.length)
        if (!decode_at(outside, at, &d) || d.kind == DECODE_INDIRECT)
            return false;
    return !jumps_to(outside, s->closed, s->back);
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
    return s->fits && !jumps_to(code, s->closed, s->back) && leaves_harmlessly(code, s) &&
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

/* ---- code without tables ---- */

static bool jumps_indirectly(const struct code *code)
{
    struct decoded d;
    for (uintptr_t at = code->start; at < code->end; at += d.length)
        if (!decode_at(code, at, &d) || d.kind == DECODE_INDIRECT)
            return true;
    return false;
}

size_t site_find_in(uintptr_t start, uintptr_t end, const struct site_wish *wish,
                    struct site *sites, size_t max)
{
    struct code code = { NULL, start, end };
    size_t n = list(&code, wish, sites, max);
    if (n == SIZE_MAX)
        return 0;
    for (size_t i = 0; i < n && i < max; i++)
        sites[i].fits = sites[i].fits && !jumps_to(&code, sites[i].closed, sites[i].back) &&
                        !jumps_indirectly(&code);
    return n;
}
