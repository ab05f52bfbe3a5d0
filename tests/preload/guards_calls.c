/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards: the calls that meet a guard after it was made.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

#include "guards.h"
#include "look.h"

static char *guarded(void)
{
    char *a = area(RW, ANON);
    a[3 * PAGE] = 3;
    a[6 * PAGE] = 6;
    if (protect(a, 4, 6, PROT_NONE))
        die("cannot protect");
    return a;
}

static void child_lifts(char *a)
{
    show("child", a);
    told("child lifts", protect(a, 4, 6, RW));
    show("child lifted", a);
}

static void forked(void)
{
    char *a = guarded();
    in_child(child_lifts, a);
    show("parent", a);
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
}

/* The pages that are not to be in the child: another map is there then. */
static void child_maps_hole(char *a)
{
    char *got = mmap(a + 4 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    told("child maps there", got == a + 4 * PAGE ? 0 : -1);
    show("child", a);
}

static void dontfork(void)
{
    char *a = guarded();
    told("dontfork", madvise(a + 4 * PAGE, 2 * PAGE, MADV_DONTFORK));
    in_child(child_maps_hole, a);
    show("parent", a);
    told("dofork", madvise(a, AREA * PAGE, MADV_DOFORK));
    in_child(child_lifts, a);
}

static void wipeonfork(void)
{
    char *a = guarded();
    told("wipeonfork", madvise(a, AREA * PAGE, MADV_WIPEONFORK));
    in_child(child_shows, a);
    show("parent", a);
    told("lift", protect(a, 4, 6, RW));
    told("protect", protect(a, 8, 9, PROT_NONE));
    in_child(child_shows, a);
}

static void locked(void)
{
    char *a = guarded();
    told("lock", mlock(a, AREA * PAGE));
    show("locked", a);
    told("unlock", munlock(a, AREA * PAGE));
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
    a = area(RW, ANON);
    told("lock half, on fault", mlock2(a + 10 * PAGE, 2 * PAGE, MLOCK_ONFAULT));
    told("protect", protect(a, 9, 11, PROT_NONE));
    show("guarded", a);
    told("lift", protect(a, 9, 11, RW));
    show("lifted", a);
}

static void moved(void)
{
    char *a = guarded(), *b = area(RW, ANON);
    char *to = b + 4 * PAGE;
    a[8 * PAGE] = 8;
    told("move", mremap(a + 4 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to
                     ? 0
                     : -1);
    show("new place", b);
    told("old place", madvise(a + 4 * PAGE, 2 * PAGE, MADV_NORMAL));
    char *again = mmap(a + 4 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    told("map the old place", again == a + 4 * PAGE ? 0 : -1);
    show("old place", a);
    told("lift", protect(b, 4, 6, RW));
    show("lifted", b);
}

/* One map with markers, or three maps: since Linux 6.17 both can be moved by one call. */
static void moved_whole(void)
{
    char *a = area(RW, ANON), *b = area(RW, ANON);
    mmap(a + 4 * PAGE, 2 * PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0);
    if (mremap(a, AREA * PAGE, AREA * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, b) != b) {
        printf("  this kernel moves one map a call\n");
        return;
    }
    a = guarded();
    b = area(RW, ANON);
    told("move",
         mremap(a, AREA * PAGE, AREA * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, b) == b ? 0 : -1);
    show("new place", b);
    told("lift", protect(b, 4, 6, RW));
    show("lifted", b);
    told("map the old place",
         mmap(a, AREA * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == a ? 0 : -1);
    show("old place", a);
}

/* The guard and what the move adds to it are one map, without access. */
static void grown(void)
{
    char *a = guarded(), *b = area(RW, ANON);
    char *to = b + 4 * PAGE;
    told("grow", mremap(a + 4 * PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to
                     ? 0
                     : -1);
    show("grown", b);
}

static void moved_without_unmapping(void)
{
    char *a = guarded(), *b = area(RW, ANON);
    char *to = b + 4 * PAGE;
    told("move", mremap(a + 4 * PAGE, 2 * PAGE, 2 * PAGE,
                        MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to
                     ? 0
                     : -1);
    show("old place", a);
    show("new place", b);
}

static void shrunk(void)
{
    char *a = area(RW, ANON);
    protect(a, 12, AREA, PROT_NONE);
    told("shrink", mremap(a, AREA * PAGE, 12 * PAGE, 0) == a ? 0 : -1);
    told("grow", mremap(a, 12 * PAGE, AREA * PAGE, 0) == a ? 0 : -1);
    show("grown", a);
}

static void dropped(void)
{
    char *a = guarded();
    told("dontneed", madvise(a, AREA * PAGE, MADV_DONTNEED));
    show("dropped", a);
    told("free", madvise(a, AREA * PAGE, MADV_FREE));
    show("freed", a);
    told("dontneed, the guard", madvise(a + 4 * PAGE, 2 * PAGE, MADV_DONTNEED));
    show("dropped", a);
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
}

/* Calls that walk over a guard, or populate it. */
static void walked(void)
{
    unsigned char there[AREA];
    char *a = guarded();
    told("msync", msync(a, AREA * PAGE, MS_SYNC));
    told("mincore", mincore(a, AREA * PAGE, there));
    told("willneed", madvise(a, AREA * PAGE, MADV_WILLNEED));
    told("populate for writing", madvise(a + 4 * PAGE, 2 * PAGE, MADV_POPULATE_WRITE));
    told("populate for reading", madvise(a + 4 * PAGE, 2 * PAGE, MADV_POPULATE_READ));
    show("after", a);
    printf("  in memory:");
    for (size_t i = 3; i < 7; i++)
        printf(" %d", there[i] & 1);
    printf("\n");
}

static void mapped_over(void)
{
    char *a = guarded();
    char *over = mmap(a + 4 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
    told("map over", over == a + 4 * PAGE ? 0 : -1);
    show("over", a);
    a[4 * PAGE] = 4;
    told("lift", protect(a, 4, 6, RW));
    show("kept", a);
    protect(a, 8, 10, PROT_NONE);
    told("map half over",
         mmap(a + 7 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == a + 7 * PAGE ? 0 : -1);
    show("half over", a);
}

static void unmapped(void)
{
    char *a = guarded();
    told("unmap", munmap(a + 4 * PAGE, 2 * PAGE));
    told("map there",
         mmap(a + 4 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == a + 4 * PAGE ? 0
                                                                                             : -1);
    show("mapped", a);
    protect(a, 4, 6, PROT_NONE);
    told("unmap all", munmap(a, AREA * PAGE));
    told("map all", mmap(a, AREA * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == a ? 0 : -1);
    show("mapped", a);
    protect(a, 4, 8, PROT_NONE);
    told("unmap half", munmap(a + 6 * PAGE, 4 * PAGE));
    show("half", a);
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
}

const struct guard_case guard_calls[] = {
    { "forked", forked },         { "dontfork", dontfork },
    { "wipeonfork", wipeonfork }, { "locked", locked },
    { "moved", moved },           { "moved_whole", moved_whole },
    { "grown", grown },           { "moved_without_unmapping", moved_without_unmapping },
    { "shrunk", shrunk },         { "dropped", dropped },
    { "walked", walked },         { "mapped_over", mapped_over },
    { "unmapped", unmapped },     { NULL, NULL },
};
