/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sync: which ranges the kernel is asked for, which are skipped, and who is told of an error.
 */
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "entry/engine.h"
#include "entry/gate.h"
#include "herd/placement.h"
#include "kernel/mounts.h"
#include "kernel/sys.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/options.h"
#include "world.h"

#define CHUNK (16 * FAKE_PAGE)
#define CHUNKS 64

static uintptr_t base;
static int fd;
static uint64_t inode = 100;

/* What was asked of the kernel last, in chunks from base. */
static struct {
    long from, chunks;
    int flags;
    unsigned calls;
} asked;
static long next_answer;
static void (*meanwhile)(void); /* what another thread does during the next call */

static long ask(uintptr_t addr, size_t len, int flags)
{
    asked.from = (long)((addr - base) / CHUNK);
    asked.chunks = (long)(len / CHUNK);
    asked.flags = flags;
    asked.calls++;
    long answer = next_answer;
    next_answer = 0;
    void (*other)(void) = meanwhile;
    meanwhile = NULL;
    if (other)
        other();
    return answer;
}

static long sync_chunk(long n)
{
    return engine_msync(base + (uintptr_t)n * CHUNK, CHUNK, MS_SYNC, ask);
}

static long map_chunk(int with, long n)
{
    return engine_mmap(0, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, with, n * (long)CHUNK);
}

/* Chunks far behind the others: the first lies where the kernel puts it. */
#define LONE (CHUNKS + 20)
static long lone, first_placed;

static int setup(void **state)
{
    static unsigned char guard;
    (void)state;
    world_start();
    placement_switch(true);
    gate_start(MAPHERD_HERDING, &guard);
    mapherd_status_block.unseen = mapherd_status_block.forgotten = 0;
    options.sync = SYNC_FAST; /* while the file is mapped: so its filesystem is asked for */
    fake_stamps_fine = true;
    fake_stamp = 1000;
    fake_now_ms = 1; /* past the stamp */
    fd = fake_open((struct fake_file){ .inode = inode++, .size = CHUNKS * CHUNK }, O_RDWR);
    lone = map_chunk(fd, LONE);
    first_placed = map_chunk(fd, LONE + 1); /* begins the window of the file */
    base = (uintptr_t)first_placed - (LONE + 1) * CHUNK;
    for (long n = 1; n < CHUNKS; n++)
        assert_int_equal(map_chunk(fd, n), base + (uintptr_t)n * CHUNK);
    options.sync = SYNC_AUTO;
    sync_chunk(1); /* no run of the test before goes on */
    sync_chunk(40);
    memset(&asked, 0, sizeof asked);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (long n = 1; n < CHUNKS; n++)
        engine_munmap(base + (uintptr_t)n * CHUNK, CHUNK);
    engine_munmap(base + CHUNKS * CHUNK, CHUNK);
    engine_munmap((uintptr_t)first_placed, CHUNK);
    engine_munmap((uintptr_t)lone, CHUNK);
    return 0;
}

static void expect(long n, long from, long chunks)
{
    assert_int_equal(sync_chunk(n), 0);
    assert_int_equal(asked.from, from);
    assert_int_equal(asked.chunks, chunks);
    assert_int_equal(asked.flags, MS_SYNC);
}

static void a_run_up_is_widened(void **state)
{
    (void)state;
    expect(10, 10, 1);
    expect(11, 11, 1);
    expect(12, 12, 2);
    expect(13, 13, 1); /* the one that went ahead */
    expect(14, 14, 3);
    expect(15, 15, 1);
    expect(16, 16, 1);
    expect(17, 17, 5);
    assert_int_equal(asked.calls, 8); /* each once */
}

static void a_run_down_is_widened(void **state)
{
    (void)state;
    expect(30, 30, 1);
    expect(29, 29, 1);
    expect(28, 27, 2);
    expect(27, 27, 1);
    expect(26, 24, 3);
}

/* A thread that does something else in between stores to what comes next, perhaps. */
static void a_pause_is_not_a_loop(void **state)
{
    (void)state;
    for (long n = 10; n < 20; n++) {
        fake_now_ms += 11;
        expect(n, n, 1);
    }
    expect(20, 20, 2);
}

/* Maps chunks 1 to 19 of a file, closes it if asked for, and syncs all but the first, which lies
 * alone, one after the other. Returns how many chunks the longest of these syncs had. */
