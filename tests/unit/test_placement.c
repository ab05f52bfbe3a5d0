/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * placement: how many maps the kernel ends up with, and whose.
 */
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "entry/engine.h"
#include "entry/gate.h"
#include "fakespace.h"
#include "herd/placement.h"
#include "kernel/sys.h"
#include "space/regions.h"
#include "space/zone.h"
#include "tell/options.h"
#include "world.h"

#define CHUNK (1UL << 20)
#define CHUNKS 300
#define RW (PROT_READ | PROT_WRITE)

static const struct fake_file plain = { .inode = 10, .size = CHUNKS * CHUNK };
static const struct fake_file overlay = { .inode = 11, .size = CHUNKS * CHUNK, .never_side = true };

static int setup(void **state)
{
    (void)state;
    world_start();
    options.coalesce = COALESCE_JOIN;
    placement_switch(true);
    gate_start(MAPHERD_HERDING, NULL);
    return 0;
}

static long chunk(int fd, unsigned n, int prot, int flags)
{
    return engine_mmap(0, CHUNK, prot, flags, fd, (off_t)(n * CHUNK));
}

/* The chunk is there, is that part of that file, and may be used as asked. */
static void assert_chunk(long at, uint64_t inode, unsigned n, int prot)
{
    assert_false(sys_failed(at));
    for (uintptr_t page = (uintptr_t)at; page < (uintptr_t)at + CHUNK; page += FAKE_PAGE * 16) {
        const struct fake_vma *v = fake_vma_at(page);
        assert_non_null(v);
        assert_int_equal(v->inode, inode);
        assert_int_equal(v->offset + (page - v->start), n * CHUNK + page - (uintptr_t)at);
        assert_int_equal(v->prot, prot);
    }
}

static void unmap(long at)
{
    assert_int_equal(engine_munmap((uintptr_t)at, CHUNK), 0);
}

enum order { ASCENDING, DESCENDING, SHUFFLED };
enum opens { ONE, DUPED, ANEW };

static void shuffle(unsigned *n, enum order order)
{
    for (unsigned i = 0; i < CHUNKS; i++)
        n[i] = order == DESCENDING ? CHUNKS - 1 - i : i;
    for (unsigned i = CHUNKS - 1; order == SHUFFLED && i > 0; i--) {
        unsigned other = world_random(i + 1), kept = n[i];
        n[i] = n[other];
        n[other] = kept;
    }
}

/* All chunks of a file: how many maps they are at the peak. Nothing is left afterwards. */
static long herd(const struct fake_file *file, enum order order, enum opens opens, int flags)
{
    static unsigned n[CHUNKS];
    static long at[CHUNKS];
    int first = fake_open(*file, O_RDWR);
    shuffle(n, order);
    for (unsigned i = 0; i < CHUNKS; i++) {
        int fd = opens == ONE ? first : opens == DUPED ? fake_dup(first) : fake_open(*file, O_RDWR);
        at[n[i]] = chunk(fd, n[i], RW, flags);
        assert_chunk(at[n[i]], file->inode, n[i], RW);
        if (fd != first)
            fake_close(fd);
    }
    long peak = world_maps();
    assert_true((long)regions_total() + (long)mapherd_status_block.masters >= peak);
    shuffle(n, SHUFFLED);
    for (unsigned i = 0; i < CHUNKS; i++) {
        unmap(at[n[i]]);
        if (i + 1 < CHUNKS)
            assert_chunk(at[n[i + 1]], file->inode, n[i + 1], RW);
    }
    assert_int_equal(world_maps(), 0);
    assert_int_equal(regions_total(), 0);
    assert_int_equal(mapherd_status_block.windows, 0);
    assert_int_equal(mapherd_status_block.masters, 0);
    return peak;
}

/* In order: the first two, which lie where the kernel has put them, what follows, and a master. In
 * random order four lie there before a window begins, and are holes in it, as is the first chunk in
 * it, if the others are of a master. */
static long most_maps(enum order order)
{
    return order == SHUFFLED ? 4 + 5 + 1 + 2 : 2 + 1 + 1;
}

