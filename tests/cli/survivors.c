/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * survivors: maps where it forgets 200 mappings and where 2,000 are there at any time, each of which
 * is unmapped when as many younger ones were made. Says how many it has made there, and ends.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))
enum { PAGE = 4096, AT_ONCE = 2000, ROUNDS = 25, FORGOTTEN = 8 };

static void *good(void *at)
{
    if (at != MAP_FAILED)
        return at;
    perror("survivors");
    exit(2);
}

APART void *use_for_a_while(void)
{
    return good(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

APART void forget(void)
{
    good(mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

int main(void)
{
    static void *used[AT_ONCE];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < FORGOTTEN; i++)
            forget();
        for (int i = 0; i < AT_ONCE; i++) {
            if (used[i])
                munmap(used[i], PAGE);
            used[i] = use_for_a_while();
        }
    }
    printf("%d %d\n", ROUNDS * AT_ONCE, ROUNDS * FORGOTTEN);
    fflush(stdout);
    _exit(0);
}
