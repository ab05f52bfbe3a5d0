/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * show: see show.h.
 */
#define _GNU_SOURCE
#include "limit/show.h"

#include <fcntl.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"
#include "tell/log.h"
#include "tell/options.h"

/* The name of the file in /proc/PID/fd, after "/memfd:". */
#define NAME "mapherd shows vm.max_map_count"

static long shown; /* the limit that is shown */
static bool told;  /* the log has it */

bool show_start(void)
{
    char why[200];
    if (!options.show_limit.len || options.mode == MODE_OBSERVE)
        return false;
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    shown = options_limit(options.show_limit);
    if (limit > 0 && shown < limit) {
        fmt(why, sizeof why,
            "option show_limit: %ld is less than vm.max_map_count = %ld, which the program sees;"
            " right would be a larger number, or none",
            shown, limit);
        log_line(EVENT_option, "%s", why);
    }
    return limit > 0 && shown > limit;
}

/* Makes the file. Returns a descriptor for brief_close, which can write, or -errno. */
static long make(void)
{
    const uintptr_t seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    char text[24];
    size_t len = fmt(text, sizeof text, "%ld\n", shown);
    long fd = brief_memfd(NAME);
    if (fd < 0)
        return fd;
    if (sys_pwrite((int)fd, text, len, 0) == (long)len && sys_fchmod((int)fd, 0444) == 0 &&
        sys_fcntl((int)fd, F_ADD_SEALS, seals) == 0)
        return fd;
    brief_close((int)fd);
    return -1;
}

/* Opens it once more, for reading only. A process whose memory may not be looked at (prctl(2),
 * PR_SET_DUMPABLE) cannot, and has the first descriptor: the seals refuse what is written there. */
static long open_again(long fd)
{
    char path[40];
    fmt(path, sizeof path, "/proc/thread-self/fd/%ld", fd);
    long again = brief_open(path, O_RDONLY, 0);
    if (again < 0)
        return fd;
    brief_close((int)fd);
    return again;
}

void show_over(int fd)
{
    long how = sys_fcntl(fd, F_GETFL, 0), of_descriptor = sys_fcntl(fd, F_GETFD, 0);
    if (how < 0 || of_descriptor < 0 || (how & (O_ACCMODE | O_PATH)) != O_RDONLY)
        return;
    long file = make();
    if (file < 0)
        return;
    file = open_again(file);
    long put = sys_dup3((int)file, fd, of_descriptor & FD_CLOEXEC ? O_CLOEXEC : 0);
    brief_close((int)file);
    if (put >= 0 && !__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
        log_line(EVENT_limit_shown,
                 "the program reads vm.max_map_count and is shown %ld instead of %ld"
                 " (MAPHERD_SHOW_LIMIT)",
                 shown, procmaps_limit(PROCMAPS_LIMIT_PATH));
}
