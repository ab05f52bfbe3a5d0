/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* Calls on a range: munmap, mprotect, madvise, msync, mlock, and the program's own stores. */
#define _GNU_SOURCE
#include "driver.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

/* A wrong argument now and then. */
static void maybe_spoil(struct range *r)
{
    if (!percent(5))
        return;
    switch (pick(3)) {
    case 0: /* not aligned: wrong for most, and mlock rounds it, but not over the range's end */
        r->at += 1;
        r->len -= 1;
        break;
    case 1: r->len = 0; break;
    case 2: r->len = (size_t)0 - page; break; /* wraps: no range at all */
    }
}

struct range call_begin(const char *call)
{
    struct range r = pick_range();
    maybe_spoil(&r);
    say("%s ", call);
    say_range(r);
    return r;
}

/* The result, and the bytes as they are now. */
void call_end(struct range r, bool failed)
{
    say_result(failed);
    handles_refresh(r.h);
    bool tell = percent(25) && !look_each_step; /* the look that follows says it better */
    if (r.h->pages && tell)
        say("= bytes %016lx\n", (unsigned long)look_bytes(r.h));
}

void step_munmap(void)
{
    struct range r = handles_full() ? pick_float_place() : pick_place();
    if (!r.h)
        r = pick_arena();
    if (handles_full() || percent(20)) { /* all of it, as most programs do */
        r.first = 0;
        r.at = r.h->base;
        r.count = r.h->pages;
        r.len = r.count * page;
        if (!is_arena(r.h) && !range_mapped(r)) {
            /* Stale holes are somebody else's: page by page. */
            for (unsigned i = 0; i < r.count; i++)
                if (page_mapped(r.h, i) && way->munmap(r.at + i * page, page) == 0)
                    handles_unmapped((struct range){ r.h, i, 1, r.at + i * page, page });
            say("munmap what is left of ");
            say_range(r);
            say("\n");
            handles_refresh(r.h);
            return;
        }
    } else {
        maybe_spoil(&r);
    }
    say("munmap ");
    say_range(r);
    int failed = CALL(way->munmap(r.at, r.len));
    int error = errno;
    if (!failed)
        handles_unmapped(r);
    errno = error;
    call_end(r, failed);
    if (!failed && percent(25)) {
        char *at = r.h->base + (r.first + pick(r.count)) * page;
        say("= a store there: %d\n", guarded_store(at, step_now));
    }
}

void step_mprotect(void)
{
    static const int prots[] = { PROT_READ | PROT_WRITE,
                                 PROT_READ | PROT_WRITE,
                                 PROT_READ,
                                 PROT_NONE,
                                 PROT_READ | PROT_EXEC,
                                 PROT_READ | PROT_WRITE | PROT_EXEC,
                                 PROT_WRITE,
                                 0x40,
                                 PROT_READ | PROT_GROWSDOWN };
    unsigned which = percent(95) ? pick(7) : 7 + pick(2);
    if (chunky && percent(60))
        which = 0;                  /* as it was: neighbours may merge again */
    int key = percent(80) ? -1 : 9; /* a key that was never allocated */
    bool with_key = percent(15);
    struct range r = call_begin(with_key ? "pkey_mprotect" : "mprotect");
    say(" prot %#x", prots[which]);
    handles_by_name(r.h);
    handles_parted(r);
    r.h->guarded |= prots[which] == PROT_NONE;
    if (with_key) {
        say(" key %d", key);
        call_end(r, CALL(way->pkey_mprotect(r.at, r.len, prots[which], key)));
    } else {
        call_end(r, CALL(way->mprotect(r.at, r.len, prots[which])));
    }
}

