/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * An interpreter by the names of its functions: python3.11, ruby or perl, as the file is called.
 * interpreters DEPTH: a script whose functions call each other so many deep maps 100 times in the last.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))
void built_in(void);
void CALL(int depth);
void EVALUATE(int depth);
void without_a_name(int depth);

/* What the script has called. */
APART void built_in(void)
{
    if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        exit(2);
}

APART void EVALUATE(int depth)
{
    if (depth > 1)
        without_a_name(depth - 1);
    else
        CALL(0);
}

APART void CALL(int depth)
{
    if (depth)
        EVALUATE(depth);
    else
        built_in();
}

/* Its name is taken away, as it is in stripped interpreters. */
APART void without_a_name(int depth)
{
    CALL(depth);
}

int main(int argc, char **argv)
{
    int depth = argc > 1 ? atoi(argv[1]) : 1;
    for (int i = 0; i < 100; i++)
        EVALUATE(depth);
    fflush(stdout);
    _exit(0);
}