static long longest_sync(struct fake_file file, bool closes)
{
    long longest = 0;
    file.inode = inode++;
    file.size = CHUNKS * CHUNK;
    int other = fake_open(file, O_RDWR);
    long before = map_chunk(other, 1);
    uintptr_t first = (uintptr_t)map_chunk(other, 2);
    unsigned types_asked = fake_types_asked;
    for (long n = 3; n < 20; n++)
        map_chunk(other, n);
    if (closes)
        fake_close(other);
    for (uintptr_t at = first; at < first + 18 * CHUNK; at += CHUNK) {
        assert_int_equal(engine_msync(at, CHUNK, MS_SYNC, ask), 0);
        longest = asked.chunks > longest ? asked.chunks : longest;
    }
    assert_int_equal(fake_types_asked, types_asked); /* with the first that is placed, or never */
    engine_munmap(first, 18 * CHUNK);
    engine_munmap((uintptr_t)before, CHUNK);
    return longest;
}

/* There the first sync of a loop is all that costs. It is found out while the descriptor is open. */
static void btrfs_is_left_alone(void **state)
{
    (void)state;
    const struct fake_file btrfs = { .fs_type = BTRFS_SUPER_MAGIC, .device = 0x2a },
                           nfs = { .fs_type = NFS_SUPER_MAGIC, .device = 0x2b }, disk = { 0 };
    for (int word = SYNC_AUTO; word <= SYNC_FAST; word++)
        for (int closes = 0; closes < 2; closes++) {
            options.sync = word;
            assert_int_equal(longest_sync(btrfs, closes), 1);
            assert_true(longest_sync(nfs, closes) > 4);
            assert_true(longest_sync(disk, closes) > 4);
        }
}

static void others_are_not(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        expect(10, 10, 1);
    for (long n = 3; n < 60; n += 2)
        expect(n, n, 1);
    options.sync = SYNC_PLAIN;
    for (long n = 10; n < 20; n++)
        expect(n, n, 1);
    options.sync = SYNC_AUTO;
    for (long n = 20; n < 30; n++) {
        uintptr_t at = base + (uintptr_t)n * CHUNK;
        engine_msync(at, CHUNK, MS_SYNC | MS_INVALIDATE, ask);
        assert_int_equal(asked.chunks, 1);
        engine_msync(at, CHUNK, MS_ASYNC, ask);
        assert_int_equal(asked.flags, MS_ASYNC);
    }
}

static void a_map_ends_it(void **state)
{
    (void)state;
    expect(60, 60, 1);
    expect(61, 61, 1);
    expect(62, 62, 2);
    expect(63, 63, 1);
    engine_mprotect(base + 20 * CHUNK, CHUNK, PROT_READ);
    expect(17, 17, 1);
    expect(18, 18, 1);
    expect(19, 19, 1); /* 20 is another map now */
}

/* A run of syncs from the first chunk to the last. */
static unsigned run_up(void)
{
    unsigned before = asked.calls, asks = 0;
    for (long n = 2; n < CHUNKS; n++) {
        assert_int_equal(sync_chunk(n), 0);
        asks += asked.chunks != 0; /* a skipped one asks for nothing, but passes through libc */
    }
    assert_int_equal(asked.calls - before, CHUNKS - 2);
    return asks;
}

static void fast_skips_what_is_clean(void **state)
{
    (void)state;
    assert_int_equal(run_up(), CHUNKS - 2);
    options.sync = SYNC_FAST;
    assert_true(run_up() < 12);
    assert_true(run_up() < 4);
    fake_stamp++; /* somebody stores */
    assert_int_equal(sync_chunk(20), 0);
    assert_int_equal(asked.chunks, 1);
    assert_true(run_up() > 4);
    assert_true(run_up() < 4);
}

/* MAP_SHARED of a file that was opened for reading only: the kernel syncs nothing, and says 0. */
static void a_map_of_a_reader_syncs_nothing(void **state)
{
    (void)state;
    int reader = fake_open(fake_open_file(fake_number(fd))->file, O_RDONLY);
    uintptr_t first = (uintptr_t)engine_mmap(0, CHUNK, PROT_READ, MAP_SHARED, reader, CHUNK);
    for (long n = 2; n < CHUNKS; n++)
        assert_int_equal(engine_mmap(0, CHUNK, PROT_READ, MAP_SHARED, reader, n * (long)CHUNK),
                         first + (uintptr_t)(n - 1) * CHUNK);
    for (int word = SYNC_AUTO; word <= SYNC_FAST; word++) {
        options.sync = word;
        for (uintptr_t at = first; at < first + (CHUNKS - 1) * CHUNK; at += CHUNK) {
            assert_int_equal(engine_msync(at, CHUNK, MS_SYNC, ask), 0);
            assert_int_equal(asked.chunks, 1); /* not widened, and not skipped */
        }
    }
    for (long n = 1; n < CHUNKS; n += 2) { /* no run, so none of them syncs another */
        assert_int_equal(sync_chunk(n), 0);
        assert_int_not_equal(asked.chunks, 0);
    }
    next_answer = -EIO;
    fake_close(fd); /* so it is not known which chunks were of one open file */
    assert_int_equal(sync_chunk(30), -EIO);
    assert_int_equal(engine_msync(first + 20 * CHUNK, CHUNK, MS_SYNC, ask), 0);
    assert_int_equal(sync_chunk(20), -EIO);
    engine_munmap(first, (CHUNKS - 1) * CHUNK);
}

