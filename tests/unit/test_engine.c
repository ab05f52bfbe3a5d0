/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * engine: random calls of all kinds, compared page by page with what the program may expect.
 *
 * The naive model knows for each page of the program which page of which file it shows, and how.
 * After every call the fake kernel must hold just that, whatever the library did on the way.
 */
#define _GNU_SOURCE
#include "tell/status.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "entry/engine.h"
#include "entry/gate.h"
#include "fakespace.h"
#include "herd/placement.h"
#include "kernel/lock.h"
#include "kernel/sys.h"
#include "space/count.h"
#include "space/regions.h"
#include "tell/log.h"
#include "tell/options.h"
#include "world.h"

#define STEPS 8000
#define PAGES_MAX 3000
#define FILES 4
#define FIRST_INODE 10
#define FILE_PAGES 64
#define RW (PROT_READ | PROT_WRITE)

/* What a page of the program is. Anonymous pages have inode 0. */
static struct page {
    uintptr_t addr;
    uint64_t inode, offset;
    int prot;
    bool shared;
} pages[PAGES_MAX];
static int count;
static int fds[FILES];

static struct page *find(uintptr_t addr)
{
    for (int i = 0; i < count; i++)
        if (pages[i].addr == addr)
            return &pages[i];
    return NULL;
}

static void forget(uintptr_t addr, size_t len)
{
    for (int i = 0; i < count;)
        if (pages[i].addr >= addr && pages[i].addr < addr + len)
            pages[i] = pages[--count];
        else
            i++;
}

static void expect(struct page first, size_t len)
{
    for (size_t at = 0; at < len; at += FAKE_PAGE) {
        assert_true(count < PAGES_MAX);
        pages[count] = first;
        pages[count].addr += at;
        pages[count++].offset += first.inode ? at : 0;
    }
}

/* Bytes of the library's own maps of the files: a page each. */
static size_t masters(void)
{
    return mapherd_status_block.masters * FAKE_PAGE;
}

static void compare(void)
{
    for (int i = 0; i < count; i++) {
        const struct page *p = &pages[i];
        const struct fake_vma *v = fake_vma_at(p->addr);
        assert_non_null(v);
        assert_int_equal(v->inode, p->inode);
        assert_int_equal(v->prot, p->prot);
        assert_int_equal(v->shared, p->shared);
        if (p->inode)
            assert_int_equal(v->offset + (p->addr - v->start), p->offset);
    }
    /* Nothing else is mapped but the pool, and master maps. */
    size_t mapped = 0, known = 0;
    for (long n = 0; n < fake_vma_count(); n++)
        mapped +=
            fake_vma_number(n)->inode ? fake_vma_number(n)->end - fake_vma_number(n)->start : 0;
    for (int i = 0; i < count; i++)
        known += pages[i].inode ? FAKE_PAGE : 0;
    assert_int_equal(mapped, known + masters());
    assert_true(mapherd_status_block.bound >= world_maps());
}

static size_t some_pages(void)
{
    return (1 + world_random(8)) * FAKE_PAGE;
}

/* An address in the program's memory, or near it; 0 if there is none. */
static uintptr_t somewhere(void)
{
    return count ? pages[world_random((uint32_t)count)].addr : 0;
}

static void do_mmap(uintptr_t over)
{
    size_t len = some_pages();
    int prot = world_random(3) ? RW : PROT_READ, flags = over ? MAP_FIXED : 0;
    bool shared = world_random(3), anonymous = !world_random(4);
    int file = (int)world_random(FILES);
    off_t offset = (off_t)(world_random(FILE_PAGES - 8) * FAKE_PAGE);
    flags |= shared ? MAP_SHARED : MAP_PRIVATE;
    if (anonymous)
        flags |= MAP_ANONYMOUS;
    if (count > PAGES_MAX - 600)
        return;
    long at = engine_mmap(over, len, prot, flags, anonymous ? -1 : fds[file], offset);
    assert_false(sys_failed(at));
    if (over) {
        assert_int_equal(at, over);
        forget(over, len);
    }
    for (size_t page = 0; page < len; page += FAKE_PAGE)
        assert_null(find((uintptr_t)at + page)); /* two live maps never share an address */
    expect((struct page){ (uintptr_t)at,
                          anonymous ? 0 : fake_open_file(fake_number(fds[file]))->file.inode,
                          anonymous ? 0 : (uint64_t)offset, prot, shared },
           len);
}

static void do_munmap(void)
{
    uintptr_t at = somewhere();
    size_t len = some_pages();
    if (!at)
        return;
    assert_int_equal(engine_munmap(at, len), 0);
    forget(at, len);
}

static void do_mprotect(void)
{
    uintptr_t at = somewhere();
    size_t len = some_pages();
    int prot = world_random(3) ? RW : PROT_NONE;
    if (!at)
        return;
    long answer = engine_mprotect(at, len, prot);
    size_t done = 0;
    for (struct page *p; done < len && (p = find(at + done)); done += FAKE_PAGE)
        p->prot = prot;
    assert_int_equal(answer, done == len ? 0 : -ENOMEM);
}

