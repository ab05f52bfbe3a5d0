/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * life: the start and the end of the library in a process.
 *
 * The constructor runs before the program's own and after libc's. It needs one mapping and a few
 * small reads. If the kernel refuses them, the program runs as if the library were not there, and
 * one line of the log says so.
 */
#define _GNU_SOURCE
#include "entry/life.h"

#include <string.h>
#include <sys/mman.h>

#include "common/error.h"
#include "common/given.h"
#include "common/libc.h"
#include "common/pages.h"
#include "common/words.h"
#include "disk/filter.h"
#include "entry/call.h"
#include "entry/capabilities.h"
#include "entry/engine.h"
#include "entry/gate.h"
#include "entry/hooks.h"
#include "entry/opens.h"
#include "entry/redirect.h"
#include "entry/sigcalls.h"
#include "entry/signals.h"
#include "kernel/canary.h"
#include "kernel/pool.h"
#include "kernel/sys.h"
#include "limit/cold.h"
#include "sites/go.h"
#include "space/count.h"
#include "space/zone.h"
#include "tell/complaints.h"
#include "tell/log.h"
#include "tell/metrics.h"
#include "tell/options.h"
#include "tell/recordfile.h"
#include "tell/status.h"

#define POOL_AT_START (64UL << 10)
#define CANARY_PAGES 3

/* MAPHERD_CHILDREN=off: takes this library out of LD_PRELOAD in the environment, and leaves the
 * others in. */
static void leave_children_alone(void)
{
    static const char ours[] = "libmapherd.so";
    char *list = getenv("LD_PRELOAD");
    char *out = list;
    while (list && *list) {
        size_t len = strcspn(list, ": ");
        bool own = len >= sizeof ours - 1 &&
                   memcmp(list + len - (sizeof ours - 1), ours, sizeof ours - 1) == 0;
        size_t whole = len + (list[len] != '\0');
        if (!own) {
            memmove(out, list, whole);
            out += whole;
        }
        list += whole;
    }
    if (out)
        *out = '\0';
}

static uint64_t seed(void)
{
    uint64_t random;
    if (sys_getrandom(&random, sizeof random) == sizeof random)
        return random;
    /* libc protects pointers with the sixteen bytes of AT_RANDOM. They are mixed, so that
     * addresses do not show them. */
    const void *given = (const void *)given_value(AT_RANDOM);
    if (given)
        memcpy(&random, given, sizeof random);
    else
        random = 0;
    return (random ^ sys_now_ms()) * 0x9e3779b97f4a7c15u;
}

#define ROOM (1UL << 30)

/* Makes the library's one mapping: the page that fork wipes, the canary, the buffer of scans,
 * the pool. Names the place of the record behind it. */
static bool own_memory(unsigned char **guard)
{
    size_t canary = page_size, buffer = canary + CANARY_PAGES * page_size;
    size_t pool = buffer + page_up(COUNT_BUFFER), pool_len = page_up(POOL_AT_START);
    size_t len = pool + pool_len;
    uintptr_t hint = zone_pick(3 * ROOM); /* the pool grows, and so does the record behind it */
    long at = sys_mmap(hint, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_failed(at))
        return false;
    uintptr_t base = (uintptr_t)at;
    bool wiped = sys_madvise(base, page_size, MADV_WIPEONFORK) == 0;
    *guard = wiped ? (unsigned char *)base : NULL;
    if (sys_mprotect(base + canary, CANARY_PAGES * page_size, PROT_NONE) == 0)
        canary_start(base + canary);
    count_start((char *)base + buffer);
    pool_start(NULL, base + pool, pool_len);
    STATUS_SET(own_start, base);
    recordfile_place(base + 2 * ROOM, ROOM);
    STATUS_SET(own_end, base + 3 * ROOM);
    zone_keep(base, base + 3 * ROOM);
    return true;
}

/* When main returns, exit is called past the hooks. A call of exit in a handler of exit makes
 * glibc go on with the remaining handlers, and end with the new status. */
