/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards: protecting and giving access, and what the pages hold.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guards.h"

static void plain(void)
{
    char *a = area(RW, ANON);
    a[3 * PAGE] = 3;
    a[6 * PAGE] = 6;
    told("protect", protect(a, 4, 6, PROT_NONE));
    show("guarded", a);
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
    a[4 * PAGE] = 4;
    a[6 * PAGE - 1] = 5;
    show("used", a);
}

static void half_lifted(void)
{
    char *a = area(RW, ANON);
    protect(a, 4, 8, PROT_NONE);
    told("lift half", protect(a, 4, 6, RW));
    show("half", a);
    told("lift all", protect(a, 0, AREA, RW));
    show("all", a);
}

static void asked_twice(void)
{
    char *a = area(RW, ANON);
    protect(a, 4, 6, PROT_NONE);
    told("again", protect(a, 4, 6, PROT_NONE));
    show("twice", a);
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
    told("a third time", protect(a, 4, 6, PROT_NONE));
    show("thrice", a);
}

static void overlapping(void)
{
    char *a = area(RW, ANON);
    protect(a, 2, 5, PROT_NONE);
    told("overlap", protect(a, 4, 7, PROT_NONE));
    show("both", a);
    told("lift across", protect(a, 3, 6, RW));
    show("across", a);
}

static void holds_data(void)
{
    char *a = area(RW, ANON);
    a[4 * PAGE] = 44;
    told("protect", protect(a, 4, 5, PROT_NONE));
    told("protect half", protect(a, 7, 9, PROT_NONE));
    show("guarded", a);
    told("lift", protect(a, 0, AREA, RW));
    show("kept", a);
    a[7 * PAGE] = 77;
    told("protect", protect(a, 6, 9, PROT_NONE));
    told("lift", protect(a, 6, 9, RW));
    show("kept again", a);
}

static void only_read(void)
{
    char *a = area(RW, ANON);
    volatile char byte = a[4 * PAGE]; /* the zero page */
    (void)byte;
    protect(a, 4, 6, PROT_NONE);
    show("guarded", a);
    told("for reading", protect(a, 4, 6, PROT_READ));
    show("reads", a);
    told("guard again", protect(a, 4, 6, PROT_NONE));
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
}

static void wider(void)
{
    char *a = area(RW, ANON);
    a[PAGE] = 1;
    protect(a, 4, 6, PROT_NONE);
    told("none", protect(a, 0, AREA, PROT_NONE));
    show("none", a);
    told("rw", protect(a, 0, AREA, RW));
    show("rw", a);
    protect(a, 4, 6, PROT_NONE);
    told("read", protect(a, 2, 8, PROT_READ));
    show("read", a);
}

static void at_the_ends(void)
{
    char *a = area(RW, ANON);
    told("first", protect(a, 0, 1, PROT_NONE));
    told("last", protect(a, AREA - 1, AREA, PROT_NONE));
    show("ends", a);
    told("all", protect(a, 0, AREA, PROT_NONE));
    told("lift all", protect(a, 0, AREA, RW));
    show("lifted", a);
}

/* The kernel protects what is there, and says ENOMEM. */
static void past_the_end(void)
{
    char *a = area(RW, ANON);
    munmap(a + 12 * PAGE, 2 * PAGE);
    told("protect", protect(a, 10, 14, PROT_NONE));
    show("guarded", a);
    told("lift", protect(a, 10, 12, RW));
    show("lifted", a);
}

static void over_two_maps(void)
{
    char *a = area(RW, ANON);
    protect(a, 8, AREA, PROT_READ);
    told("protect", protect(a, 6, 10, PROT_NONE));
    show("guarded", a);
    told("lift", protect(a, 6, 10, PROT_READ));
    show("lifted", a);
}

static void bad_requests(void)
{
    char *a = area(RW, ANON);
    told("unaligned", mprotect(a + 4 * PAGE + 1, PAGE, PROT_NONE));
    told("empty", mprotect(a + 4 * PAGE, 0, PROT_NONE));
    told("not whole pages", mprotect(a + 4 * PAGE, PAGE + 1, PROT_NONE));
    show("guarded", a);
    told("lift a byte", mprotect(a + 4 * PAGE, 1, RW));
    show("lifted", a);
}

/* A read that reaches the guard half way is a short one. */
static void short_read(void)
{
    char *a = area(RW, ANON);
    protect(a, 4, 6, PROT_NONE);
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    a[3 * PAGE] = 1;
    told("into it", read(fd, a + 4 * PAGE, PAGE));
    told("up to it", read(fd, a + 3 * PAGE, 2 * PAGE) == (ssize_t)PAGE ? 0 : 1);
    close(fd);
    show("after", a);
}

const struct guard_case guard_basics[] = {
    { "plain", plain },
    { "half_lifted", half_lifted },
    { "asked_twice", asked_twice },
    { "overlapping", overlapping },
    { "holds_data", holds_data },
    { "only_read", only_read },
    { "wider", wider },
    { "at_the_ends", at_the_ends },
    { "past_the_end", past_the_end },
    { "over_two_maps", over_two_maps },
    { "bad_requests", bad_requests },
    { "short_read", short_read },
    { NULL, NULL },
};
