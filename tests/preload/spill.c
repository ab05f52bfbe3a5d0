/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill: a program with a shared map of a sparse file, told by its stdin what to do with it.
 *
 *   spill FILE PAGES [COUNTER]     maps FILE, made PAGES long if it is shorter, and obeys:
 *
 *     store ORDER FROM COUNT SEED  fills each page; ORDER is ascending, descending or random. After
 *                                  each page it raises the number in the file COUNTER
 *     check ORDER FROM COUNT SEED  says wrong=N: how many pages hold something else
 *     msync FROM COUNT             says what it returned: 0, or errno
 *     munmap, protect r|rw, move, fixed (of FROM COUNT), remap, read PAGE, truncate PAGES
 *     start THREADS / stop         threads that count in pages of the file; says total= and wrong=.
 *     widen, progress N            they take more pages; each of them has counted N times more
 *     close                        the descriptor of the file
 *     second                       maps FILE.second besides, a sparse file, and closes it
 *     sockets                      how many of its descriptors are
 *     lock, maps, fork, daemon, exit N, _exit N, quick_exit N, syscall N (exit_group)
 *     twin SEED                    a child stores the second half, the process the first; then both wait
 *     chunks COUNT                 maps pages of the file one after another, and unmaps each
 *     write PAGE SEED              the same by write(2), past the map
 *
 * Each command is answered by one line, those that fail by their errno.
 *
 *   spill check FILE ORDER FROM COUNT SEED   the same for the file itself, by read(2)
 *   spill kept FILE COUNTER COUNT SEED       of a random store with seed SEED that was killed, and of
 *                                            one with SEED + 1 over it: nothing is missing
 *   spill sum FILE                           the sum of all its 64-bit numbers
 *   spill wait PID COUNTER NUMBER            ends when the number is reached, or that process is gone
 *   spill kill PID COUNTER NUMBER SPIN       kills it then, with SIGKILL
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

#define PAGE 4096UL
#define WORDS (PAGE / sizeof(uint64_t))
#define MOST_THREADS 16
#define STEPS 4
#define SHARED_PAGES 64 /* the first pages: every thread counts there */
#define RW (PROT_READ | PROT_WRITE)

static const char *file_path;
static int file;
static char *map;
static size_t map_pages;
static _Atomic uint64_t *counter;

/* ---- patterns ---- */

static uint64_t word_of(size_t page, uint64_t seed)
{
    uint64_t x = (page + 1) * 0x9e3779b97f4a7c15u + seed * 0xd6e8feb86659fd93u;
    return x ^ x >> 29;
}

static void fill(void *to, size_t page, uint64_t seed)
{
    volatile uint64_t *w = to;
    for (size_t i = 0; i < WORDS; i++)
        w[i] = word_of(page, seed) + i;
}

static bool is_filled(const void *at, size_t page, uint64_t seed)
{
    const volatile uint64_t *w = at;
    for (size_t i = 0; i < WORDS; i++)
        if (w[i] != word_of(page, seed) + i)
            return false;
    return true;
}

/* Which page comes at which place; the same for the same seed. */
static size_t *make_order(const char *order, size_t from, size_t count, uint64_t seed)
{
    size_t *pages = malloc((count + 1) * sizeof *pages);
    if (!pages)
        die("no memory");
    for (size_t i = 0; i < count; i++)
        pages[i] = from + (order[0] == 'd' ? count - 1 - i : i);
    for (size_t i = count; order[0] == 'r' && i > 1; i--) {
        size_t j = (size_t)(word_of(i, seed) >> 8) % i, page = pages[j];
        pages[j] = pages[i - 1];
        pages[i - 1] = page;
    }
    return pages;
}

static void store(const char *order, size_t from, size_t count, uint64_t seed)
{
    size_t *pages = make_order(order, from, count, seed);
    for (size_t i = 0; i < count; i++) {
        fill(map + pages[i] * PAGE, pages[i], seed);
        if (counter)
            atomic_fetch_add(counter, 1);
    }
    free(pages);
}

/* Without `at`, from the file. */
static size_t count_wrong(const char *at, int fd, const char *order, size_t from, size_t count,
                          uint64_t seed)
{
    char page[PAGE] __attribute__((aligned(8)));
    size_t *pages = make_order(order, from, count, seed), wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (!at && pread(fd, page, PAGE, (off_t)(pages[i] * PAGE)) != (ssize_t)PAGE)
            die("pread: %s", strerror(errno));
        wrong += !is_filled(at ? at + pages[i] * PAGE : page, pages[i], seed);
    }
    free(pages);
    return wrong;
}

