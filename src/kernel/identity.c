/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * identity: from /proc/self.
 */
#define _GNU_SOURCE
#include "kernel/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/sys.h"

long identity_text(const char *path, char *text, size_t size)
{
    text[0] = '\0';
    long fd = brief_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    long got = sys_read((int)fd, text, size - 1);
    brief_close((int)fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

long identity_text_has(const char *path, const char *words)
{
    char text[512];
    size_t len = strlen(words), kept = 0;
    bool found = false;
    long got, fd = brief_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    while (!found && (got = sys_read((int)fd, text + kept, sizeof text - kept)) > 0) {
        size_t have = kept + (size_t)got;
        for (size_t at = 0; !found && at + len <= have; at++)
            found = memcmp(text + at, words, len) == 0;
        kept = have < len ? have : len - 1;
        memmove(text, text + have - kept, kept);
    }
    brief_close((int)fd);
    return found ? 1 : got;
}

/* The second field, the program's name, may hold spaces and brackets. */
uint64_t identity_started(void)
{
    char stat[1024];
    uint64_t started = 0;
    long len = identity_text("/proc/self/stat", stat, sizeof stat);
    if (len <= 0)
        return 0;
    const char *at = stat + len;
    while (at > stat && *at != ')')
        at--;
    for (int field = 2; *at && field < 22; at++)
        field += *at == ' ';
    return fmt_read_u64(&at, &started) ? started : 0;
}

uint64_t identity_pid_space(void)
{
    struct stat st;
    return sys_stat("/proc/self/ns/pid", &st) < 0 ? 0 : st.st_ino;
}

long identity_in_proc(void)
{
    char text[24];
    const char *at = text;
    uint64_t pid = 0;
    long len = sys_readlink("/proc/self", text, sizeof text - 1);
    if (len < 0)
        return len;
    text[len] = '\0';
    return fmt_read_u64(&at, &pid) ? (long)pid : -EINVAL;
}