void step_madvise(void)
{
    static const struct {
        int advice;
        const char *name;
    } advices[] = {
        { MADV_NORMAL, "normal" },
        { MADV_RANDOM, "random" },
        { MADV_SEQUENTIAL, "sequential" },
        { MADV_WILLNEED, "willneed" },
        { MADV_DONTNEED, "dontneed" },
        { MADV_DONTNEED, "dontneed" },
        { MADV_REMOVE, "remove" },
        { MADV_DONTFORK, "dontfork" },
        { MADV_DOFORK, "dofork" },
        { MADV_MERGEABLE, "mergeable" },
        { MADV_UNMERGEABLE, "unmergeable" },
        { MADV_HUGEPAGE, "hugepage" },
        { MADV_NOHUGEPAGE, "nohugepage" },
        { MADV_DONTDUMP, "dontdump" },
        { MADV_DODUMP, "dodump" },
        { MADV_WIPEONFORK, "wipeonfork" },
        { MADV_KEEPONFORK, "keeponfork" },
        { 20, "cold" },
        { 22, "populate_read" },
        { 23, "populate_write" },
        { 102, "guard_install" },
        { 103, "guard_remove" },
        { 999, "unknown" },
    };
    unsigned which = pick(sizeof advices / sizeof advices[0]);
    if (chunky && percent(50))
        which = 0;
    struct range r = call_begin("madvise");
    say(" %s", advices[which].name);
    handles_by_name(r.h);
    handles_parted(r);
    call_end(r, CALL(way->madvise(r.at, r.len, advices[which].advice)));
}

void step_posix_madvise(void)
{
    static const int advices[] = { POSIX_MADV_NORMAL,   POSIX_MADV_RANDOM,   POSIX_MADV_SEQUENTIAL,
                                   POSIX_MADV_WILLNEED, POSIX_MADV_DONTNEED, 99 };
    unsigned which = pick(6);
    struct range r = call_begin("posix_madvise");
    int error = CALL(way->posix_madvise(r.at, r.len, advices[which]));
    int kept = errno;
    say(" %d returns %d", advices[which], error);
    errno = kept;
    call_end(r, false); /* its error is its result: errno stays as it was */
}

void step_msync(void)
{
    static const int flags[] = { MS_ASYNC,           MS_SYNC, MS_SYNC | MS_INVALIDATE,
                                 MS_SYNC | MS_ASYNC, 0x100,   MS_INVALIDATE };
    unsigned which = pick(6);
    struct range r = call_begin("msync");
    say(" %#x", flags[which]);
    call_end(r, CALL(way->msync(r.at, r.len, flags[which])));
}

void step_lock(void)
{
    struct range r;
    switch (pick(7)) {
    case 0:
    case 1:
        r = call_begin("mlock");
        handles_parted(r);
        call_end(r, CALL(way->mlock(r.at, r.len)));
        break;
    case 2:
        r = call_begin("mlock2 onfault");
        handles_parted(r);
        call_end(r, CALL(way->mlock2(r.at, r.len, MLOCK_ONFAULT)));
        break;
    case 3:
        r = call_begin("mlock2 wrong");
        call_end(r, CALL(way->mlock2(r.at, r.len, 0x80)));
        break;
    default:
        r = call_begin("munlock");
        handles_parted(r);
        call_end(r, CALL(way->munlock(r.at, r.len)));
        break;
    }
}

/* What is resident is the kernel's own affair; what is mapped is not. */
void step_mincore(void)
{
    unsigned char resident[MAX_PAGES + 1];
    struct range r = call_begin("mincore");
    call_end(r, CALL(way->mincore(r.at, r.len, resident)));
}

void step_shmat(void)
{
    struct range r = pick_place();
    r.len = r.count * page;
    say("shmat over ");
    say_range(r);
    int id = shmget(IPC_PRIVATE, r.len, 0600);
    char *got = CALL(way->shmat(id, r.at, SHM_REMAP));
    int error = errno;
    shmctl(id, IPC_RMID, NULL);
    if (got == r.at)
        handles_replaced(r.h, got, r.len);
    errno = error;
    call_end(r, got != r.at);
}

/* In the page's first words: never behind the end of a file (files.c). */
void step_store(void)
{
    struct range r = pick_range();
    say("store ");
    say_range(r);
    say(" =");
    for (unsigned i = 0; i < r.count; i++) {
        if (!is_arena(r.h) && !page_mapped(r.h, r.first + i))
            continue;
        uint64_t value = (uint64_t)step_now << 16 | i;
        say(" %d", guarded_store(r.h->base + (r.first + i) * page + 8 * pick(4), value));
    }
    say("\n= bytes %016lx\n", (unsigned long)look_bytes(r.h));
}
