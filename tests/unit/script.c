/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * script: see script.h.
 */
#define _GNU_SOURCE
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "entry/engine.h"
#include "entry/gate.h"
#include "fakespace.h"
#include "fakesys.h"
#include "herd/placement.h"
#include "kernel/newer.h"
#include "kernel/sys.h"
#include "space/model.h"
#include "space/regions.h"
#include "tell/options.h"
#include "tell/status.h"
#include "world.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define PAGES_MAX 3000
#define FIRST_INODE 10
#define FILE_PAGES 64
#define RW (PROT_READ | PROT_WRITE)

static struct script script;

/* What a page of the program is. Anonymous pages have inode 0. */
static struct page {
    uintptr_t addr;
    uint64_t inode, offset;
    int prot;
    bool shared;
} pages[PAGES_MAX];
static int count;
static int fds[SCRIPT_FILES];

_Noreturn void script_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
    abort();
}

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    va_list args;
    if (!script.aloud)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

static uint32_t draw(uint32_t n)
{
    return script.draw(n);
}

int script_fd(int n)
{
    return fds[n];
}

/* ---- the naive model ---- */

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
        script_holds(count < PAGES_MAX);
        pages[count] = first;
        pages[count].addr += at;
        pages[count++].offset += first.inode ? at : 0;
    }
}

/* Bytes of the library's own maps of the files: masters, of a page each, and what it retains. */
static size_t of_library(void)
{
    return mapherd_status_block.masters * FAKE_PAGE + regions_retained_bytes();
}

/* What the library believes of a region is what the kernel has there. */
static void compare_region(const struct region *r)
{
    const struct fake_vma *v = fake_vma_at(r->start);
    tell("  region %#lx-%#lx kind %#x, in", r->start, r->end, r->kind);
    if (v)
        tell(" %#lx-%#lx prot %d %s inode %lu", v->start, v->end, v->prot,
             v->shared ? "shared" : "private", v->inode);
    tell("\n");
    script_holds(v && v->end >= r->end);
    if (r->kind & REGION_FOREIGN)
        return; /* no more is known of it */
    script_holds(v->prot == (int)(r->kind & REGION_PROT));
    script_holds(v->shared == ((r->kind & REGION_SHARED) != 0));
    script_holds((v->inode == 0) == ((r->kind & REGION_ANONYMOUS) != 0));
    if (r->window) {
        script_holds(v->inode == r->window->file->ino);
        script_holds(v->offset + (r->start - v->start) == region_offset(r));
    }
}

static void compare_regions(void)
{
    size_t n = 0;
    uintptr_t end = 0;
    if (!model_take())
        script_fail(__FILE__, __LINE__, "the model lock is free");
    for (const struct region *r = regions_from(0); r; r = r->after, n++) {
        script_holds(r->start >= end && r->start < r->end);
        end = r->end;
        compare_region(r);
    }
    script_holds(n == regions_total());
    model_drop();
}

void script_compare(void)
{
    for (int i = 0; i < count; i++) {
        const struct page *p = &pages[i];
        const struct fake_vma *v = fake_vma_at(p->addr);
        script_holds(v);
        script_holds(v->inode == p->inode);
        script_holds(v->prot == p->prot);
        script_holds(v->shared == p->shared);
        if (p->inode)
            script_holds(v->offset + (p->addr - v->start) == p->offset);
    }
    /* Nothing else is mapped but the pool, masters and what is retained. */
    size_t mapped = 0, known = 0;
    for (long n = 0; n < fake_vma_count(); n++)
        mapped +=
            fake_vma_number(n)->inode ? fake_vma_number(n)->end - fake_vma_number(n)->start : 0;
    for (int i = 0; i < count; i++)
        known += pages[i].inode ? FAKE_PAGE : 0;
    script_holds(mapped == known + of_library());
    script_holds(mapherd_status_block.bound >= world_maps());
    compare_regions();
}

/* ---- the calls ---- */

static size_t some_pages(void)
{
    return (1 + draw(8)) * FAKE_PAGE;
}

