/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * canary: it sings at the limit and at no other trouble, and is whole again afterwards.
 */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "fakespace.h"
#include "kernel/canary.h"
#include "kernel/sys.h"
#include "world.h"

#define PAGES 3

static long place(void)
{
    long at =
        sys_mmap(0x200000000000, PAGES * FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    canary_start((uintptr_t)at);
    return at;
}

static void none_is_silent(void **state)
{
    (void)state;
    canary_start(0);
    assert_false(canary_at_limit());
}

/* The kernel refuses the second split from limit - 1 on. Asking must not use up the last maps. */
static void sings_at_the_limit(void **state)
{
    for (long spare = 10; spare >= 0; spare--) {
        world_setup(state);
        place();
        long maps = fake_vma_count();
        fake_limit = maps + spare;
        assert_int_equal(canary_at_limit(), spare <= 1);
        assert_true(fake_vma_count() == maps);
        fake_limit = maps + 10;
        assert_false(canary_at_limit());
        assert_int_equal(fake_vma_count(), maps);
    }
}

static void other_trouble_is_not_its(void **state)
{
    (void)state;
    place();
    fake_fail(FAKE_MMAP, 0, -ENOMEM); /* no address space, RLIMIT_AS, no memory */
    fake_fail(FAKE_MREMAP, 0, -ENOMEM);
    assert_false(canary_at_limit());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(none_is_silent),
        WORLD(sings_at_the_limit),
        WORLD(other_trouble_is_not_its),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
