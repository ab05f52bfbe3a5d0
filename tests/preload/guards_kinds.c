/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * guards: in memory of every kind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guards.h"
#include "look.h"

/* Guards [4, 6), looks here and in a child, lifts and looks again. */
static void guard_in(char *a)
{
    told("protect", protect(a, 4, 6, PROT_NONE));
    show("guarded", a);
    in_child(child_shows, a);
    told("lift", protect(a, 4, 6, RW));
    show("lifted", a);
}

static void stack(void)
{
    guard_in(area(RW, ANON | MAP_STACK));
}

static void noreserve(void)
{
    guard_in(area(RW, ANON | MAP_NORESERVE));
}

static void grows_down(void)
{
    guard_in(area(RW, ANON | MAP_GROWSDOWN));
}

static void read_only(void)
{
    guard_in(area(PROT_READ, ANON));
}

static void reserved(void)
{
    char *a = area(PROT_NONE, ANON | MAP_NORESERVE);
    told("open", protect(a, 0, AREA, RW));
    guard_in(a);
}

static void shared(void)
{
    char *a = area(RW, MAP_SHARED | MAP_ANONYMOUS);
    guard_in(a);
    a[4 * PAGE] = 4;
    guard_in(a);
}

static void locked(void)
{
    guard_in(area(RW, ANON | MAP_LOCKED));
}

/* A file's pages hold the file's bytes, whether this process has looked at them or not. */
static void of_file(int flags)
{
    int fd = memfd_create("guards", MFD_CLOEXEC);
    char bytes[AREA * PAGE];
    for (size_t i = 0; i < AREA; i++)
        memset(bytes + i * PAGE, (int)i + 1, PAGE);
    if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        die("cannot write: %s", strerror(errno));
    char *a = area(RW, ANON);
    if (mmap(a, AREA * PAGE, RW, flags | MAP_FIXED, fd, 0) != a)
        die("cannot map: %s", strerror(errno));
    guard_in(a);
    a[4 * PAGE] = 99;
    char byte = 0;
    if (pread(fd, &byte, 1, 4 * PAGE) != 1)
        die("cannot read");
    printf("  in the file: %d\n", byte);
    close(fd);
}

static void shared_file(void)
{
    of_file(MAP_SHARED);
}

static void private_file(void)
{
    of_file(MAP_PRIVATE);
}

/* As thread libraries do it: guards in many stacks of one map. */
static void many(void)
{
    char *a = area(RW, ANON);
    for (size_t i = 0; i < AREA; i += 2)
        told("protect", protect(a, i, i + 1, PROT_NONE));
    show("guarded", a);
    for (size_t i = 0; i < AREA; i += 4)
        told("lift", protect(a, i, i + 1, RW));
    show("half of them lifted", a);
}

const struct guard_case guard_kinds[] = {
    { "stack", stack },
    { "noreserve", noreserve },
    { "grows_down", grows_down },
    { "read_only", read_only },
    { "reserved", reserved },
    { "shared", shared },
    { "locked_memory", locked },
    { "shared_file", shared_file },
    { "private_file", private_file },
    { "many", many },
    { NULL, NULL },
};