static void chunks_become_one_map(void **state)
{
    for (int order = ASCENDING; order <= SHUFFLED; order++) {
        for (int opens = ONE; opens <= ANEW; opens++) {
            long maps = herd(&plain, order, opens, MAP_SHARED);
            if (maps > most_maps(order))
                fail_msg("order %d, opens %d: %ld maps", order, opens, maps);
            setup(state);
        }
        assert_true(herd(&plain, order, ONE, MAP_PRIVATE) <= most_maps(order));
        setup(state);
    }
}

static void chunks_on_overlayfs_too(void **state)
{
    for (int order = ASCENDING; order <= SHUFFLED; order++) {
        for (int opens = ONE; opens <= ANEW; opens++) {
            long maps = herd(&overlay, order, opens, MAP_SHARED);
            if (maps > most_maps(order))
                fail_msg("order %d, opens %d: %ld maps", order, opens, maps);
            setup(state);
        }
    }
}

/* The test above can fail: switched off, every chunk is a map. */
static void switched_off_nothing_merges(void **state)
{
    (void)state;
    placement_switch(false);
    assert_int_equal(herd(&plain, ASCENDING, ONE, MAP_SHARED), CHUNKS);
}

static void one_part_twice(void **state)
{
    (void)state;
    int fd = fake_open(plain, O_RDWR);
    long first = chunk(fd, 3, RW, MAP_SHARED);
    long second = chunk(fd, 3, RW, MAP_SHARED);
    long across = engine_mmap(0, CHUNK, RW, MAP_SHARED, fd, 3 * CHUNK + 8 * FAKE_PAGE);
    assert_true(first != second && across != first && across != second);
    unmap(first);
    assert_chunk(second, 10, 3, RW);
    long third = chunk(fd, 3, RW, MAP_SHARED);
    unmap(second);
    assert_chunk(third, 10, 3, RW);
    unmap(across);
    assert_chunk(third, 10, 3, RW);
    unmap(third);
    assert_int_equal(world_maps(), 0);
}

/* Each layer is a window of its own, in which chunks merge as in the first. */
static void layers_merge_too(void **state)
{
    (void)state;
    int fd = fake_open(plain, O_RDWR);
    long at[3][10];
    for (unsigned n = 0; n < 10; n++)
        for (unsigned layer = 0; layer < 3; layer++)
            at[layer][n] = chunk(fd, n, RW, MAP_SHARED);
    assert_true(world_maps() <= 3 + 3 + 1); /* the first of each lies alone; and a master */
    for (unsigned n = 0; n < 10; n++) {
        for (unsigned layer = 0; layer < 3; layer++) {
            assert_chunk(at[layer][n], 10, n, RW);
            unmap(at[layer][n]);
        }
    }
}

/* A chunk that a call past the hooks has unmapped keeps no layer. */
static void what_went_unseen_is_no_layer(void **state)
{
    (void)state;
    int fd = fake_open(plain, O_RDWR);
    long kept[] = { chunk(fd, 1, RW, MAP_SHARED), chunk(fd, 2, RW, MAP_SHARED),
                    chunk(fd, 3, RW, MAP_SHARED) };
    uint64_t windows = mapherd_status_block.windows;
    for (unsigned n = 0; n < 200; n++) {
        long at = chunk(fd, 3 + n % 7, RW, MAP_SHARED);
        assert_chunk(at, 10, 3 + n % 7, RW);
        assert_int_equal(sys_munmap((uintptr_t)at, CHUNK), 0);
    }
    assert_in_range(mapherd_status_block.windows, windows, windows + 8); /* not 200 / 7 */
    for (unsigned n = 0; n < 3; n++) {
        assert_chunk(kept[n], 10, n + 1, RW);
        unmap(kept[n]);
    }
}

