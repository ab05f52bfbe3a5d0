/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stacks: makes stacks of 64 KiB, each with a guard page at its low end, as fibers and threads
 * have them, and keeps them all.
 *
 *   stacks COUNT
 *
 * Then it looks at every one, lifts every guard, and unmaps them. Prints words KEY=VALUE: stacks
 * made, errno of what was refused, maps that they cost, guards that did not fault (open), bytes
 * that were not zero under a lifted guard (dirty) and bytes beside them that had changed
 * (changed), maps left at the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "look.h"
#include "touch.h"

#define PAGE 4096UL
#define STACK (16 * PAGE)
#define RW (PROT_READ | PROT_WRITE)

static char mark(long n)
{
    return (char)(n % 127 + 1);
}

static char *make(long n)
{
    char *stack = mmap(NULL, STACK, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, PAGE, PROT_NONE))
        return NULL;
    stack[PAGE] = stack[STACK - 1] = mark(n);
    return stack;
}

/* A write and a read, at either end of the guard. */
static bool is_open(char *stack)
{
    return touch_stores(stack, 1) || touch_stores(stack + PAGE - 1, 1) ||
           touch_reads(stack + PAGE / 2);
}

int main(int argc, char **argv)
{
    long made = 0, open = 0, dirty = 0, changed = 0;
    long count = argc == 2 ? atol(argv[1]) : 0;
    char **stacks = calloc((size_t)count + 1, sizeof *stacks);
    if (!count || !stacks)
        die("usage: stacks COUNT");
    touch_start();
    struct sight before = look(NULL);
    while (made < count && (stacks[made] = make(made)))
        made++;
    printf("library=%d made=%ld errno=%d", before.library, made, made < count ? errno : 0);
    printf(" maps=%ld", look(NULL).maps - before.maps);
    for (long i = 0; i < made; i++)
        open += is_open(stacks[i]);
    for (long i = 0; i < made; i++) {
        if (mprotect(stacks[i], PAGE, RW))
            die("\nguard %ld cannot be lifted: errno %d", i, errno);
        for (size_t at = 0; at < PAGE; at += PAGE / 4)
            dirty += stacks[i][at] != 0;
        stacks[i][0] = 1;
        changed += stacks[i][PAGE] != mark(i) || stacks[i][STACK - 1] != mark(i);
    }
    for (long i = 0; i < made; i++)
        if (munmap(stacks[i], STACK))
            die("\nstack %ld cannot be unmapped: errno %d", i, errno);
    printf(" open=%ld dirty=%ld changed=%ld left=%ld\n", open, dirty, changed,
           look(NULL).maps - before.maps);
    return 0;
}
