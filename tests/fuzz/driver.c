/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * driver: runs a target of the fuzzers without libFuzzer.
 *
 *   TARGET CRASH SEED ROUNDS FILE...
 *
 * The target gets each FILE as it is, and then ROUNDS inputs that are made of them by changes which
 * depend on SEED alone. All of that is done in a child process. If it ends by a signal or by a
 * sanitizer, the input that it had is written to the file CRASH. An input may take 60 seconds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

enum { MOST = 1 << 16, SECONDS = 60 };

extern __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *, size_t, size_t, unsigned);

/* The input that the child is at, shared with the parent. */
static struct present {
    size_t size;
    unsigned long done;
    uint8_t data[MOST];
} * present;

struct seed {
    uint8_t *data;
    size_t size;
};
static struct seed *seeds;
static int seed_count;
static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return below ? (state >> 33) % below : 0;
}

/* ---- changes ---- */

static void put_number(uint8_t *data, size_t size)
{
    static const uint64_t odd[] = { 0,          1,         2,          10,        4095,
                                    4096,       65535,     65536,      INT32_MAX, 0x80000000,
                                    UINT32_MAX, INT64_MAX, 1ull << 63, UINT64_MAX };
    size_t width = (size_t)1 << draw(4), at = draw(size);
    uint64_t value = odd[draw(sizeof odd / sizeof *odd)] + (draw(4) ? 0 : draw(16) - 8);
    if (draw(2))
        at = at / width * width;
    if (at + width <= size)
        memcpy(data + at, &value, width);
}

/* Doubles a piece, or puts a piece of another seed there. */
static size_t insert(uint8_t *data, size_t size, size_t most)
{
    const struct seed *from = &seeds[draw((uint64_t)seed_count)];
    struct seed self = { data, size };
    if (draw(2))
        from = &self;
    size_t at = draw(size + 1), begin = draw(from->size), len = 1 + draw(draw(8) ? 16 : 256);
    uint8_t piece[256];
    if (len > from->size - begin)
        len = from->size - begin;
    if (len > most - size)
        len = most - size;
    if (len)
        memcpy(piece, from->data + begin, len);
    memmove(data + at + len, data + at, size - at);
    memcpy(data + at, piece, len);
    return size + len;
}

static size_t erase(uint8_t *data, size_t size)
{
    size_t at = draw(size), len = 1 + draw(draw(8) ? 8 : 256);
    if (len > size - at)
        len = size - at;
    memmove(data + at, data + at + len, size - at - len);
    return size - len;
}

/* Makes a decimal or hexadecimal number in a text another one. */
static size_t change_digits(uint8_t *data, size_t size)
{
    size_t at = draw(size);
    for (size_t i = 0; i < size; i++, at = (at + 1) % size)
        if (data[at] >= '0' && data[at] <= '9') {
            data[at] = (uint8_t) "0123456789af"[draw(12)];
            break;
        }
    return size;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most)
{
    if (!size) {
        data[0] = (uint8_t)draw(256);
        return 1;
    }
    switch (draw(8)) {
    case 0: data[draw(size)] ^= (uint8_t)(1u << draw(8)); return size;
    case 1: data[draw(size)] = (uint8_t)draw(256); return size;
    case 2:
    case 3: put_number(data, size); return size;
    case 4: return insert(data, size, most);
    case 5: return erase(data, size);
    case 6: return change_digits(data, size);
    default: data[draw(size)] = data[draw(size)]; return size;
    }
}

static void make_input(void)
{
    const struct seed *from = &seeds[draw((uint64_t)seed_count)];
    memcpy(present->data, from->data, from->size);
    present->size = from->size;
    for (uint64_t n = 1 + draw(draw(4) ? 4 : 32); n > 0; n--) {
        size_t size = present->size;
        unsigned own = (unsigned)draw(UINT32_MAX);
        if (LLVMFuzzerCustomMutator)
            present->size = LLVMFuzzerCustomMutator(present->data, size, MOST, own);
        else
            present->size = LLVMFuzzerMutate(present->data, size, MOST);
    }
}

/* ---- the run ---- */

/* Gives the target a copy that is no longer than the input, so that AddressSanitizer sees a read
 * behind it. */
static void run_present(void)
{
    uint8_t *copy = malloc(present->size ? present->size : 1);
    if (!copy)
        abort();
    memcpy(copy, present->data, present->size);
    alarm(SECONDS);
    LLVMFuzzerTestOneInput(copy, present->size);
    free(copy);
    present->done++;
}

static void read_seed(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct seed *s = &seeds[seed_count++];
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > MOST ||
        !(s->data = malloc((size_t)st.st_size + 1)) ||
        read(fd, s->data, (size_t)st.st_size) != st.st_size) {
        perror(path);
        exit(2);
    }
    s->size = (size_t)st.st_size;
    close(fd);
}

static void work(unsigned long seed, unsigned long rounds)
{
    for (int i = 0; i < seed_count; i++) {
        memcpy(present->data, seeds[i].data, seeds[i].size);
        present->size = seeds[i].size;
        run_present();
    }
    for (unsigned long i = 0; i < rounds; i++) {
        state = seed + i;
        draw(2);
        make_input();
        run_present();
    }
    exit(0);
}

static void keep(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, present->data, present->size) != (ssize_t)present->size)
        perror(path);
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 5) {
        fprintf(stderr, "usage: %s CRASH SEED ROUNDS FILE...\n", argv[0]);
        return 2;
    }
    present =
        mmap(NULL, sizeof *present, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    seeds = calloc((size_t)argc, sizeof *seeds);
    if (present == MAP_FAILED || !seeds)
        return 2;
    for (int i = 4; i < argc; i++)
        read_seed(argv[i]);
    pid_t child = fork();
    if (child == 0)
        work(strtoul(argv[2], NULL, 0), strtoul(argv[3], NULL, 0));
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 2;
    if (status != 0) {
        keep(argv[1]);
        printf("input %lu: status %#x, kept as %s\n", present->done, (unsigned)status, argv[1]);
        return 1;
    }
    printf("%lu inputs, of them %d as they are\n", present->done, seed_count);
    return 0;
}
