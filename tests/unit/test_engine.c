/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * engine: random calls of all kinds, compared page by page with what the program may expect
 * (script.h).
 */
#define _GNU_SOURCE
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "entry/engine.h"
#include "entry/gate.h"
#include "kernel/lock.h"
#include "script.h"
#include "space/count.h"
#include "tell/log.h"
#include "tell/options.h"
#include "world.h"

#define STEPS 8000
#define RW (PROT_READ | PROT_WRITE)

/* What a refused call would have removed is still there, and counts. */
static void refused_often(void)
{
    long at = engine_mmap(0, FAKE_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fake_fail(FAKE_MMAP, 0, -EACCES);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(
            engine_mmap((uintptr_t)at, FAKE_PAGE, RW, MAP_SHARED | MAP_FIXED, script_fd(0), 0),
            -EACCES);
    fake_fail(FAKE_MMAP, 0, 0);
    assert_true(mapherd_status_block.bound >= world_maps());
    assert_int_equal(engine_munmap((uintptr_t)at, FAKE_PAGE), 0);
}

static void random_calls(bool overlay)
{
    script_begin(
        &(struct script){ .draw = world_random, .coalesce = COALESCE_JOIN, .overlay = overlay });
    refused_often();
    for (int i = 0; i < STEPS; i++) {
        script_step();
        script_compare();
    }
    assert_true(mapherd_status_block.placed > 0 && mapherd_status_block.joined > 0);
    assert_true(!overlay || mapherd_status_block.compared > 0);
    script_end();
}

static void on_a_disk(void **state)
{
    (void)state;
    random_calls(false);
}

static void on_overlayfs(void **state)
{
    (void)state;
    random_calls(true);
}

/* The last test: the gate stays closed. */
static void mistake_closes_the_gate(void **state)
{
    (void)state;
    world_start();
    log_start("test");
    gate_start(MAPHERD_HERDING, NULL);
    assert_null(lock_mistake());
    long at = engine_mmap(0, FAKE_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    count_add(0); /* without the model lock */
    assert_true(gate_open());
    assert_int_equal(engine_munmap((uintptr_t)at, FAKE_PAGE), 0);
    assert_non_null(strstr(fake_written(),
                           "mapherd has made a mistake: count_add was called without its lock"));
    assert_false(gate_open());
    assert_int_equal(mapherd_status_block.reason, MAPHERD_MISTAKEN);
    at = engine_mmap(0, FAKE_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(at > 0);
    assert_int_equal(engine_munmap((uintptr_t)at, FAKE_PAGE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_disk),
        cmocka_unit_test(on_overlayfs),
        cmocka_unit_test(mistake_closes_the_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
