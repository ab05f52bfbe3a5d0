/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * A library behind libmapherd.so, or in its place, that sees what the kernel is asked: which msync
 * was under way, and of what range, when the disk refused a write. Write-back that began by itself,
 * after some time or by a sync of another process, is told from what the msyncs have written.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

static struct moment *moment;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WITNESS_MOMENT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *moment, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    moment = at == MAP_FAILED ? NULL : at;
    close(fd);
}

static uint64_t refused(void)
{
    return __atomic_load_n(&moment->refused, __ATOMIC_ACQUIRE);
}

int msync(void *addr, size_t len, int flags)
{
    uintptr_t start = (uintptr_t)addr;
    if (!moment)
        return (int)syscall(SYS_msync, addr, len, flags);
    uint64_t before = refused();
    moment->outside += before != moment->seen;
    int result = (int)syscall(SYS_msync, addr, len, flags);
    moment->seen = refused();
    moment->elsewhere +=
        moment->seen != before && !(start <= moment->marked && moment->marked < start + len);
    return result;
}