/* A range that begins with a writer's chunk and ends with a reader's, or with a private one. */
static void a_part_that_syncs_nothing_is_not_durable(void **state)
{
    (void)state;
    const struct {
        int open, type;
    } kinds[] = { { O_RDONLY, MAP_SHARED }, { O_RDWR, MAP_PRIVATE } };
    options.sync = SYNC_FAST;
    for (int i = 0; i < 2; i++) {
        int other = fake_open(fake_open_file(fake_number(fd))->file, kinds[i].open);
        long end = engine_mmap(0, CHUNK, PROT_READ, kinds[i].type, other, CHUNKS * (long)CHUNK);
        assert_int_equal(end, base + CHUNKS * CHUNK);
        sync_chunk(CHUNKS - 4);
        sync_chunk(CHUNKS - 3);
        assert_int_equal(engine_msync(base + (CHUNKS - 2) * CHUNK, 3 * CHUNK, MS_SYNC, ask), 0);
        assert_int_equal(asked.chunks, 3);
        long writer = map_chunk(fd, CHUNKS); /* in another window */
        assert_int_not_equal(writer, end);
        assert_int_equal(engine_msync((uintptr_t)writer, CHUNK, MS_SYNC, ask), 0);
        assert_int_equal(asked.chunks, 1);
        engine_munmap((uintptr_t)writer, CHUNK);
        engine_munmap((uintptr_t)end, CHUNK);
    }
}

static void fast_believes_no_coarse_stamp(void **state)
{
    (void)state;
    options.sync = SYNC_FAST;
    assert_true(run_up() < 12);
    fake_stamp = 0; /* whole seconds */
    assert_int_equal(run_up(), CHUNKS - 2);
    assert_int_equal(run_up(), CHUNKS - 2);
}

/* The ctime of a store in this tick may come back after another store. */
static void fast_believes_no_stamp_of_this_tick(void **state)
{
    (void)state;
    options.sync = SYNC_FAST;
    fake_stamp = 1000000;
    assert_int_equal(run_up(), CHUNKS - 2);
    assert_int_equal(run_up(), CHUNKS - 2);
    fake_now_ms++;
    assert_true(run_up() < 12);
}

static void fast_waits_for_every_map(void **state)
{
    (void)state;
    options.sync = SYNC_FAST;
    mapherd_status_block.unseen = 1; /* somebody mapped something in a handler */
    assert_int_equal(run_up(), CHUNKS - 2);
    mapherd_status_block.unseen = 0;
    assert_true(run_up() < 12);
}

static void an_old_promise_is_none(void **state)
{
    (void)state;
    options.sync = SYNC_FAST;
    run_up();
    assert_true(run_up() < 4);
    fake_now_ms += 61000;
    assert_true(run_up() > 4);
}

