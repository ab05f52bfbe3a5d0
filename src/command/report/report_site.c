/*
 * report_site: the function in a stack that a reader should look at.
 */
#define _GNU_SOURCE
#include <string.h>

#include "command/report/report.h"

static bool starts(const char *text, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(text, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

/* Code that others call to do their work: a call in it does not show what leaks. */
static bool is_plumbing(const struct symbol *s)
{
    static const char *const classes[] = { "java.", "javax.", "jdk.", "sun.", "com.sun.", NULL };
    static const char *const libraries[] = {
        "libc.so",    "libc-",        "ld-",    "libpthread",    "libjvm.so", "libnio.so",
        "libjava.so", "libstdc++.so", "libc++", "libmapherd.so", "[",         NULL,
    };
    if (s->java)
        return starts(s->function, classes);
    const char *base = strrchr(s->module, '/');
    return !s->module[0] || starts(base ? base + 1 : s->module, libraries);
}

/* The length of a method's package, of three parts at most: "com.example.shop" of
 * com.example.shop.cart.Store.sync; 0 for a class without one. */
static size_t package_len(const char *method)
{
    size_t len = 0;
    for (int part = 0; part < 3; part++) {
        size_t next = len + strcspn(method + len, ".");
        const char *rest = method[next] ? strchr(method + next + 1, '.') : NULL;
        if (!rest) /* what is left is the class and the method */
            return len ? len - 1 : 0;
        len = next + 1;
    }
    return len - 1;
}

/* Of one library or program, or of one Java package. */
static bool belong_together(const struct symbol *a, const struct symbol *b)
{
    if (a->java != b->java || !a->java)
        return a->java == b->java && strcmp(a->module, b->module) == 0;
    size_t len = package_len(a->function);
    return len == package_len(b->function) && strncmp(a->function, b->function, len) == 0;
}

/* Takes the functions of a stack one by one, innermost first; true: enough. */
static bool take(const struct symbol *s, const struct symbol **site, const struct symbol **caller)
{
    if (!*site && !is_plumbing(s)) {
        *site = s;
        return !caller;
    }
    if (!*site || is_plumbing(s) || belong_together(*site, s))
        return false;
    *caller = s;
    return true;
}

const struct symbol *report_site(const struct report *r, uint32_t stack,
                                 const struct symbol **caller)
{
    size_t depth, n;
    const uint64_t *frames = record_stack(r->live.record, stack, &depth);
    const struct symbol *first = NULL, *site = NULL;
    if (caller)
        *caller = NULL;
    for (size_t i = 0; i < depth; i++) {
        const struct symbol *s = symbols_frame(r->live.symbols, frames[i], &n);
        for (size_t k = 0; k < n; k++) {
            if (s[k].own)
                continue;
            if (!first)
                first = &s[k];
            if (take(&s[k], &site, caller))
                return site;
        }
    }
    return site ? site : first;
}
