/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * reserve: who is refused the last maps, with which words, and for how long.
 *
 * The limit is 1,000 maps, and 100 of them are kept.
 */
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "entry/engine.h"
#include "entry/gate.h"
#include "fakespace.h"
#include "herd/placement.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/pressure.h"
#include "tell/log.h"
#include "tell/options.h"
#include "world.h"

#define LIMIT 1000
#define RESERVE 100
#define FAR 0x600000000000UL

static char buffer[COUNT_BUFFER];
static int fd;

static void start(void)
{
    world_start();
    fake_backing = true; /* a scan that names files uses memory of its own */
    fake_text("/proc/sys/vm/max_map_count", "1000\n", 0);
    fake_limit = LIMIT;
    log_start("prog");
    options.reserve = (struct option_text){ "100", 3 };
    placement_switch(false);
    gate_start(MAPHERD_HERDING, NULL);
    count_start(buffer);
    fd = fake_open((struct fake_file){ .inode = 10, .size = FAKE_PAGE }, O_RDONLY);
}

static long map(void)
{
    return engine_mmap(0, FAKE_PAGE, PROT_READ, MAP_SHARED, fd, 0);
}

/* Maps files until one is refused. The n that are mapped are in at[]; how many they are then. */
static long at[LIMIT];
static int fill(int n, long *refusal)
{
    while (!sys_failed(at[n] = map()))
        n++;
    *refusal = at[n];
    return n;
}

static void unmap(int n)
{
    assert_int_equal(engine_munmap((uintptr_t)at[n], FAKE_PAGE), 0);
}

static void empty(int n)
{
    while (n > 0)
        unmap(--n);
}

static void the_last_maps_are_not_for_files(void **state)
{
    (void)state;
    start();
    long refusal;
    int n = fill(0, &refusal);
    assert_int_equal(refusal, -ENOMEM);
    assert_in_range(fake_vma_count(), LIMIT - RESERVE, LIMIT - RESERVE + 2);
    long memory = engine_mmap(0, FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_false(sys_failed(memory));
    engine_munmap((uintptr_t)memory, FAKE_PAGE);
    empty(n);
}

/* One map that was given back is one that can be had, though the level stays for a while. */
static void what_is_given_back_can_be_had(void **state)
{
    (void)state;
    start();
    long refusal;
    int n = fill(0, &refusal);
    for (int times = 0; times < 50; times++) {
        unmap(n - 1);
        assert_false(sys_failed(at[n - 1] = map()));
        assert_int_equal(map(), -ENOMEM);
    }
    empty(n);
}

/* What no hook has seen going is found out within a second. */
static void what_went_unseen_is_found_out(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 50; i++)
        sys_mmap(FAR + (uintptr_t)i * 2 * FAKE_PAGE, FAKE_PAGE, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    count_scan();
    long refusal;
    int n = fill(0, &refusal);
    for (int i = 0; i < 50; i++)
        sys_munmap(FAR + (uintptr_t)i * 2 * FAKE_PAGE, FAKE_PAGE);
    assert_int_equal(map(), -ENOMEM);
    fake_now_ms += 1000;
    for (int i = 0; i < 50; i++, n++)
        assert_false(sys_failed(at[n] = map()));
    empty(n);
}

/* A held level reads no list in a call: neither the count nor the answer depends on it. */
static void a_held_level_reads_nothing(void **state)
{
    (void)state;
    const unsigned levels[] = { HOLD_CALM, HOLD_RAISED, HOLD_HIGH };
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++) {
        start();
        options.pressure = levels[i];
        int n = 0;
        while (fake_vma_count() < LIMIT - 20)
            assert_false(sys_failed(at[n++] = map()));
        unsigned opened = fake_calls(FAKE_OPEN);
        for (int more = 0; more < 15; more++)
            assert_false(sys_failed(at[n++] = map()));
        if (fake_calls(FAKE_OPEN) > opened + 2) /* a list and a limit, of a mark */
            fail_msg("level %u: %u files read in 15 calls", levels[i],
                     fake_calls(FAKE_OPEN) - opened);
        empty(n);
    }
    options.pressure = HOLD_NONE;
}

static int filled;
static uint64_t collected_ms;
static unsigned naps;

/* The collection of another thread: it gives back one map at each nap from some time on. */
static void collect(void)
{
    naps++;
    if (fake_now_ms >= collected_ms && filled > 0)
        unmap(--filled);
}

