/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * redirect: see redirect.h.
 */
#define _GNU_SOURCE
#include "entry/redirect.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/libc.h"
#include "common/linked.h"
#include "entry/direct.h"
#include "entry/gate.h"
#include "kernel/procstat.h"
#include "sites/site.h"
#include "sites/stubs.h"
#include "sites/text.h"
#include "tell/options.h"
#include "tell/status.h"

/* Where libc has the sites. The fork is in _Fork since glibc 2.34, and was in fork before. */
static const char *const functions[] = { "_Fork",   "fork",          "mmap",    "munmap",
                                         "mremap",  "mprotect",      "madvise", "posix_madvise",
                                         "mincore", "pkey_mprotect", "mlock",   "mlock2",
                                         "munlock", "mlockall",      "shmat",   "munlockall",
                                         "syscall" };
enum { FUNCTIONS = sizeof functions / sizeof *functions, FORKS = 2, MOST = 64 };

struct found {
    struct site sites[MOST];
    unsigned count;
    unsigned missing; /* functions without one */
    unsigned fork;    /* the index of that of the fork; MOST: there is none that fits */
};

static void add(struct found *f, const struct site *sites, size_t n, bool forks)
{
    for (size_t i = 0; i < n && f->count < MOST; i++) {
        if (forks && sites[i].fits)
            f->fork = f->count;
        f->sites[f->count++] = sites[i];
    }
}

static void find(const struct module *libc, uintptr_t inside, struct found *f)
{
    enum { EACH = 4 };
    struct site sites[EACH];
    uintptr_t addresses[FUNCTIONS];
    struct linked_name names[FUNCTIONS];
    size_t forks = 0;
    for (size_t i = 0; i < FUNCTIONS; i++)
        names[i] = (struct linked_name){ functions[i], &addresses[i] };
    linked_inside_all(inside, names, FUNCTIONS);
    f->count = f->missing = 0;
    f->fork = MOST;
    for (size_t i = 0; i < FUNCTIONS; i++) {
        struct site_wish wish = { direct_known_numbers, STUBS_NUMBERS,
                                  strcmp(functions[i], "syscall") == 0 };
        if (!addresses[i])
            continue;
        size_t n = site_find(libc, addresses[i], &wish, sites, EACH);
        add(f, sites, n < EACH ? n : EACH, i < FORKS);
        if (i < FORKS)
            forks += n;
        else
            f->missing += !n;
    }
    f->missing += !forks;
}

/* valgrind and sanitizers look after the calls of the program themselves, and know libc. */
static bool is_watched(void)
{
    return _vgnU_freeres || __asan_init || __hwasan_init || __tsan_init || __msan_init;
}

/* Another thread could run what is changed, and a debugger could be about to change it. */
static bool is_alone(void)
{
    enum { THREADS, TRACER };
    struct procstat wanted[] = { { "Threads", 0, false }, { "TracerPid", 0, false } };
    procstat_read("/proc/self/status", wanted, sizeof wanted / sizeof *wanted);
    return wanted[THREADS].value == 1 && wanted[TRACER].value == 0;
}

static bool redirect(int mem, const struct site *s)
{
    uintptr_t stub = s->fits ? stubs_take(s) : 0;
    return stub && text_jump(mem, s->from, stub);
}

/* The fork comes first: without it no other site may be redirected. Returns how many are. */
static unsigned redirect_all(const struct found *f)
{
    int mem = text_open();
    unsigned done = 0;
    if (mem < 0)
        return 0;
    if (redirect(mem, &f->sites[f->fork])) {
        gate_forks_by_call();
        done = 1;
        for (unsigned i = 0; i < f->count; i++)
            done += i != f->fork && redirect(mem, &f->sites[i]);
    }
    text_close(mem);
    return done;
}

void redirect_start(void)
{
    struct found f;
    struct module libc;
    if (options.sites == SITES_OFF || options.mode != MODE_PROTECT || is_watched())
        return;
    uintptr_t inside = (uintptr_t)linked_libc("gnu_get_libc_version"); /* musl has none */
    if (!inside || !module_find(inside, &libc) || !direct_redirect(libc.start, libc.end))
        return;
    find(&libc, inside, &f);
    unsigned done = f.fork != MOST && is_alone() ? redirect_all(&f) : 0;
    STATUS_SET(sites, done);
    STATUS_SET(sites_left, f.count + f.missing - done);
}
