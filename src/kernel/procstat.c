/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * procstat: lines of "label: number unit", read in pieces of any size.
 *
 * Only the start of a line is kept, because what is wanted stands there: the lists of processors in
 * /proc/PID/status are longer than the stack has room for.
 */
#define _GNU_SOURCE
#include "kernel/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/sys.h"

struct line {
    char text[64];
    size_t len, number; /* the number of the line, from 0 on */
};

static int digit(char c, bool hex)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return hex && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static unsigned long parse(const char *text, bool hex)
{
    unsigned long value = 0;
    while (*text == ' ' || *text == '\t')
        text++;
    if (digit(*text, hex) < 0)
        return PROCSTAT_NONE;
    for (; digit(*text, hex) >= 0; text++)
        value = value * (hex ? 16 : 10) + (unsigned long)digit(*text, hex);
    return value;
}

/* Takes the value of a line that has ended, if it is wanted. */
static void take(struct line *l, struct procstat *wanted, size_t n)
{
    l->text[l->len] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(wanted[i].label);
        if (!len && l->number == 0)
            wanted[i].value = parse(l->text, wanted[i].hex);
        else if (len && l->len > len && l->text[len] == ':' &&
                 memcmp(l->text, wanted[i].label, len) == 0)
            wanted[i].value = parse(l->text + len + 1, wanted[i].hex);
    }
    l->len = 0;
    l->number++;
}

void procstat_read(const char *path, struct procstat *wanted, size_t n)
{
    char piece[512];
    struct line line = { "", 0, 0 };
    for (size_t i = 0; i < n; i++)
        wanted[i].value = PROCSTAT_NONE;
    long fd = brief_open(path, O_RDONLY, 0);
    if (fd < 0)
        return;
    long got;
    while ((got = sys_read((int)fd, piece, sizeof piece)) > 0 || got == -EINTR) {
        for (long i = 0; i < got; i++) {
            if (piece[i] == '\n')
                take(&line, wanted, n);
            else if (line.len < sizeof line.text - 1)
                line.text[line.len++] = piece[i];
        }
    }
    if (line.len)
        take(&line, wanted, n);
    brief_close((int)fd);
}

unsigned long procstat_number(const char *path)
{
    struct procstat only = { "", 0, false };
    procstat_read(path, &only, 1);
    return only.value;
}

/* ---- huge pages ---- */

static unsigned long number_of(unsigned long page, const char *what)
{
    char path[96];
    fmt(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%lukB/%s_hugepages", page, what);
    return procstat_number(path);
}

/* /proc/meminfo has the usual size, and sysfs, which a container may lack, the others. */
bool hugepool_read(unsigned shift, struct hugepool *pool)
{
    enum { PAGE, TOTAL, FREE, RESERVED };
    struct procstat usual[] = { { "Hugepagesize", 0, false },
                                { "HugePages_Total", 0, false },
                                { "HugePages_Free", 0, false },
                                { "HugePages_Rsvd", 0, false } };
    unsigned long page = shift >= 10 ? 1UL << (shift - 10) : 0;
    procstat_read("/proc/meminfo", usual, sizeof usual / sizeof *usual);
    if (page && page != usual[PAGE].value)
        *pool = (struct hugepool){ page, number_of(page, "nr"), number_of(page, "free"),
                                   number_of(page, "resv"), false };
    else
        *pool = (struct hugepool){ usual[PAGE].value, usual[TOTAL].value, usual[FREE].value,
                                   usual[RESERVED].value, true };
    return pool->page != PROCSTAT_NONE && pool->page && pool->total != PROCSTAT_NONE &&
           pool->free != PROCSTAT_NONE && pool->reserved != PROCSTAT_NONE;
}
