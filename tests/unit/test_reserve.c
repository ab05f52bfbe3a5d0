/*
 * reserve: who is refused the last maps, with which words, and for how long.
 *
 * The limit is 1,000 maps, and 100 of them are kept.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "fakespace.h"
#include "model/count.h"
#include "model/model.h"
#include "policy/placement.h"
#include "shim/engine.h"
#include "shim/gate.h"
#include "world.h"

#define LIMIT 1000
#define RESERVE 100
#define FAR 0x600000000000UL

static char buffer[COUNT_BUFFER];
static int fd;

static void start(void)
{
    world_start();
    fake_backing = true; /* a reading that names files uses memory of its own */
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
    count_read();
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

/* Last: a process that is a JVM stays one. */
static void a_jvm_is_told_to_collect(void **state)
{
    (void)state;
    start();
    int lib = fake_open((struct fake_file){ .inode = FAKE_LIBJVM, .size = FAKE_PAGE }, O_RDONLY);
    sys_mmap(FAR, FAKE_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, lib, 0);
    fake_now_ms += 100000;
    long refusal;
    int n = fill(0, &refusal);
    assert_int_equal(refusal, -ENOMEM); /* collect */
    assert_int_equal(map(), -ENOMEM);   /* the second try */
    assert_int_equal(map(), -EAGAIN);   /* another of the same moment */
    fake_now_ms += 3000;
    assert_int_equal(map(), -ENOMEM);

    /* A slow one: the second try comes late, and when little has been given back. */
    fake_now_ms += 2500;
    unmap(--n);
    assert_false(sys_failed(at[n] = map()));
    n++;
    assert_int_equal(map(), -ENOMEM);
    assert_int_equal(map(), -EAGAIN);

    /* It goes on giving back, so another collection is worth it at once. */
    for (int i = 0; i < 40; i++)
        unmap(--n);
    n = fill(n, &refusal);
    assert_int_equal(refusal, -ENOMEM);
    empty(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_maps_are_not_for_files),
        cmocka_unit_test(what_is_given_back_can_be_had),
        cmocka_unit_test(what_went_unseen_is_found_out),
        cmocka_unit_test(a_jvm_is_told_to_collect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