/* ---- threads ---- */

struct worker {
    pthread_t thread;
    size_t number;
    uint64_t plain, atomics; /* how often it added one */
    atomic_ullong turns;
};
static struct worker workers[MOST_THREADS];
static size_t running;
static atomic_bool stopping;
static atomic_uint width; /* so many of STEPS parts of its pages a thread uses */

/* A page in four is every thread's, the others are its own. */
static void *work(void *context)
{
    struct worker *w = context;
    uint64_t own = (map_pages - SHARED_PAGES) / running;
    for (uint64_t turn = 0; !atomic_load(&stopping); turn++) {
        uint64_t random = word_of(turn, w->number + 1) >> 8,
                 used = own * atomic_load(&width) / STEPS;
        if (turn % 4 == 0) {
            uint64_t *at =
                (uint64_t *)(map + random % SHARED_PAGES * PAGE) + random / SHARED_PAGES % WORDS;
            __atomic_fetch_add(at, 1, __ATOMIC_RELAXED);
            w->atomics++;
        } else {
            uint64_t page = SHARED_PAGES + w->number * own + random % used;
            ((volatile uint64_t *)(map + page * PAGE))[turn % WORDS]++;
            w->plain++;
        }
        atomic_store(&w->turns, turn);
    }
    return NULL;
}

static uint64_t sum_of(const char *at, size_t from, size_t to)
{
    uint64_t sum = 0;
    for (size_t i = from * WORDS; i < to * WORDS; i++)
        sum += ((const uint64_t *)at)[i];
    return sum;
}

static void start(size_t threads)
{
    atomic_store(&stopping, false);
    atomic_store(&width, 1);
    running = threads < MOST_THREADS ? threads : MOST_THREADS;
    for (size_t i = 0; i < running; i++) {
        workers[i] = (struct worker){ .number = i };
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            die("pthread_create");
    }
    printf("0\n");
}

static void progress(uint64_t turns)
{
    for (size_t i = 0; i < running; i++)
        for (uint64_t from = atomic_load(&workers[i].turns);
             atomic_load(&workers[i].turns) < from + turns;)
            sched_yield();
    printf("0\n");
}

static void stop(void)
{
    uint64_t total = 0, atomics = 0, own = (map_pages - SHARED_PAGES) / running;
    unsigned wrong = 0;
    atomic_store(&stopping, true);
    for (size_t i = 0; i < running; i++) {
        size_t first = SHARED_PAGES + i * own;
        pthread_join(workers[i].thread, NULL);
        wrong += sum_of(map, first, first + own) != workers[i].plain;
        atomics += workers[i].atomics;
        total += workers[i].plain;
    }
    wrong += sum_of(map, 0, SHARED_PAGES) != atomics;
    printf("total=%llu wrong=%u\n", (unsigned long long)(total + atomics), wrong);
}

/* ---- commands ---- */

static void answer(int failed)
{
    printf("%d\n", failed ? errno : 0);
}

/* Both store afterwards; the child to the second half. */
static void do_fork(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        store("ascending", map_pages / 2, map_pages / 2, 7);
        _exit(count_wrong(map, -1, "ascending", map_pages / 2, map_pages / 2, 7) ? 1 : 0);
    }
    store("ascending", 0, map_pages / 2, 7);
    if (child < 0 || waitpid(child, &status, 0) != child)
        die("fork");
    printf("child=%d\n", status);
}

