/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record_fuzz: the reader of records on files in which something was changed at random.
 *
 *   record_fuzz RECORD SEED ROUNDS
 *
 * RECORD is a good one. Whatever is changed in it, reading it and all that the reports ask of it ends
 * well, and what the reader gives keeps what it promises. With clang -fsanitize=fuzzer -DFUZZER it
 * is a target of libFuzzer.
 */
#define _GNU_SOURCE
#include <config.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/leaks/groups.h"
#include "command/lib/verb.h"

const struct verb *const verbs[] = { NULL };

static uint64_t state;

static uint64_t rnd(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

#define holds(what)                                              \
    do {                                                         \
        if (!(what)) {                                           \
            fprintf(stderr, "record_fuzz: not so: %s\n", #what); \
            abort();                                             \
        }                                                        \
    } while (0)

static void check(const struct record *r)
{
    for (size_t i = 0; i < r->piece_count; i++) {
        const struct mapherd_record_mapping *p = &r->pieces[i];
        size_t depth;
        holds(p->start < p->end && p->start % r->head.page_size == 0 &&
              p->end % r->head.page_size == 0);
        holds(i == 0 || p[-1].end <= p->start);
        holds(p->file == 0 || p->file < r->file_count);
        const uint64_t *frames = record_stack(r, p->stack, &depth);
        for (size_t k = 0; k < depth; k++) {
            uint32_t module = MAPHERD_FRAME_MODULE(frames[k]);
            holds(module == MAPHERD_FRAME_JAVA ? (uint32_t)frames[k] < r->frame_count
                                               : module == 0 || module < r->module_count);
        }
    }
    for (size_t i = 0; i < r->file_count; i++)
        holds(strlen(record_text(r, r->files[i].path)) <= r->text_len);
    for (size_t i = 0; i < r->event_count; i++)
        holds(memchr(r->events[i].text, 0, sizeof r->events[i].text) != NULL);
    for (size_t i = 0; i < r->head.history_levels * r->head.history_points; i++)
        state += r->points[i].time; /* read, for the sanitizers */
}

/* 1 if it could be read. */
static int read_one(const char *path)
{
    struct live l;
    struct groups g;
    const char *why;
    struct record *r = record_read(path, &why);
    if (!r) {
        holds(*why);
        return 0;
    }
    check(r);
    record_free(r);
    if (!live_open(&l, path, NULL, &why))
        return 0;
    for (int by = GROUP_STACK; by <= GROUP_AGE; by++) {
        groups_make(&g, &l, 1, (enum group_by)by, 0);
        size_t sum = 0;
        for (size_t i = 0; i < g.n; i++)
            sum += g.at[i].mappings;
        holds(sum == g.all.mappings && g.all.pieces == l.record->piece_count);
        groups_free(&g);
    }
    live_close(&l);
    return 1;
}

static void change(unsigned char *bytes, size_t *len)
{
    static const uint64_t odd[] = { 0,          1,          2,         4095,
                                    4096,       65535,      65536,     0x7fffffff,
                                    0x80000000, UINT32_MAX, INT64_MAX, 0xffff000000000001,
                                    UINT64_MAX };
    for (uint64_t n = 1 + rnd(4); n > 0; n--) {
        /* The head's numbers, then the parts, then anywhere. */
        uint64_t at =
            rnd(3) ? rnd(*len) : offsetof(struct mapherd_record_head, history_at) + rnd(256);
        if (rnd(8) == 0)
            at = rnd(72);
        size_t width = rnd(2) ? 8 : 4;
        if (at / width * width + width > *len)
            continue;
        if (rnd(2))
            bytes[at] ^= (unsigned char)(1u << rnd(8));
        else
            memcpy(bytes + at / width * width, &odd[rnd(sizeof odd / sizeof *odd)], width);
    }
    if (rnd(20) == 0)
        *len = rnd(*len);
}

static bool put(int fd, const unsigned char *bytes, size_t len)
{
    return ftruncate(fd, 0) == 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len;
}

#ifdef FUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[32];
    if (fd < 0)
        fd = memfd_create("record", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (!put(fd, data, size))
        return -1;
    read_one(path);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    state = seed;
    if (size == 0 || rnd(3) == 0)
        return LLVMFuzzerMutate(data, size, most);
    change(data, &size);
    return size;
}
#else
int main(int argc, char **argv)
{
    struct stat st;
    char *bad;
    if (argc != 4)
        return 2;
    int in = open(argv[1], O_RDONLY | O_CLOEXEC);
    unsigned long seed = strtoul(argv[2], NULL, 0), rounds = strtoul(argv[3], NULL, 0), of_use = 0;
    if (in < 0 || fstat(in, &st) != 0 || asprintf(&bad, "%s.bad", argv[1]) < 0)
        return 2;
    size_t len = (size_t)st.st_size;
    unsigned char *good = malloc(len), *bytes = malloc(len);
    int out = open(bad, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (!good || !bytes || out < 0 || read(in, good, len) != (ssize_t)len || !read_one(argv[1]))
        return 2;
    for (unsigned long i = 0; i < rounds; i++) {
        size_t left = len;
        memcpy(bytes, good, len);
        state = seed + i;
        rnd(2);
        change(bytes, &left);
        if (!put(out, bytes, left))
            return 2;
        of_use += (unsigned long)read_one(bad);
    }
    printf("%lu changed records, %lu of them still of use\n", rounds, of_use);
    unlink(bad);
    free(bad);
    free(good);
    free(bytes);
    return 0;
}
#endif