/* An address in the program's memory, or near it; 0 if there is none. */
static uintptr_t somewhere(void)
{
    return count ? pages[draw((uint32_t)count)].addr : 0;
}

static void do_mmap(uintptr_t over)
{
    size_t len = some_pages();
    int prot = draw(3) ? RW : PROT_READ, flags = over ? MAP_FIXED : 0;
    bool shared = draw(3), anonymous = !draw(4);
    int file = (int)draw(SCRIPT_FILES);
    off_t offset = (off_t)(draw(FILE_PAGES - 8) * FAKE_PAGE);
    flags |= shared ? MAP_SHARED : MAP_PRIVATE;
    if (anonymous)
        flags |= MAP_ANONYMOUS;
    if (count > PAGES_MAX - 600)
        return;
    long at = engine_mmap(over, len, prot, flags, anonymous ? -1 : fds[file], offset);
    tell("mmap(%#lx, %zu, prot %d, flags %#x, file %d, %#lx) = %#lx\n", over, len, prot, flags,
         anonymous ? -1 : file, offset, at);
    script_holds(!sys_failed(at));
    if (over) {
        script_holds((uintptr_t)at == over);
        forget(over, len);
    }
    for (size_t page = 0; page < len; page += FAKE_PAGE) /* two live maps never share an address */
        script_holds(!find((uintptr_t)at + page));
    expect((struct page){ (uintptr_t)at,
                          anonymous ? 0 : fake_open_file(fake_number(fds[file]))->file.inode,
                          anonymous ? 0 : (uint64_t)offset, prot, shared },
           len);
}