static void at_exit(int status, void *unused)
{
    (void)unused;
    int instead = engine_status(status);
    if (instead != status)
        exit(instead);
}

/* Whether zeros may be laid over files, so that the exit status may have to change. */
static bool may_convert(void)
{
    static const char word[] = "convert";
    struct option_text rules = options.sigbus, rule;
    size_t n = sizeof word - 1;
    while (words_next(&rules, ',', &rule))
        if (rule.len >= n && memcmp(rule.at + rule.len - n, word, n) == 0)
            return true;
    return false;
}

/* libc's quick_exit does not end by the hook of _exit. This handler of it runs after those of
 * the program, because it is registered before them. */
static void at_quick_end(void)
{
    engine_exit();
}

static void at_quick_end_of_glibc(void *unused)
{
    (void)unused;
    at_quick_end();
}

/* musl has no on_exit: there the exit status stays as it is. */
static void notice_ends(void)
{
    if (__cxa_at_quick_exit)
        __cxa_at_quick_exit(at_quick_end_of_glibc, NULL);
    else if (at_quick_exit)
        at_quick_exit(at_quick_end);
    if (on_exit && exit && may_convert())
        on_exit(at_exit, NULL);
}

/* Of a program without a libc, calls can be seen where Go code makes them. */
static bool is_reachable(void)
{
    return given_libc() || (redirect_may() && go_is_program());
}

/* Handlers of signals, and the cooling that needs one: they come by libc's functions. Go code
 * passes memory to system calls past the hooks, so what is cold would be a bad address there. */
static void start_faults(void)
{
    bool wanted = given_libc() && !words_equal(options.sigbus, words_text("off"));
    signals_start(wanted, wanted ? sigcalls_libc() : NULL);
    redirect_start();
    cold_start(signals_on() && !go_is_program());
    if (options.mode != MODE_OBSERVE && signals_on() && options.seccomp == SECCOMP_START)
        filter_ask_at_start();
}

__attribute__((constructor)) static void start(int argc, char **argv)
{
    life_start(argc, argv);
}

void life_start(int argc, char **argv)
{
    if (!given_start(argc, argv))
        return; /* a program without a libc: the hooks are the plain system calls */
    int saved = error_get();
    unsigned char *guard;
    /* It points into the arguments, which the program may overwrite: each function here copies
     * it. */
    const char *name = given_name();
    page_size = given_value(AT_PAGESZ);
    char *const *variables = given_value(AT_SECURE) ? NULL : given_environ();
    options_read(variables, complaints_add);
    if (!is_reachable())
        return;
    mapherd_status_block.options_len = (uint32_t)options_list(
        variables, mapherd_status_block.options, sizeof mapherd_status_block.options);
    hooks_resolve();
    log_count_lost(&mapherd_status_block.lines_lost);
    log_start(name);
    if (options.children == CHILDREN_OFF)
        leave_children_alone();
    if (!options_choose_program(name)) {
        gate_close(MAPHERD_NOT_CHOSEN);
        error_set(saved);
        return;
    }
    complaints_tell(given_environ());
    zone_start((uintptr_t)__builtin_frame_address(0), seed());
    call_start(given_value(AT_RANDOM));
    if (!own_memory(&guard) || (given_libc() && !gate_at_fork())) {
        log_line(EVENT_no_memory, "the kernel gives no memory: the program runs as if mapherd were "
                                  "not there");
        gate_close(MAPHERD_NO_MEMORY);
        error_set(saved);
        return;
    }
    gate_start(options.mode != MODE_OBSERVE ? MAPHERD_HERDING : MAPHERD_OBSERVING, guard);
    capabilities_start();
    opens_start();
    start_faults();
    if (!given_libc() && !gate_sees_forks())
        gate_close(MAPHERD_NO_WAY);
    notice_ends();
    error_set(saved);
}

/* Other threads still run, so nothing is freed. Their calls pass through from now on. */
__attribute__((destructor)) static void stop(void)
{
    engine_exit();
    gate_close(MAPHERD_EXITING);
}
