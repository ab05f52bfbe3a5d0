/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * text: see text.h.
 */
#define _GNU_SOURCE
#include "sites/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/sys.h"
#include "sites/site.h"

enum { BRIDGE = 16 }; /* bytes */

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

/* False: it has not been written, and the bytes are what they were. */
static bool replace(int mem, uintptr_t at, const unsigned char *bytes, size_t len)
{
    unsigned char before[BRIDGE];
    memcpy(before, (const void *)at, len);
    long written = write_at(mem, at, bytes, len);
    if (written > 0 && (size_t)written < len) /* of two pages the second is refused */
        write_at(mem, at, before, len);
    return memcmp((const void *)at, bytes, len) == 0;
}

bool text_jump(int mem, uintptr_t from, uintptr_t to)
{
    unsigned char jump[SITE_JUMP] = { 0xe9 };
    int64_t distance = (int64_t)(to - from - SITE_JUMP);
    int32_t near = (int32_t)distance;
    if (near != distance)
        return false;
    memcpy(jump + 1, &near, sizeof near);
    return replace(mem, from, jump, sizeof jump);
}

bool text_bridges(struct text_bridges *b, uintptr_t start)
{
    enum { STEP = 64 << 10, TRIES = 256 };
    start &= -(uintptr_t)STEP;
    for (unsigned n = 0; n < TRIES && start > STEP; n++) {
        start -= STEP;
        long at = sys_mmap(start, page_size, PROT_READ | PROT_EXEC,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if ((uintptr_t)at == start) {
            *b = (struct text_bridges){ start, start + page_size };
            return true;
        }
        if (!sys_failed(at)) /* before Linux 4.17 it is a hint */
            sys_munmap((uintptr_t)at, page_size);
        else if (at != -EEXIST)
            return false;
    }
    return false;
}

/* notrack jmp *0(%rip), and the address. */
bool text_jump_far(int mem, struct text_bridges *b, uintptr_t from, uintptr_t to)
{
    unsigned char bridge[BRIDGE] = { 0x3e, 0xff, 0x25, 0x01, 0, 0, 0, 0xcc };
    memcpy(bridge + BRIDGE - sizeof to, &to, sizeof to);
    if (b->end - b->next < BRIDGE || !replace(mem, b->next, bridge, sizeof bridge))
        return false;
    b->next += BRIDGE;
    return text_jump(mem, from, b->next - BRIDGE);
}