/* Where something is, the kernel refuses; what is retained is nothing that the program may see. */
static void do_mmap_noreplace(void)
{
    uintptr_t at = somewhere() + draw(3) * FAKE_PAGE;
    size_t len = some_pages();
    bool is_free = true;
    if (at < FAKE_PAGE * 4 || count > PAGES_MAX - 600)
        return;
    for (size_t page = 0; page < len; page += FAKE_PAGE)
        is_free &= !find(at + page);
    long answer =
        engine_mmap(at, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    tell("mmap(%#lx, %zu, no replace) = %#lx\n", at, len, answer);
    script_holds(answer == (is_free ? (long)at : -EEXIST) || answer == -EEXIST);
    if (!sys_failed(answer))
        expect((struct page){ at, 0, 0, RW, false }, len);
}

static void do_munmap(void)
{
    uintptr_t at = somewhere();
    size_t len = some_pages();
    if (!at)
        return;
    tell("munmap(%#lx, %zu)\n", at, len);
    script_holds(engine_munmap(at, len) == 0);
    forget(at, len);
}

static void do_mprotect(void)
{
    uintptr_t at = somewhere();
    size_t len = some_pages();
    int prot = draw(3) ? RW : PROT_NONE;
    if (!at)
        return;
    long answer = engine_mprotect(at, len, prot);
    tell("mprotect(%#lx, %zu, %d) = %ld\n", at, len, prot, answer);
    size_t done = 0;
    for (struct page *p; done < len && (p = find(at + done)); done += FAKE_PAGE)
        p->prot = script.broken && done == 5 * FAKE_PAGE ? p->prot : prot;
    script_holds(answer == (done == len ? 0 : -ENOMEM));
}

static void do_madvise(void)
{
    static const int advices[] = { MADV_NORMAL, MADV_RANDOM,   MADV_SEQUENTIAL, MADV_DONTFORK,
                                   MADV_DOFORK, MADV_DONTNEED, MADV_WILLNEED };
    uintptr_t at = somewhere();
    size_t len = some_pages();
    int advice = advices[draw(COUNT_OF(advices))];
    if (!at)
        return;
    tell("madvise(%#lx, %zu, %d)\n", at, len, advice);
    engine_madvise(at, len, advice);
}

static void do_mlock(void)
{
    uintptr_t at = somewhere();
    size_t len = some_pages(), within = draw(16) * FAKE_PAGE / 16;
    bool lock = draw(2);
    if (!at)
        return;
    tell("%s(%#lx, %zu)\n", lock ? "mlock" : "munlock", at + within, len);
    lock ? engine_mlock(at + within, len) : engine_munlock(at, len);
}

static void do_msync(void)
{
    uintptr_t at = somewhere();
    size_t len = some_pages();
    bool whole = true;
    if (!at)
        return;
    for (size_t page = 0; page < len; page += FAKE_PAGE)
        whole &= find(at + page) != NULL;
    long answer = engine_msync(at, len, draw(4) ? MS_SYNC : MS_ASYNC, sys_msync);
    script_holds(answer == (whole ? 0 : -ENOMEM));
}

/* Of what is mapped in several ways, the kernel moves nothing. */
static void do_mremap(void)
{
    uintptr_t at = somewhere(), to = draw(4) ? 0 : somewhere();
    size_t old_len = draw(8) ? some_pages() : 0, len = some_pages();
    int flags = to ? MREMAP_FIXED | MREMAP_MAYMOVE : draw(2) ? MREMAP_MAYMOVE : 0;
    if (!at || count > PAGES_MAX - 600)
        return;
    struct page old = *find(at);
    struct page moved[8];
    size_t kept = old_len < len ? old_len : len;
    for (size_t i = 0; i < old_len / FAKE_PAGE; i++)
        if (find(at + i * FAKE_PAGE))
            moved[i] = *find(at + i * FAKE_PAGE);
    long answer = engine_mremap(at, old_len, len, flags, to);
    tell("mremap(%#lx, %zu, %zu, %d, %#lx) = %#lx\n", at, old_len, len, flags, to, answer);
    if (sys_failed(answer)) {
        /* The kernel may have unmapped the target before it failed. */
        return;
    }
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
    enum fake_call call = calls[draw(COUNT_OF(calls))];
    unsigned skip = draw(3);
    tell("from the next but %u on, %s fails\n", skip, call == FAKE_MREMAP ? "mremap" : "fstat");
    /* By ENOMEM mremap would say that the range is one VMA (space/merge.c). */
    fake_fail(call, skip, call == FAKE_MREMAP ? -EPERM : -ENOMEM);
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
    tell("mmap(%#lx) is refused\n", at);
    fake_fail(FAKE_MMAP, 0, -EACCES);
    script_holds(engine_mmap(at, some_pages(), RW, MAP_SHARED | MAP_FIXED, fds[0], 0) == -EACCES);
    fake_fail(FAKE_MMAP, 0, 0);
}

void script_step(void)
{
    switch (draw(14)) {
    case 0:
    case 1:
    case 2:
    case 3: do_mmap(0); break;
    case 4: do_mmap(somewhere()); break;
    case 5:
    case 6:
    case 7: do_munmap(); break;
    case 8: do_mprotect(); break;
    case 9: draw(4) ? do_mremap() : do_refused_mmap(); break;
    case 10: do_madvise(); break;
    case 11: draw(4) ? do_mlock() : disturb(); break;
    case 12: do_msync(); break;
    case 13: do_mmap_noreplace(); break;
    }
}

void script_begin(const struct script *s)
{
    script = *s;
    count = 0;
    world_start();
    options.coalesce = s->coalesce;
    placement_switch(true);
    gate_start(MAPHERD_HERDING, NULL);
    STATUS_SET(bound, 0);
    for (int i = 0; i < SCRIPT_FILES; i++) {
        struct fake_file file = { .inode = FIRST_INODE + (uint64_t)i / 2,
                                  .size = FILE_PAGES * FAKE_PAGE,
                                  .sparse = s->sparse,
                                  .never_side = s->overlay };
        fds[i] = fake_open(file, O_RDWR);
    }
}

void script_end(void)
{
    while (count) {
        uintptr_t at = pages[0].addr;
        script_holds(engine_munmap(at, FAKE_PAGE) == 0);
        forget(at, FAKE_PAGE);
    }
    script_holds(world_maps() == 0);
    script_holds(regions_total() == 0);
    script_holds(mapherd_status_block.windows == 0);
}
