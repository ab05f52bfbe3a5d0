/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * leaker: three calls that leak, among ten that do not, which are called on two ways each. How many
 * mappings each has left at the end is in their names, and they are in this order: alpha, beta, gamma.
 *
 *     leaker [wait]      ends, or waits to be killed
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL
#define KEEP(p) __asm__ volatile("" : "+r"(p)) /* no tail call: the frame is the function's */
#define RW (PROT_READ | PROT_WRITE)

static void *fresh(unsigned long pages)
{
    void *p = mmap(NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    KEEP(p);
    return p;
}

/* ---- these leak ---- */

/* The middle goes: one mapping in two pieces. */
__attribute__((noinline)) static void *leak_alpha_500(void)
{
    char *p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + PAGE, 2 * PAGE);
    KEEP(p);
    return p;
}

/* It moves and grows. */
__attribute__((noinline)) static void *leak_beta_300(void)
{
    void *p = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    KEEP(p);
    return p;
}

/* The kernel makes three maps of it. */
__attribute__((noinline)) static void *leak_gamma_200(void)
{
    char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(p + PAGE, PAGE, PROT_NONE);
    KEEP(p);
    return p;
}

/* ---- these do not, each in its own way ---- */

static void whole(void)
{
    munmap(fresh(3), 3 * PAGE);
}
static void halves(void)
{
    char *p = fresh(4);
    munmap(p, 2 * PAGE);
    munmap(p + 2 * PAGE, 2 * PAGE);
}
static void middle_first(void)
{
    char *p = fresh(5);
    munmap(p + 2 * PAGE, PAGE);
    munmap(p, 5 * PAGE);
}
static void moved(void)
{
    munmap(mremap(fresh(2), 2 * PAGE, 9 * PAGE, MREMAP_MAYMOVE), 9 * PAGE);
}
static void shrunk(void)
{
    munmap(mremap(fresh(6), 6 * PAGE, PAGE, 0), PAGE);
}
static void protected(void)
{
    char *p = fresh(3);
    mprotect(p, PAGE, PROT_READ);
    munmap(p, 3 * PAGE);
}
/* One place, mapped over again and again: the last is the only one, and it goes. */
static void replaced(void)
{
    static void *place;
    if (!place)
        place = fresh(8);
    void *p = mmap(place, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    KEEP(p);
}
static void replaced_in_part(void)
{
    char *p = fresh(4);
    void *q = mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    KEEP(q);
    munmap(p, 4 * PAGE);
}
static void two_at_once(void)
{
    char *p = fresh(2);
    void *q = mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    KEEP(q);
    munmap(p, 2 * PAGE);
}
static void moved_onto(void)
{
    char *p = fresh(2), *q = fresh(2);
    munmap(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q), 2 * PAGE);
}

static void (*const tidy[])(void) = {
    whole,     halves,   middle_first,     moved,       shrunk,
    protected, replaced, replaced_in_part, two_at_once, moved_onto
};

int main(int argc, char **argv)
{
    for (int i = 0; i < 500; i++) {
        leak_alpha_500();
        if (i < 300)
            leak_beta_300();
        if (i < 200)
            leak_gamma_200();
        for (size_t t = 0; t < sizeof tidy / sizeof *tidy; t++)
            tidy[t]();
        for (size_t t = sizeof tidy / sizeof *tidy; t > 0; t--)
            tidy[t - 1]();
    }
    puts("done");
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "wait"))
        pause();
    return 0;
}
