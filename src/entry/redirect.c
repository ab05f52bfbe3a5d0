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
#include <sys/mman.h>

#include "common/given.h"
#include "common/libc.h"
#include "common/linked.h"
#include "entry/direct.h"
#include "entry/gate.h"
#include "kernel/procstat.h"
#include "kernel/sys.h"
#include "sites/go.h"
#include "sites/gostubs.h"
#include "sites/site.h"
#include "sites/stubs.h"
#include "sites/text.h"
#include "space/zone.h"
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
    unsigned done;    /* how many are redirected */
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

/* The fork comes first: without it no other site may be redirected. */
static void redirect_all(int mem, struct found *f)
{
    if (!redirect(mem, &f->sites[f->fork]))
        return;
    gate_forks_by_call();
    f->done = 1;
    for (unsigned i = 0; i < f->count; i++)
        f->done += i != f->fork && redirect(mem, &f->sites[i]);
}

static void redirect_libc(int mem, struct found *f)
{
    struct module libc;
    uintptr_t inside = (uintptr_t)linked_libc("gnu_get_libc_version"); /* musl has none */
    if (!inside || !module_find(inside, &libc) || !direct_redirect(libc.start, libc.end))
        return;
    find(&libc, inside, f);
    if (mem >= 0 && f->fork != MOST)
        redirect_all(mem, f);
}

/* ---- a Go program ---- */

/* False: the kernel gives no memory, or Go's threads cannot be served. */
static bool prepare_go(struct text_bridges *bridges)
{
    uintptr_t stacks = zone_pick(GOSTUBS_BYTES + GOSTUBS_EACH) & -GOSTUBS_EACH;
    long at = sys_mmap(stacks, GOSTUBS_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (sys_failed(at))
        return false;
    sys_madvise((uintptr_t)at, GOSTUBS_BYTES, MADV_NOHUGEPAGE); /* few pages of each are used */
    if (direct_redirect_go((uintptr_t)at) && text_bridges(bridges, go_start()))
        return true;
    sys_munmap((uintptr_t)at, GOSTUBS_BYTES);
    return false;
}

/* A fork of Go code comes by the same site as its other calls. So without libc's sites nothing is
 * redirected, where there is a libc. */
static void redirect_go(int mem, struct found *f)
{
    struct site_wish wish = { direct_go_numbers, STUBS_NUMBERS, true };
    struct site *sites = f->sites + f->count;
    struct text_bridges bridges;
    size_t room = MOST - f->count, n = go_sites(&wish, sites, room);
    if (n > room)
        n = room;
    f->count += (unsigned)n;
    if (mem < 0 || (given_libc() && !gate_sees_forks()) || !prepare_go(&bridges))
        return;
    gate_forks_by_call();
    for (size_t i = 0; i < n; i++) {
        uintptr_t stub = sites[i].fits ? gostubs_take(sites + i) : 0;
        f->done += stub && text_jump_far(mem, &bridges, sites[i].from, stub);
    }
}

bool redirect_may(void)
{
    return options.sites != SITES_OFF && options.mode == MODE_PROTECT && !is_watched();
}

void redirect_start(void)
{
    struct found f = { .count = 0, .fork = MOST };
    if (!redirect_may())
        return;
    int mem = is_alone() ? text_open() : -1;
    redirect_libc(mem, &f);
    if (go_is_program())
        redirect_go(mem, &f);
    if (mem >= 0)
        text_close(mem);
    STATUS_SET(sites, f.done);
    STATUS_SET(sites_left, f.count + f.missing - f.done);
}