/* Answers when both have stored, with the child's number. */
static void twin(uint64_t seed)
{
    int ends[2];
    char done = 0;
    if (pipe(ends))
        die("pipe");
    pid_t child = fork();
    if (child == 0) {
        store("ascending", map_pages / 2, map_pages / 2, seed);
        if (write(ends[1], &done, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    store("ascending", 0, map_pages / 2, seed);
    close(ends[1]);
    printf("%d\n", child < 0 || read(ends[0], &done, 1) != 1 ? 0 : (int)child);
}

static void chunks(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *at = mmap(NULL, PAGE, RW, MAP_SHARED, file, (off_t)(i % map_pages * PAGE));
        if (at == MAP_FAILED || munmap(at, PAGE))
            die("chunk %zu: %s", i, strerror(errno));
    }
    printf("0\n");
}

static void write_page(size_t page, uint64_t seed)
{
    char content[PAGE] __attribute__((aligned(8)));
    fill(content, page, seed);
    answer(pwrite(file, content, PAGE, (off_t)(page * PAGE)) != (ssize_t)PAGE);
}

/* Goes on in a child. */
static void become_daemon(void)
{
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child)
        _exit(0);
    printf("0\n");
}

static void move(size_t from, size_t count)
{
    char *to = mmap(NULL, count * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *now =
        mremap(map + from * PAGE, count * PAGE, count * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    if (now != MAP_FAILED && from == 0 && count == map_pages)
        map = now;
    answer(now == MAP_FAILED);
}

static void show_maps(void)
{
    struct sight s = look(NULL);
    printf("maps=%ld library=%d\n", s.maps, s.library);
}

static void map_second(const char *path)
{
    char name[512];
    snprintf(name, sizeof name, "%s.second", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)(map_pages * PAGE)) ||
        mmap(NULL, map_pages * PAGE, RW, MAP_SHARED, fd, 0) == MAP_FAILED)
        die("%s: %s", name, strerror(errno));
    answer(close(fd));
}

static void count_sockets(void)
{
    struct stat st;
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    printf("%d\n", n);
}

static void remap(void)
{
    munmap(map, map_pages * PAGE);
    map = mmap(NULL, map_pages * PAGE, RW, MAP_SHARED, file, 0);
    answer(map == MAP_FAILED);
}

static bool obey(const char *verb, const char *word, size_t from, size_t count, uint64_t seed)
{
    char *at = map + from * PAGE;
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (strcmp(verb, "store") == 0)
        store(word, from, count, seed), printf("0\n");
    else if (strcmp(verb, "check") == 0)
        printf("wrong=%zu\n", count_wrong(map, -1, word, from, count, seed));
    else if (strcmp(verb, "msync") == 0)
        answer(msync(at, count * PAGE, MS_SYNC));
    else if (strcmp(verb, "munmap") == 0)
        answer(munmap(at, count * PAGE));
    else if (strcmp(verb, "protect") == 0)
        answer(mprotect(at, count * PAGE, word[1] ? RW : PROT_READ));
    else if (strcmp(verb, "move") == 0)
        move(from, count);
    else if (strcmp(verb, "fixed") == 0)
        answer(mmap(at, count * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at);
    else if (strcmp(verb, "remap") == 0)
        remap();
    else if (strcmp(verb, "read") == 0)
        printf("%llu\n", (unsigned long long)*(volatile uint64_t *)at);
    else if (strcmp(verb, "truncate") == 0)
        answer(ftruncate(file, (off_t)(from * PAGE)));
    else if (strcmp(verb, "start") == 0)
        start(from);
    else if (strcmp(verb, "widen") == 0)
        printf("%u\n", atomic_fetch_add(&width, 1) + 1);
    else if (strcmp(verb, "progress") == 0)
        progress(from);
    else if (strcmp(verb, "stop") == 0)
        stop();
    else if (strcmp(verb, "close") == 0)
        answer(close(file));
    else if (strcmp(verb, "second") == 0)
        map_second(file_path);
    else if (strcmp(verb, "sockets") == 0)
        count_sockets();
    else if (strcmp(verb, "lock") == 0)
        answer(fcntl(file, F_SETLK, &lock));
    else if (strcmp(verb, "maps") == 0)
        show_maps();
    else if (strcmp(verb, "fork") == 0)
        do_fork();
    else if (strcmp(verb, "twin") == 0)
        twin(from);
    else if (strcmp(verb, "chunks") == 0)
        chunks(from);
    else if (strcmp(verb, "write") == 0)
        write_page(from, count);
    else if (strcmp(verb, "daemon") == 0)
        become_daemon();
    else if (strcmp(verb, "exit") == 0)
        exit((int)from);
    else if (strcmp(verb, "_exit") == 0)
        _exit((int)from);
    else if (strcmp(verb, "quick_exit") == 0)
        quick_exit((int)from);
    else if (strcmp(verb, "syscall") == 0)
        syscall(SYS_exit_group, (int)from);
    else
        return false;
    return true;
}

static int obey_all(void)
{
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        char verb[32] = "", word[32] = "";
        unsigned long long n[3] = { 0 };
        if (sscanf(line, "%31s %31[a-z] %llu %llu %llu", verb, word, &n[0], &n[1], &n[2]) < 2)
            sscanf(line, "%31s %llu %llu %llu", verb, &n[0], &n[1], &n[2]);
        if (!obey(verb, word, n[0], n[1], n[2]))
            die("what is '%s'?", line);
        fflush(stdout);
    }
    return 0;
}

/* ---- from outside ---- */

static int open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    return fd;
}