static void do_madvise(void)
{
    static const int advices[] = { MADV_NORMAL, MADV_RANDOM,   MADV_SEQUENTIAL, MADV_DONTFORK,
                                   MADV_DOFORK, MADV_DONTNEED, MADV_WILLNEED };
    uintptr_t at = somewhere();
    if (at)
        engine_madvise(at, some_pages(), advices[world_random(COUNT_OF(advices))]);
}

static void do_mlock(void)
{
    uintptr_t at = somewhere();
    if (at && world_random(2))
        engine_mlock(at + world_random(FAKE_PAGE), some_pages());
    else if (at)
        engine_munlock(at, some_pages());
}

static void do_mremap(void)
{
    uintptr_t at = somewhere(), to = world_random(4) ? 0 : somewhere();
    size_t old_len = world_random(8) ? some_pages() : 0, len = some_pages();
    int flags = to ? MREMAP_FIXED | MREMAP_MAYMOVE : world_random(2) ? MREMAP_MAYMOVE : 0;
    if (!at || count > PAGES_MAX - 600)
        return;
    struct page old = *find(at);
    struct page moved[8];
    size_t kept = old_len < len ? old_len : len;
    for (size_t i = 0; i < old_len / FAKE_PAGE; i++)
        if (find(at + i * FAKE_PAGE))
            moved[i] = *find(at + i * FAKE_PAGE);
    long answer = engine_mremap(at, old_len, len, flags, to);
    if (sys_failed(answer))
        return;
    if (old_len)
        forget(at, old_len);
    forget((uintptr_t)answer, len);
    for (size_t i = 0; i < kept / FAKE_PAGE; i++) {
        moved[i].addr = (uintptr_t)answer + i * FAKE_PAGE;
        expect(moved[i], FAKE_PAGE);
    }
    old.addr = (uintptr_t)answer + kept;
    old.offset += old.inode ? kept : 0;
    expect(old, len - kept);
}

/* Any one call of the library to the kernel fails now and then. */
static void disturb(void)
{
    static const enum fake_call calls[] = { FAKE_MREMAP, FAKE_FSTAT };
    enum fake_call call = calls[world_random(COUNT_OF(calls))];
    fake_fail(call, world_random(3), -ENOMEM);
    for (int i = 0; i < 6; i++)
        do_mmap(0);
    fake_fail(call, 0, 0);
}

/* The kernel refuses a map over others, and leaves them as they are. */
static void do_refused_mmap(void)
{
    uintptr_t at = somewhere();
    if (!at)
        return;
    fake_fail(FAKE_MMAP, 0, -EACCES);
    assert_int_equal(engine_mmap(at, some_pages(), RW, MAP_SHARED | MAP_FIXED, fds[0], 0), -EACCES);
    fake_fail(FAKE_MMAP, 0, 0);
}

static void step(void)
{
    switch (world_random(12)) {
    case 0:
    case 1:
    case 2:
    case 3: do_mmap(0); break;
    case 4: do_mmap(somewhere()); break;
    case 5:
    case 6:
    case 7: do_munmap(); break;
    case 8: do_mprotect(); break;
    case 9: world_random(4) ? do_mremap() : do_refused_mmap(); break;
    case 10: do_madvise(); break;
    case 11: world_random(4) ? do_mlock() : disturb(); break;
    }
}

static void finish(void)
{
    while (count) {
        uintptr_t at = pages[0].addr;
        assert_int_equal(engine_munmap(at, FAKE_PAGE), 0);
        forget(at, FAKE_PAGE);
    }
    assert_int_equal(world_maps(), 0);
    assert_int_equal(regions_total(), 0);
    assert_int_equal(mapherd_status_block.windows, 0);
}

/* What a refused call would have removed is still there, and counts. */
static void refused_often(void)
{
    long at = engine_mmap(0, FAKE_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fake_fail(FAKE_MMAP, 0, -EACCES);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(
            engine_mmap((uintptr_t)at, FAKE_PAGE, RW, MAP_SHARED | MAP_FIXED, fds[0], 0), -EACCES);
    fake_fail(FAKE_MMAP, 0, 0);
    assert_true(mapherd_status_block.bound >= world_maps());
    assert_int_equal(engine_munmap((uintptr_t)at, FAKE_PAGE), 0);
}

static void random_calls(bool overlay)
{
    world_start();
    options.coalesce = COALESCE_JOIN;
    placement_switch(true);
    gate_start(MAPHERD_HERDING, NULL);
    STATUS_SET(bound, 0);
    for (int i = 0; i < FILES; i++) {
        struct fake_file file = { .inode = FIRST_INODE + (uint64_t)i / 2,
                                  .size = FILE_PAGES * FAKE_PAGE,
                                  .never_side = overlay };
        fds[i] = fake_open(file, O_RDWR);
    }
    refused_often();
    for (int i = 0; i < STEPS; i++) {
        step();
        compare();
    }
    assert_true(mapherd_status_block.placed > 0 && mapherd_status_block.joined > 0);
    assert_true(!overlay || mapherd_status_block.compared > 0);
    finish();
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
