/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * text: see text.h.
 */
#define _GNU_SOURCE
#include "sites/text.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "kernel/brief.h"
#include "kernel/sys.h"
#include "sites/site.h"

/* A file of that name may be anything under another root. It is this process's memory if a random
 * number is found in it at the place of the variable. */
static bool is_memory(int fd)
{
    volatile uint64_t variable = 0;
    uint64_t found = 0;
    return sys_getrandom((void *)&variable, sizeof variable) == sizeof variable &&
           sys_pread(fd, &found, sizeof found, (off_t)(uintptr_t)&variable) == sizeof found &&
           found == variable;
}

/* By calls that every program makes: a seccomp filter may kill for another one (pwrite64). */
static long write_at(int mem, uintptr_t at, const void *bytes, size_t len)
{
    long moved = sys_lseek(mem, (off_t)at, SEEK_SET);
    return sys_failed(moved) ? moved : sys_write(mem, bytes, len);
}

int text_open(void)
{
    long fd = brief_open("/proc/self/mem", O_RDWR, 0);
    if (fd < 0)
        return -1;
    if (is_memory((int)fd))
        return (int)fd;
    brief_close((int)fd);
    return -1;
}

void text_close(int mem)
{
    brief_close(mem);
}

bool text_jump(int mem, uintptr_t from, uintptr_t to)
{
    unsigned char before[SITE_JUMP], jump[SITE_JUMP] = { 0xe9 };
    const void *code = (const void *)from;
    int64_t distance = (int64_t)(to - from - SITE_JUMP);
    int32_t near = (int32_t)distance;
    if (near != distance)
        return false;
    memcpy(jump + 1, &near, sizeof near);
    memcpy(before, code, sizeof before);
    long written = write_at(mem, from, jump, sizeof jump);
    if (written > 0 && written < SITE_JUMP) /* of two pages the second is refused */
        write_at(mem, from, before, sizeof before);
    return memcmp(code, jump, sizeof jump) == 0;
}