static void replace_13(void)
{
    assert_int_equal(engine_mmap(base + 13 * CHUNK, CHUNK, PROT_READ,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
                     base + 13 * CHUNK);
}

/* A widened sync goes over what the program has unmapped and the library has retained, too. */
static void a_retained_part_is_replaced(void **state)
{
    (void)state;
    options.sync = SYNC_FAST;
    model_take();
    regions_retain(base + 13 * CHUNK, base + 14 * CHUNK);
    model_drop();
    expect(10, 10, 1);
    expect(11, 11, 1);
    meanwhile = replace_13;
    expect(12, 12, 2);
    long at = map_chunk(fd, 13); /* in another window */
    assert_int_not_equal(at, base + 13 * CHUNK);
    assert_int_equal(engine_msync((uintptr_t)at, CHUNK, MS_SYNC, ask), 0);
    assert_int_equal(asked.chunks, 1);
    engine_munmap((uintptr_t)at, CHUNK);
}

static void an_error_is_told_to_all_it_concerns(void **state)
{
    (void)state;
    options.sync = SYNC_FAST;
    expect(10, 10, 1);
    expect(11, 11, 1);
    next_answer = -EIO;
    assert_int_equal(sync_chunk(12), -EIO); /* with 13 */
    assert_int_equal(asked.chunks, 2);
    assert_int_equal(sync_chunk(13), -EIO);
    assert_int_equal(sync_chunk(13), 0);
    assert_int_equal(sync_chunk(12), 0);
    assert_int_equal(sync_chunk(14), 0);
    assert_int_equal(run_up(), CHUNKS - 2); /* such a file is skipped no more */
}

/* Another thread maps other memory where the error was. */
static void an_error_is_not_told_to_what_came_since(void **state)
{
    (void)state;
    expect(10, 10, 1);
    expect(11, 11, 1);
    meanwhile = replace_13;
    next_answer = -EIO;
    assert_int_equal(sync_chunk(12), -EIO);
    assert_int_equal(asked.chunks, 2);
    assert_int_equal(sync_chunk(13), 0);
}

/* One open file to the kernel, but the program opened it twice. */
static void an_error_is_told_to_every_open(void **state)
{
    (void)state;
    int other = fake_open(fake_open_file(fake_number(fd))->file, O_RDWR);
    long at = map_chunk(other, CHUNKS);
    assert_int_equal(at, base + CHUNKS * CHUNK);
    next_answer = -EIO;
    assert_int_equal(sync_chunk(CHUNKS), -EIO);
    assert_int_equal(sync_chunk(30), -EIO);
    assert_int_equal(sync_chunk(30), 0);
    assert_int_equal(sync_chunk(CHUNKS), 0);
}

static void unmap_13(void)
{
    engine_munmap(base + 13 * CHUNK, CHUNK);
}

static void unmap_23_past_the_library(void)
{
    sys_munmap(base + 23 * CHUNK, CHUNK);
}

static void map_33_anew(void)
{
    engine_munmap(base + 33 * CHUNK, CHUNK);
    assert_int_equal(map_chunk(fd, 33), base + 33 * CHUNK);
}

/* Another thread unmaps what comes next. The kernel says so of the widened call. */
static void a_hole_is_not_the_callers(void **state)
{
    (void)state;
    for (int word = SYNC_AUTO; word <= SYNC_FAST; word++) {
        void (*const ways[])(void) = { unmap_13, unmap_23_past_the_library, map_33_anew };
        options.sync = word;
        for (long n = 10, i = 0; i < 3; n += 10, i++) {
            expect(n, n, 1);
            expect(n + 1, n + 1, 1);
            meanwhile = ways[i];
            next_answer = -ENOMEM;
            expect(n + 2, n + 2, 1);
            if (ways[i] != map_33_anew)
                assert_int_equal(map_chunk(fd, n + 3), base + (uintptr_t)(n + 3) * CHUNK);
            assert_int_equal(sync_chunk(n + 3), 0);
            assert_int_not_equal(asked.chunks, 0);
        }
    }
    meanwhile = unmap_13;
    next_answer = -ENOMEM;
    assert_int_equal(sync_chunk(13), -ENOMEM);
}

/* An error of write-back may be any errno. EINTR is none. */
static void an_error_has_any_number(void **state)
{
    const int errors[] = { ENOMEM, EBUSY, EINVAL, ENOSPC, EINTR };
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
        expect(10, 10, 1);
        expect(11, 11, 1);
        next_answer = -errors[i];
        assert_int_equal(sync_chunk(12), -errors[i]);
        assert_int_equal(asked.chunks, 2);
        assert_int_equal(sync_chunk(13), errors[i] == EINTR ? 0 : -errors[i]);
        expect(12, 12, 1);
        expect(13, 13, 1);
        teardown(state);
        setup(state); /* a file of which no error is known */
    }
}

#define SYNC(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYNC(a_run_up_is_widened),
        SYNC(a_run_down_is_widened),
        SYNC(a_pause_is_not_a_loop),
        SYNC(btrfs_is_left_alone),
        SYNC(others_are_not),
        SYNC(a_map_ends_it),
        SYNC(fast_skips_what_is_clean),
        SYNC(a_map_of_a_reader_syncs_nothing),
        SYNC(a_part_that_syncs_nothing_is_not_durable),
        SYNC(fast_believes_no_coarse_stamp),
        SYNC(fast_believes_no_stamp_of_this_tick),
        SYNC(fast_waits_for_every_map),
        SYNC(an_old_promise_is_none),
        SYNC(a_retained_part_is_replaced),
        SYNC(an_error_is_told_to_all_it_concerns),
        SYNC(an_error_is_not_told_to_what_came_since),
        SYNC(an_error_is_told_to_every_open),
        SYNC(a_hole_is_not_the_callers),
        SYNC(an_error_has_any_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
