/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * look: reads /proc/self/maps, smaps and status. The buffers are static, so that looking adds no map.
 */
#define _GNU_SOURCE
#include "look.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char line[8192];
static struct {
    int fd;
    size_t at, end; /* what has been read, and is not in a line yet */
    char bytes[1 << 16];
} list;

/* No stdio: musl's takes memory for each file, and there may be none. */
static void open_list(const char *name)
{
    list.fd = open(name, O_RDONLY | O_CLOEXEC);
    if (list.fd < 0)
        die("cannot read %s", name);
    list.at = list.end = 0;
}

static bool next_byte(char *byte)
{
    if (list.at == list.end) {
        ssize_t got = read(list.fd, list.bytes, sizeof list.bytes);
        if (got <= 0)
            return false;
        list.at = 0;
        list.end = (size_t)got;
    }
    *byte = list.bytes[list.at++];
    return true;
}

static bool next_line(void)
{
    size_t len = 0;
    char byte;
    bool any = false;
    while (next_byte(&byte)) {
        any = true;
        if (byte == '\n')
            break;
        if (len < sizeof line - 1)
            line[len++] = byte;
    }
    line[len] = '\0';
    return any;
}

static bool holds(const void *addr, uintptr_t start, uintptr_t end)
{
    return start <= (uintptr_t)addr && (uintptr_t)addr < end;
}

struct sight look(const char *path)
{
    struct sight s = { 0, 0, false };
    open_list("/proc/self/maps");
    while (next_line()) {
        const char *name = strchr(line, '/');
        s.maps += !strstr(line, "[vsyscall]");
        s.of_file += name && path && strcmp(name, path) == 0;
        s.library |= name && strstr(name, "/libmapherd.so");
    }
    close(list.fd);
    return s;
}

long look_status(const char *field)
{
    long kib = -1;
    open_list("/proc/self/status");
    while (next_line())
        if (strncmp(line, field, strlen(field)) == 0)
            kib = atol(line + strlen(field));
    close(list.fd);
    if (kib < 0)
        die("no %s", field);
    return kib;
}

bool look_flag(const void *addr, const char *flag)
{
    uintptr_t start, end;
    bool inside = false, found = false;
    open_list("/proc/self/smaps");
    while (next_line()) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2)
            inside = holds(addr, start, end);
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            for (char *word = strtok(line + 8, " "); word; word = strtok(NULL, " "))
                found |= strcmp(word, flag) == 0;
    }
    close(list.fd);
    return found;
}

struct place look_place(const void *addr)
{
    struct place p = { "", 0, "" };
    uintptr_t start, end;
    uint64_t offset;
    char letters[5];
    open_list("/proc/self/maps");
    while (next_line()) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64, &start, &end, letters,
                   &offset) != 4 ||
            !holds(addr, start, end))
            continue;
        const char *name = strchr(line, '/');
        memcpy(p.letters, letters, sizeof p.letters);
        p.offset = offset + ((uintptr_t)addr - start);
        snprintf(p.path, sizeof p.path, "%s", name ? name : "");
    }
    close(list.fd);
    return p;
}

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}
