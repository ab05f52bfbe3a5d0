/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * recordlook: see recordlook.h.
 */
#define _GNU_SOURCE
#include "recordlook.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "look.h"

static int by_start(const void *a, const void *b)
{
    const struct mapherd_record_mapping *p = a, *q = b;
    return p->start < q->start ? -1 : p->start > q->start;
}

/* Plain reading: this is not to be seen among the maps that the record is about. */
static char *read_all(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        die("%s cannot be opened", path);
    char *data = malloc((size_t)st.st_size + 1);
    for (*len = 0; *len < (size_t)st.st_size;) {
        ssize_t got = read(fd, data + *len, (size_t)st.st_size - *len);
        if (got <= 0)
            break;
        *len += (size_t)got;
    }
    close(fd);
    return data;
}

struct recorded recordlook(const char *path)
{
    struct recorded r = { .count = 0 };
    size_t len, per;
    char *data = read_all(path, &len);
    if (len < sizeof r.head)
        die("%s: %zu bytes are no record", path, len);
    memcpy(&r.head, data, sizeof r.head);
    if (memcmp(r.head.magic, MAPHERD_RECORD_MAGIC, 8) != 0 ||
        r.head.version != MAPHERD_RECORD_VERSION)
        die("%s is no record", path);
    if (len < r.head.chunks_at + (size_t)r.head.chunks * r.head.chunk_size)
        die("%s: %u chunks are not in %zu bytes", path, r.head.chunks, len);
    per = r.head.chunk_size / sizeof *r.pieces;
    r.pieces = malloc(((size_t)r.head.chunks * per + 1) * sizeof *r.pieces);
    for (uint32_t c = 0; c < r.head.chunks; c++) {
        if (data[r.head.directory_at + c] != MAPHERD_CHUNK_LIVE)
            continue;
        const struct mapherd_record_mapping *chunk =
            (const void *)(data + r.head.chunks_at + (size_t)c * r.head.chunk_size);
        for (size_t i = 0; i < per; i++) {
            r.changing += chunk[i].start & 1;
            if (chunk[i].start && !(chunk[i].start & 1))
                r.pieces[r.count++] = chunk[i];
        }
    }
    free(data);
    qsort(r.pieces, r.count, sizeof *r.pieces, by_start);
    return r;
}

const char *recordlook_own(void)
{
    static char path[512];
    char line[1024];
    FILE *maps = fopen("/proc/self/maps", "re");
    path[0] = '\0';
    while (maps && fgets(line, sizeof line, maps)) {
        const char *at = strchr(line, '/');
        size_t len = at ? strcspn(at, "\n") : 0;
        if (len > 7 && memcmp(at + len - 7, ".record", 7) == 0)
            snprintf(path, sizeof path, "%.*s", (int)len, at);
    }
    if (maps)
        fclose(maps);
    return path[0] ? path : NULL;
}