/* What no hook has seen lies where a chunk belongs. */
static void strangers_are_not_replaced(void **state)
{
    (void)state;
    int fd = fake_open(plain, O_RDWR);
    long lone = chunk(fd, 0, RW, MAP_SHARED), first = chunk(fd, 1, RW, MAP_SHARED);
    for (unsigned n = 2; n < 8; n += 5) { /* beside the first, and alone */
        uintptr_t place = (uintptr_t)first + (n - 1) * CHUNK;
        sys_mmap(place, FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        long at = chunk(fd, n, RW, MAP_SHARED);
        assert_chunk(at, 10, n, RW);
        assert_int_not_equal(at, place);
        const struct fake_vma *stranger = fake_vma_at(place);
        assert_true(stranger->start == place && stranger->end == place + FAKE_PAGE);
        assert_int_equal(stranger->inode, 0);
        unmap(at);
        sys_munmap(place, FAKE_PAGE);
    }
    unmap(first);
    unmap(lone);
}

static void what_differs_stays_apart(void **state)
{
    (void)state;
    int rw = fake_open(plain, O_RDWR), ro = fake_open(plain, O_RDONLY);
    long at[] = {
        chunk(rw, 0, RW, MAP_SHARED),
        chunk(ro, 1, PROT_READ, MAP_SHARED),
        chunk(rw, 2, PROT_READ, MAP_SHARED),
        chunk(rw, 3, RW, MAP_PRIVATE),
        chunk(rw, 4, RW, MAP_SHARED | MAP_NORESERVE),
    };
    assert_int_equal(world_maps(), COUNT_OF(at));
    assert_int_equal(chunk(ro, 5, RW, MAP_SHARED), -EACCES);
    assert_int_equal(fake_vma_at((uintptr_t)at[1])->file, fake_number(ro));
    for (size_t i = 0; i < COUNT_OF(at); i++)
        unmap(at[i]);
}

/* The right to write a chunk is its own descriptor's, not its neighbour's. */
static void nobody_gets_more_rights(void **state)
{
    (void)state;
    int rw = fake_open(plain, O_RDWR), ro = fake_open(plain, O_RDONLY);
    long a = chunk(rw, 0, PROT_READ, MAP_SHARED), b = chunk(ro, 1, PROT_READ, MAP_SHARED);
    assert_int_equal(fake_vma_at((uintptr_t)a)->file, fake_number(rw));
    assert_int_equal(fake_vma_at((uintptr_t)b)->file, fake_number(ro));
    unmap(a);
    unmap(b);
}

static void advice_is_not_inherited(void **state)
{
    (void)state;
    static const int advices[] = { MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTFORK };
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        int fd = fake_open(plain, O_RDWR);
        long a = chunk(fd, 0, RW, MAP_SHARED);
        engine_madvise((uintptr_t)a, CHUNK, advices[i]);
        long b = chunk(fd, 1, RW, MAP_SHARED);
        assert_int_not_equal(fake_vma_at((uintptr_t)a)->marks, 0);
        assert_int_equal(fake_vma_at((uintptr_t)b)->marks, 0);
        unmap(a);
        unmap(b);
    }
    int fd = fake_open(plain, O_RDWR);
    long a = chunk(fd, 0, RW, MAP_SHARED);
    engine_mlock((uintptr_t)a, CHUNK);
    long b = chunk(fd, 1, RW, MAP_SHARED);
    assert_int_equal(fake_vma_at((uintptr_t)b)->marks, 0);
    unmap(a);
    unmap(b);
}

/* A lock of the program lives as long as the open file: opens are then told apart. */
static void locks_keep_opens_apart(void **state)
{
    (void)state;
    int first = fake_open(plain, O_RDWR), second = fake_open(plain, O_RDWR);
    long a = chunk(first, 0, RW, MAP_SHARED);
    fake_ofd_lock = true;
    long b = chunk(second, 1, RW, MAP_SHARED);
    assert_int_equal(fake_vma_at((uintptr_t)b)->file, fake_number(second));
    fake_ofd_lock = false;
    engine_flock(first, 2);
    long c = chunk(first, 2, RW, MAP_SHARED), d = chunk(second, 3, RW, MAP_SHARED);
    assert_int_equal(fake_vma_at((uintptr_t)c)->file, fake_number(first));
    assert_int_equal(fake_vma_at((uintptr_t)d)->file, fake_number(second));
    unmap(a);
    unmap(b);
    unmap(c);
    unmap(d);
}