static long start_jvm(void)
{
    start();
    int lib = fake_open((struct fake_file){ .inode = FAKE_LIBJVM, .size = FAKE_PAGE }, O_RDONLY);
    sys_mmap(FAR, FAKE_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, lib, 0);
    static uint64_t story; /* of which each test has its own hours: what was told is remembered */
    fake_now_ms = story += 10000000;
    naps = 0;
    collected_ms = UINT64_MAX;
    fake_meanwhile = collect;
    long refusal;
    filled = fill(0, &refusal);
    return refusal;
}

/* A map that is granted may be collected later. */
static long map_more(void)
{
    long answer = map();
    if (!sys_failed(answer))
        at[filled++] = answer;
    return answer;
}

static void end_jvm(void)
{
    fake_meanwhile = NULL;
    empty(filled);
}

/* From here on the process is a JVM, and stays one. */
static void a_jvm_is_told_to_collect(void **state)
{
    (void)state;
    assert_int_equal(start_jvm(), -ENOMEM); /* at once: the order to collect */
    assert_int_equal(naps, 0);
    /* The second try waits, for longer than the JDK does; what comes back it gets. */
    collected_ms = fake_now_ms + 1500;
    int before = filled;
    assert_false(sys_failed(map_more()));
    assert_int_equal(filled, before); /* one went, one came */
    assert_in_range(naps, 150, 152);
    /* The next one waits, too, while the maps come back one by one. */
    for (int i = 0; i < 200; i++)
        assert_false(sys_failed(map_more()));
    assert_int_equal(mapherd_status_block.pressure, PRESSURE_FULL);
    end_jvm();
}

/* Nothing comes back: the second try is told so, in a bounded time; the next one collects. */
static void a_jvm_that_holds_all_of_them(void **state)
{
    (void)state;
    assert_int_equal(start_jvm(), -ENOMEM);
    uint64_t before = fake_now_ms;
    assert_int_equal(map_more(), -ENOMEM);
    assert_in_range(fake_now_ms - before, 1900, 2100);
    /* Another thread, whose collection is not worth it yet, until three seconds have passed. */
    before = fake_now_ms;
    assert_int_equal(map_more(), -ENOMEM);
    assert_in_range(fake_now_ms - before, 900, 1100);
    naps = 0;
    assert_int_equal(map_more(), -ENOMEM); /* its second try */
    assert_in_range(naps, 190, 210);
    end_jvm();
}

/* The last collection has given all it had, and the level is full again: worth another one at once. */
static void a_jvm_that_fills_up_again(void **state)
{
    (void)state;
    assert_int_equal(start_jvm(), -ENOMEM);
    collected_ms = 0;
    assert_false(sys_failed(map_more()));
    for (int i = 0; i < 40; i++)
        assert_false(sys_failed(map_more()));
    collected_ms = UINT64_MAX;
    uint64_t before = fake_now_ms;
    assert_int_equal(map_more(), -ENOMEM);
    assert_in_range(fake_now_ms - before, 0, 200);
    end_jvm();
}

/* A second try that finds room at once is over, too: the next refusal is a first one, to which a
 * collection is the answer, and the try after it waits. */
static void a_jvm_that_finds_room_at_once(void **state)
{
    (void)state;
    assert_int_equal(start_jvm(), -ENOMEM);
    for (int i = 0; i < 40; i++)
        unmap(--filled);
    for (int i = 0; i < 40; i++)
        assert_false(sys_failed(map_more()));
    assert_int_equal(naps, 0);
    fake_now_ms += 5000;
    assert_int_equal(map_more(), -ENOMEM);
    assert_int_equal(naps, 0);
    collected_ms = fake_now_ms + 1500;
    assert_false(sys_failed(map_more()));
    end_jvm();
}

/* A level that is held does not fall: no wait can help. */
static void a_jvm_held_at_full(void **state)
{
    (void)state;
    start_jvm();
    options.pressure = HOLD_FULL;
    naps = 0;
    assert_int_equal(map_more(), -ENOMEM);
    assert_int_equal(map_more(), -ENOMEM);
    assert_int_equal(naps, 0);
    options.pressure = HOLD_NONE;
    end_jvm();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_maps_are_not_for_files),
        cmocka_unit_test(what_is_given_back_can_be_had),
        cmocka_unit_test(what_went_unseen_is_found_out),
        cmocka_unit_test(a_held_level_reads_nothing),
        cmocka_unit_test(a_jvm_is_told_to_collect),
        cmocka_unit_test(a_jvm_that_holds_all_of_them),
        cmocka_unit_test(a_jvm_that_fills_up_again),
        cmocka_unit_test(a_jvm_that_finds_room_at_once),
        cmocka_unit_test(a_jvm_held_at_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
