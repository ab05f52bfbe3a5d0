/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * look: reads /proc/self/maps, smaps and status. The buffers are static, so that looking adds no map.
 */
#define _GNU_SOURCE
#include "look.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char line[8192];

static FILE *open_list(const char *list)
{
    static char buffer[1 << 16];
    FILE *f = fopen(list, "re");
    if (!f)
        die("cannot read %s", list);
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    return f;
}

static bool next_line(FILE *f)
{
    if (!fgets(line, sizeof line, f))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static bool holds(const void *addr, uintptr_t start, uintptr_t end)
{
    return start <= (uintptr_t)addr && (uintptr_t)addr < end;
}

struct sight look(const char *path)
{
    struct sight s = { 0, 0, false };
    FILE *f = open_list("/proc/self/maps");
    while (next_line(f)) {
        const char *name = strchr(line, '/');
        s.maps += !strstr(line, "[vsyscall]");
        s.of_file += name && path && strcmp(name, path) == 0;
        s.library |= name && strstr(name, "/libmapherd.so");
    }
    fclose(f);
    return s;
}

long look_status(const char *field)
{
    long kib = -1;
    FILE *f = open_list("/proc/self/status");
    while (next_line(f))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = atol(line + strlen(field));
    fclose(f);
    if (kib < 0)
        die("no %s", field);
    return kib;
}

bool look_flag(const void *addr, const char *flag)
{
    uintptr_t start, end;
    bool inside = false, found = false;
    FILE *f = open_list("/proc/self/smaps");
    while (next_line(f)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2)
            inside = holds(addr, start, end);
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            for (char *word = strtok(line + 8, " "); word; word = strtok(NULL, " "))
                found |= strcmp(word, flag) == 0;
    }
    fclose(f);
    return found;
}

struct place look_place(const void *addr)
{
    struct place p = { "", 0, "" };
    uintptr_t start, end;
    uint64_t offset;
    char letters[5];
    FILE *f = open_list("/proc/self/maps");
    while (next_line(f)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64, &start, &end, letters,
                   &offset) != 4 ||
            !holds(addr, start, end))
            continue;
        const char *name = strchr(line, '/');
        memcpy(p.letters, letters, sizeof p.letters);
        p.offset = offset + ((uintptr_t)addr - start);
        snprintf(p.path, sizeof p.path, "%s", name ? name : "");
    }
    fclose(f);
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
