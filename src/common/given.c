/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * given: see given.h.
 */
#define _GNU_SOURCE
#include "common/given.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>

#include "common/error.h"
#include "common/libc.h"

/* Of a program without a libc. */
static char **arguments, **variables;
static const ElfW(auxv_t) * vector;

bool given_libc(void)
{
    return error_reachable() && &__environ && getauxval;
}

/* musl hands nothing to constructors: but it is a libc. */
bool given_start(int argc, char **argv)
{
    if (given_libc())
        return true;
    if (argc < 0 || !argv || argv[argc])
        return false;
    arguments = argv;
    variables = argv + argc + 1;
    char **end = variables;
    while (*end)
        end++;
    vector = (const void *)(end + 1);
    return given_value(AT_PAGESZ) != 0;
}

char **given_environ(void)
{
    return given_libc() ? __environ : variables;
}

unsigned long given_value(unsigned long type)
{
    if (getauxval)
        return getauxval(type);
    for (const ElfW(auxv_t) *entry = vector; entry && entry->a_type != AT_NULL; entry++)
        if (entry->a_type == type)
            return entry->a_un.a_val;
    return 0;
}

const char *given_name(void)
{
    if (&__progname && __progname)
        return __progname;
    if (!arguments || !*arguments)
        return "?";
    const char *name = *arguments;
    for (const char *c = name; *c; c++)
        if (*c == '/')
            name = c + 1;
    return name;
}