static _Atomic uint64_t *open_counter(const char *path)
{
    int fd = open_file(path);
    void *at = ftruncate(fd, (off_t)PAGE) ? MAP_FAILED : mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        die("%s: %s", path, strerror(errno));
    close(fd);
    return at;
}

/* What the page is to be full of after so many stores: 0, seed or seed + 1; -1 if it was being
 * stored to when the program died. */
static int content_due(uint64_t stored, uint64_t first, uint64_t second)
{
    if (stored == first || stored == second)
        return -1;
    return stored > second ? 2 : stored > first ? 1 : 0;
}

static int kept(const char *path, const char *told, size_t count, uint64_t seed)
{
    static const char zeros[PAGE];
    char page[PAGE] __attribute__((aligned(8)));
    uint64_t stored = *open_counter(told), *place[2];
    int fd = open_file(path);
    for (unsigned pass = 0; pass < 2; pass++) {
        size_t *order = make_order("random", 0, count, seed + pass);
        place[pass] = calloc(count, sizeof *place[pass]);
        for (size_t i = 0; place[pass] && i < count; i++)
            place[pass][order[i]] = pass * count + i;
        free(order);
    }
    for (size_t p = 0; p < count; p++) {
        int due = content_due(stored, place[0][p], place[1][p]);
        if (pread(fd, page, PAGE, (off_t)(p * PAGE)) != (ssize_t)PAGE)
            die("pread: %s", strerror(errno));
        if (due < 0 ||
            (due ? is_filled(page, p, seed + (uint64_t)due - 1) : !memcmp(page, zeros, PAGE)))
            continue;
        printf("page %zu is wrong: stored as numbers %llu and %llu of %llu\n", p,
               (unsigned long long)place[0][p], (unsigned long long)place[1][p],
               (unsigned long long)stored);
        return 1;
    }
    printf("stored=%llu\n", (unsigned long long)stored);
    return 0;
}

static int sum_file(const char *path)
{
    struct stat st;
    int fd = open_file(path);
    if (fstat(fd, &st))
        die("fstat");
    const char *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    printf("%llu\n", (unsigned long long)sum_of(at, 0, (size_t)st.st_size / PAGE));
    return 0;
}

/* Spins so many times more, for a moment between two stores. */
static int kill_when(pid_t pid, const char *told, uint64_t number, const char *spin)
{
    _Atomic uint64_t *stored = open_counter(told);
    while (atomic_load(stored) < number && kill(pid, 0) == 0)
        sched_yield();
    for (unsigned long i = spin ? strtoul(spin, NULL, 0) : 0; i > 0; i--)
        atomic_load(stored);
    return spin && pid > 0 ? kill(pid, SIGKILL) : 0;
}

int main(int argc, char **argv)
{
#define NUMBER(i) strtoull(argv[i], NULL, 0)
    if (argc == 7 && strcmp(argv[1], "check") == 0) {
        size_t wrong =
            count_wrong(NULL, open_file(argv[2]), argv[3], NUMBER(4), NUMBER(5), NUMBER(6));
        printf("wrong=%zu\n", wrong);
        return wrong != 0;
    }
    if (argc == 6 && strcmp(argv[1], "kept") == 0)
        return kept(argv[2], argv[3], NUMBER(4), NUMBER(5));
    if (argc == 3 && strcmp(argv[1], "sum") == 0)
        return sum_file(argv[2]);
    if ((argc == 6 && strcmp(argv[1], "kill") == 0) || (argc == 5 && strcmp(argv[1], "wait") == 0))
        return kill_when((pid_t)NUMBER(2), argv[3], NUMBER(4), argc == 6 ? argv[5] : NULL);
    if (argc < 3)
        return 2;
    map_pages = NUMBER(2);
    file_path = argv[1];
    file = open_file(file_path);
    counter = argc > 3 ? open_counter(argv[3]) : NULL;
    struct stat st;
    if (fstat(file, &st) ||
        (st.st_size < (off_t)(map_pages * PAGE) && ftruncate(file, (off_t)(map_pages * PAGE))))
        die("ftruncate: %s", strerror(errno));
    map = mmap(NULL, map_pages * PAGE, RW, MAP_SHARED, file, 0);
    if (map == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    printf("ready\n");
    fflush(stdout);
    return obey_all();
}