static void left_to_the_kernel(void **state)
{
    (void)state;
    int fd = fake_open(plain, O_RDWR);
    int pipe = fake_open((struct fake_file){ .inode = 12, .mode = S_IFIFO }, O_RDWR);
    size_t whole = CHUNKS * CHUNK;
    struct {
        uintptr_t hint;
        size_t len;
        int prot, flags, fd;
    } requests[] = {
        { 0, whole, RW, MAP_SHARED, fd },
        { 0x10000000, CHUNK, RW, MAP_SHARED, fd },
        { 0, CHUNK, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd },
        { 0, CHUNK, RW, MAP_SHARED | MAP_LOCKED, fd },
        { 0, CHUNK, RW, MAP_SHARED, pipe },
    };
    uint64_t placed = mapherd_status_block.placed;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        long at = engine_mmap(requests[i].hint, requests[i].len, requests[i].prot,
                              requests[i].flags, requests[i].fd, 0);
        assert_false(sys_failed(at));
        assert_int_equal(engine_munmap((uintptr_t)at, requests[i].len), 0);
    }
    assert_int_equal(mapherd_status_block.placed, placed);
    assert_int_equal(mapherd_status_block.windows, 0);
}

/* Whatever the kernel refuses to the library, the program gets the kernel's own answer. */
static void refusals_are_the_kernels(void **state)
{
    (void)state;
    int fd = fake_open(plain, O_RDWR);
    fake_fail(FAKE_FSTAT, 0, -EIO);
    long a = chunk(fd, 0, RW, MAP_SHARED);
    assert_chunk(a, 10, 0, RW);
    fake_fail(FAKE_FSTAT, 0, 0);
    fake_fail(FAKE_MREMAP, 0, -ENOSYS);
    long b = chunk(fd, 1, RW, MAP_SHARED), c = chunk(fd, 2, RW, MAP_SHARED);
    assert_chunk(b, 10, 1, RW);
    assert_chunk(c, 10, 2, RW);
    fake_fail(FAKE_MREMAP, 0, 0);
    fake_fail(FAKE_MMAP, 0, -ENODEV);
    assert_int_equal(chunk(fd, 7, RW, MAP_SHARED), -ENODEV);
    fake_fail(FAKE_MMAP, 0, 0);
    assert_int_equal(chunk(-1, 0, RW, MAP_SHARED), -EBADF);
    assert_int_equal(engine_mmap(0, 0, RW, MAP_SHARED, fd, 0), -EINVAL);
    assert_int_equal(engine_mmap(0, CHUNK, RW, MAP_SHARED, fd, 1), -EINVAL);
    unmap(a);
    unmap(b);
    unmap(c);
    assert_int_equal(world_maps(), 0);
}

static long pages_of_files(void)
{
    long pages = 0;
    for (long n = 0; n < fake_vma_count(); n++)
        if (fake_vma_number(n)->file)
            pages += (long)((fake_vma_number(n)->end - fake_vma_number(n)->start) / FAKE_PAGE);
    return pages;
}

/* The smallest chunks, anywhere in the zone: asking the kernel whether two have merged must not
 * change what is mapped. */
static void single_pages(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        zone_start(0x7ffd00000000, seed);
        int fd = fake_open(plain, O_RDWR);
        long at[10];
        for (unsigned i = 0; i < COUNT_OF(at); i++) {
            unsigned n = seed % 2 ? i : COUNT_OF(at) - 1 - i;
            at[n] = engine_mmap(0, FAKE_PAGE, RW, MAP_SHARED, fd, (off_t)(n * FAKE_PAGE));
            assert_false(sys_failed(at[n]));
            assert_int_equal(pages_of_files(), i + 1);
        }
        for (unsigned i = 0; i < COUNT_OF(at); i++)
            assert_int_equal(engine_munmap((uintptr_t)at[i], FAKE_PAGE), 0);
    }
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chunks_become_one_map),
        TEST(chunks_on_overlayfs_too),
        TEST(switched_off_nothing_merges),
        TEST(one_part_twice),
        TEST(layers_merge_too),
        TEST(strangers_are_not_replaced),
        TEST(what_differs_stays_apart),
        TEST(nobody_gets_more_rights),
        TEST(advice_is_not_inherited),
        TEST(locks_keep_opens_apart),
        TEST(left_to_the_kernel),
        TEST(refusals_are_the_kernels),
        TEST(single_pages),
        TEST(what_went_unseen_is_no_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
