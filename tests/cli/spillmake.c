/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spillmake: makes a spill file by hand, right or wrong.
 *
 *   spillmake OUT WORD...
 *
 *   file=PATH            begins a slot, of 16 pages from the beginning of that file
 *   N=AB                 page N of the slot is full of the character A, and the file was last known
 *                        to hold a page full of B ('0' stands for zero bytes in both)
 *   magic= program= version= byte_order= page_size= slots= pid= start_time= pid_namespace=
 *   dev= ino= file_start= len= data_at= sums_at= path= path_len=
 *                        sets that member: of the header before the first slot, else of the last slot
 *   cut=BYTES            the file ends there
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mapherd/spill.h"

#define PAGE 4096u
#define PAGES 16u

static int out;
static struct spill_header header = {
    .magic = SPILL_MAGIC,
    .version = SPILL_VERSION,
    .byte_order = SPILL_BYTE_ORDER,
    .page_size = PAGE,
    .pid = 999999999,
    .created = 1800000000,
    .program = "made",
};
static struct spill_slot slot;
static unsigned slots;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void put(const void *from, size_t len, uint64_t at)
{
    if (pwrite(out, from, len, (off_t)at) != (ssize_t)len)
        fail("pwrite");
}

/* A slot has a sums page and its pages behind the slots. */
static uint64_t place_of(unsigned n)
{
    return (SPILL_SLOTS + 1 + (uint64_t)n * (PAGES + 1)) * PAGE;
}

static void begin_slot(const char *path)
{
    struct stat st = { 0 };
    stat(path, &st);
    slot = (struct spill_slot){ .dev = st.st_dev,
                                .ino = st.st_ino,
                                .len = PAGES * PAGE,
                                .sums_at = place_of(slots),
                                .data_at = place_of(slots) + PAGE,
                                .error = 28,
                                .path_len = (uint32_t)strlen(path) };
    memcpy(slot.path, path, slot.path_len);
    slots++;
    header.slots = slots;
    if (ftruncate(out, (off_t)place_of(slots)) != 0)
        fail("ftruncate");
}

static void fill(char *page, char c)
{
    memset(page, c == '0' ? 0 : c, PAGE);
}

static void put_page(unsigned n, const char *what)
{
    char page[PAGE];
    uint64_t at = place_of(slots - 1);
    fill(page, what[1]);
    spill_sum base = spill_sum_of(page, PAGE);
    fill(page, what[0]);
    put(page, PAGE, at + PAGE + n * PAGE);
    put(&base, sizeof base, at + n * sizeof base);
}

static void set(const char *name, const char *value)
{
    uint64_t n = strtoull(value, NULL, 0);
    const struct {
        const char *name;
        void *at;
        size_t size;
    } members[] = {
        { "version", &header.version, 4 },
        { "byte_order", &header.byte_order, 4 },
        { "page_size", &header.page_size, 4 },
        { "slots", &header.slots, 4 },
        { "pid", &header.pid, 8 },
        { "start_time", &header.start_time, 8 },
        { "pid_namespace", &header.pid_namespace, 8 },
        { "dev", &slot.dev, 8 },
        { "ino", &slot.ino, 8 },
        { "file_start", &slot.file_start, 8 },
        { "len", &slot.len, 8 },
        { "data_at", &slot.data_at, 8 },
        { "sums_at", &slot.sums_at, 8 },
        { "path_len", &slot.path_len, 4 },
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0) { /* both machines have the low byte first */
            memcpy(members[i].at, &n, members[i].size);
            return;
        }
    if (strcmp(name, "magic") == 0) {
        memset(header.magic, '!', sizeof header.magic);
        memcpy(header.magic, value, strnlen(value, sizeof header.magic));
    } else if (strcmp(name, "program") == 0) {
        memcpy(header.program, value, strnlen(value, sizeof header.program));
    } else if (strcmp(name, "path") == 0) {
        slot.path_len = (uint32_t)strnlen(value, sizeof slot.path);
        memcpy(slot.path, value, slot.path_len);
    } else {
        fprintf(stderr, "spillmake: no '%s'\n", name);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    off_t cut = -1;
    if (argc < 2 || (out = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        fail("open");
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            fail(argv[i]);
        *value++ = '\0';
        if (strcmp(argv[i], "file") == 0)
            begin_slot(value);
        else if (strcmp(argv[i], "cut") == 0)
            cut = atoll(value);
        else if (argv[i][0] >= '0' && argv[i][0] <= '9')
            put_page((unsigned)atoi(argv[i]), value);
        else
            set(argv[i], value);
        if (slots)
            put(&slot, sizeof slot, slots * PAGE);
    }
    put(&header, sizeof header, 0);
    return cut >= 0 && ftruncate(out, cut) != 0;
}
