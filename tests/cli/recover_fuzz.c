/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * recover_fuzz: `mapherd recover` on spill files in which something was changed at random.
 *
 *   recover_fuzz SPILL FILE SEED ROUNDS
 *
 * SPILL is a good spill file of FILE. It may end well or badly, but not by a signal or a report of a
 * sanitizer (ASAN_OPTIONS=exitcode=99); FILE keeps its length, and each of its pages is what it was
 * or a page of the spill file.
 */
#define _GNU_SOURCE
#include <config.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/lib/verb.h"
#include "mapherd/spill.h"

#define PAGE 4096u

const struct verb *const verbs[] = { &verb_recover, NULL };

struct content {
    char *bytes;
    size_t len;
};

static uint64_t state;

static uint64_t rnd(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static struct content read_all(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        fail(path);
    struct content c = { malloc((size_t)st.st_size + 1), (size_t)st.st_size };
    if (!c.bytes || read(fd, c.bytes, c.len) != (ssize_t)c.len)
        fail(path);
    close(fd);
    return c;
}

static void write_all(const char *path, struct content c, int flags)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    if (fd < 0 || write(fd, c.bytes, c.len) != (ssize_t)c.len || ftruncate(fd, (off_t)c.len) != 0)
        fail(path);
    close(fd);
}

/* What may be changed: the header, the first slots and their sums, but not the stored pages. */
static uint64_t pick_place(const struct content *spill)
{
    switch (rnd(4)) {
    case 0: return rnd(sizeof(struct spill_header));
    case 1: return PAGE + rnd(offsetof(struct spill_slot, path) + 40);
    case 2: return 2 * PAGE + rnd(offsetof(struct spill_slot, path) + 40);
    }
    return (SPILL_SLOTS + 1) * PAGE % spill->len + rnd(64);
}

static void mutate(struct content *spill)
{
    static const uint64_t odd[] = { 0,          1,          4095,
                                    4096,       0x7fffffff, 0x80000000,
                                    UINT32_MAX, INT64_MAX,  (uint64_t)INT64_MAX - 4095,
                                    1ull << 62, UINT64_MAX };
    for (uint64_t n = 1 + rnd(3); n > 0; n--) {
        uint64_t at = pick_place(spill);
        if (rnd(2) == 0) {
            spill->bytes[at] ^= (char)(1u << rnd(8));
        } else {
            size_t width = rnd(2) ? 8 : 4;
            at = at / width * width;
            memcpy(spill->bytes + at, &odd[rnd(sizeof odd / sizeof *odd)], width);
        }
    }
    if (rnd(10) == 0)
        spill->len = rnd(spill->len);
}

static int run(char *spill)
{
    pid_t child = fork();
    if (child == 0) {
        char verb[] = "recover", force[] = "--force", dashes[] = "--";
        char *argv[] = { verb, dashes, spill, NULL }, *forced[] = { verb, force, spill, NULL };
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(98);
        exit(rnd(4) ? verb_recover.run(3, argv) : verb_recover.run(3, forced));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        fail("fork");
    return status;
}

static bool is_page_of(const char *page, size_t size, const struct content *of)
{
    for (size_t at = 0; at + size <= of->len; at += PAGE)
        if (memcmp(page, of->bytes + at, size) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    struct content good = read_all(argv[1]), file = read_all(argv[2]);
    unsigned long seed = strtoul(argv[3], NULL, 0), rounds = strtoul(argv[4], NULL, 0), done = 0;
    char *bad = NULL;
    if (asprintf(&bad, "%s.bad", argv[1]) < 0)
        fail("asprintf");
    for (unsigned long i = 0; i < rounds; i++) {
        struct content spill = { malloc(good.len + 1), good.len };
        memcpy(spill.bytes, good.bytes, good.len);
        state = seed + i;
        rnd(2);
        mutate(&spill);
        write_all(argv[2], file, 0);
        write_all(bad, spill, O_CREAT);
        int status = run(bad);
        struct content now = read_all(argv[2]);
        bool fine = WIFEXITED(status) && WEXITSTATUS(status) <= 1 && now.len == file.len;
        for (size_t at = 0; fine && at < now.len; at += PAGE) {
            size_t size = now.len - at < PAGE ? now.len - at : PAGE;
            fine = memcmp(now.bytes + at, file.bytes + at, size) == 0 ||
                   is_page_of(now.bytes + at, size, &spill);
        }
        if (!fine) {
            printf("seed %lu, one round: status %#x, kept as %s\n", seed + i, (unsigned)status,
                   bad);
            return 1;
        }
        done += WEXITSTATUS(status) == 0;
        free(now.bytes);
        free(spill.bytes);
    }
    unlink(bad);
    free(bad);
    free(good.bytes);
    free(file.bytes);
    printf("%lu changed spill files, %lu of them still of use\n", rounds, done);
    return 0;
}
