/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * place: see place.h.
 */
#define _GNU_SOURCE
#include "command/lib/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int place_open(const char *path, enum place_link link)
{
    return open(path, O_PATH | O_CLOEXEC | (link == PLACE_FOLLOW ? 0 : O_NOFOLLOW));
}

int place_open_straight(const char *path)
{
    struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                            .resolve = RESOLVE_NO_SYMLINKS };
    /* By the kernel's name: glibc 2.31 has none for it. */
    int place = (int)syscall(__NR_openat2, AT_FDCWD, path, &how, sizeof how);
    /* A seccomp filter of an older container engine says EPERM for calls that it does not know. */
    if (place < 0 && (errno == ENOSYS || errno == EPERM))
        return place_open(path, PLACE_LINK_ITSELF);
    return place;
}

int place_enter(int place, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    return open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}
