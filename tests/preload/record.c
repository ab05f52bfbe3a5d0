/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * record: maps and unmaps at random and knows of every page which call mapped it; then asks the
 * record the same.
 *
 *   record model SEED STEPS FILE   compares page by page; says how many mappings there were
 *   record past SEED STEPS FILE    the same, and some unmap past libc: what the record has more is of those
 *   record threads JOURNAL         eight threads that map and unmap until they are killed, and
 *                                  write down before and after what they do
 *   record judge JOURNAL RECORD    after the kill: are they of one mind?
 *   record many N                  maps N pages, and says "done"
 *   record vfork                   a vfork child maps, then this process: the record is this one's
 *   record space                   as process 1: a child made past libc is process 1 of its own namespace, and ends
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../raw.h"
#include "look.h"
#include "recordlook.h"

enum { PAGE = 4096, SITES = 8, PAGES_MOST = 1 << 16, LIVE_MOST = 3000 };

static uint64_t chance = 1;

static unsigned pick(unsigned n)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(chance >> 33) % n;
}

/* ---- calls that have stacks of their own ---- */

typedef void *mapper(void *at, size_t len, int flags, int fd, off_t offset);
#define SITE(n)                                                                              \
    __attribute__((noinline)) static void *site_##n(void *at, size_t len, int flags, int fd, \
                                                    off_t offset)                            \
    {                                                                                        \
        void *got = mmap(at, len, PROT_READ | PROT_WRITE, flags, fd, offset);                \
        __asm__ volatile("" : "+r"(got)); /* no tail call: the frame is the site */          \
        return got;                                                                          \
    }
/* clang-format off */
SITE(0) SITE(1) SITE(2) SITE(3) SITE(4) SITE(5) SITE(6)
static mapper *const sites[SITES - 1] = { site_0, site_1, site_2, site_3, site_4, site_5, site_6 };
/* clang-format on */
enum { COPY_SITE = SITES - 1 };

__attribute__((noinline)) static void *remap(void *at, size_t old_len, size_t new_len, int flags,
                                             void *to)
{
    void *got = mremap(at, old_len, new_len, flags, to);
    __asm__ volatile("" : "+r"(got));
    return got;
}

/* ---- what this program knows ---- */

struct known {
    uintptr_t page; /* address; 0: free slot */
    unsigned mapping, site;
    bool shared;
};
static struct known pages[PAGES_MOST];
static unsigned mappings, live;
static bool past_libc;

static struct known *slot_of(uintptr_t page)
{
    size_t i = (page / PAGE * 0x9e3779b97f4a7c15u >> 40) % PAGES_MOST;
    while (pages[i].page && pages[i].page != page)
        i = (i + 1) % PAGES_MOST;
    return &pages[i];
}

static bool is_known(uintptr_t page)
{
    const struct known *k = slot_of(page);
    return k->page && k->mapping;
}

static void learn(uintptr_t at, size_t len, unsigned mapping, unsigned site, bool shared)
{
    for (size_t i = 0; i < len; i += PAGE) {
        struct known *k = slot_of(at + i);
        live += !(k->page && k->mapping);
        *k = (struct known){ at + i, mapping, site, shared };
    }
}

static void unlearn(uintptr_t at, size_t len)
{
    for (size_t i = 0; i < len; i += PAGE) {
        struct known *k = slot_of(at + i);
        live -= k->page && k->mapping;
        k->mapping = 0;
    }
}

/* A range of pages that are all mapped, at most so many. */
static uintptr_t pick_known(size_t most, size_t *len)
{
    for (;;) {
        const struct known *k = &pages[pick(PAGES_MOST)];
        if (!k->page || !k->mapping)
            continue;
        for (*len = PAGE; *len < most * PAGE && is_known(k->page + *len); *len += PAGE)
            ;
        return k->page;
    }
}

/* A range of one mapping, for mremap. */
static uintptr_t pick_one(size_t most, size_t *len)
{
    uintptr_t at = pick_known(most, len);
    unsigned mapping = slot_of(at)->mapping;
    for (size_t i = PAGE; i < *len; i += PAGE)
        if (slot_of(at + i)->mapping != mapping)
            *len = i;
    return at;
}

/* ---- steps ---- */

static void step_map(int fd, bool over)
{
    unsigned site = pick(SITES - 1);
    bool file = pick(2);
    size_t len = (1 + pick(8)) * PAGE;
    void *at = over ? (void *)pick_known(1 + pick(8), &len) : NULL;
    int flags = (file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | (over ? MAP_FIXED : 0);
    void *got = sites[site](at, len, flags, file ? fd : -1, file ? (off_t)pick(256) * PAGE : 0);
    if (got == MAP_FAILED)
        die("mmap: %m");
    learn((uintptr_t)got, len, ++mappings, site, file);
}

/* Past libc: one mapping without a file. A file's chunks may not be taken from under the library. */
static void step_unmap(void)
{
    size_t len;
    uintptr_t at = past_libc ? pick_one(12, &len) : pick_known(1 + pick(12), &len);
    bool past = past_libc && pick(2) && !slot_of(at)->shared;
    if ((past ? raw(SYS_munmap, at, len) : munmap((void *)at, len)) != 0)
        die("munmap: %m");
    unlearn(at, len);
}

/* Some fail, where the kernel has several maps: then nothing may have changed. */
static void step_remap(void)
{
    size_t len, new_len;
    uintptr_t at = pick_one(8, &len);
    struct known was = *slot_of(at);
    int flags = MREMAP_MAYMOVE | (pick(4) == 0 && !was.shared ? MREMAP_DONTUNMAP : 0);
    bool copy = flags & MREMAP_DONTUNMAP;
    new_len = copy ? len : (1 + pick(12)) * PAGE;
    if (was.shared && pick(3) == 0) {
        len = 0;
        new_len = PAGE;
        copy = true;
    }
    void *got = remap((void *)at, len, new_len, flags, NULL);
    if (got == MAP_FAILED)
        return;
    if (!copy)
        unlearn(at, len);
    learn((uintptr_t)got, new_len, copy ? ++mappings : was.mapping, copy ? COPY_SITE : was.site,
          was.shared);
}

static void step_protect(void)
{
    size_t len;
    uintptr_t at = pick_known(1 + pick(4), &len);
    mprotect((void *)at, len, pick(2) ? PROT_READ : PROT_READ | PROT_WRITE);
}

/* ---- comparing ---- */

static const struct mapherd_record_mapping *find(const struct recorded *r, uintptr_t page)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->pieces[middle].end <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->count && r->pieces[low].start <= page ? &r->pieces[low] : NULL;
}

enum { STACKS_MOST = 64 };

/* A stack is of one call; a call may be on several, one for each way that leads to it. */
static struct {
    uint32_t stack;
    unsigned site;
} stacks[STACKS_MOST];
static size_t stack_count;

static bool is_ours(uint32_t stack)
{
    size_t i = 0;
    while (i < stack_count && stacks[i].stack != stack)
        i++;
    return i < stack_count;
}

static void meet_stack(uint32_t stack, unsigned site)
{
    if (!stack)
        die("a mapping without a stack");
    for (size_t i = 0; i < stack_count; i++)
        if (stacks[i].stack == stack && stacks[i].site != site)
            die("two calls have one stack in the record");
    if (is_ours(stack))
        return;
    if (stack_count == STACKS_MOST)
        die("a call has more stacks than ways lead to it");
    stacks[stack_count].stack = stack;
    stacks[stack_count++].site = site;
}

static void compare(const char *record)
{
    struct recorded r = recordlook(record);
    uint32_t *numbers = calloc(mappings + 1, sizeof *numbers);
    unsigned *ours = calloc(r.head.mapped + 1, sizeof *ours);
    unsigned long theirs = 0;
    for (size_t i = 0; i < PAGES_MOST; i++) {
        const struct known *k = &pages[i];
        if (!k->page || !k->mapping)
            continue;
        const struct mapherd_record_mapping *p = find(&r, k->page);
        if (!p)
            die("%#lx is mapped and not in the record", (unsigned long)k->page);
        meet_stack(p->stack, k->site);
        if (numbers[k->mapping] && numbers[k->mapping] != p->number)
            die("one mapping has two numbers");
        if (p->number > r.head.mapped || (ours[p->number] && ours[p->number] != k->mapping))
            die("two mappings have one number");
        numbers[k->mapping] = p->number;
        ours[p->number] = k->mapping;
    }
    for (size_t i = 0; i < r.count; i++)
        if (is_ours(r.pieces[i].stack))
            theirs += (r.pieces[i].end - r.pieces[i].start) / PAGE;
    if (past_libc ? theirs < live : theirs != live)
        die("%u pages are mapped, %lu are in the record", live, theirs);
    if (r.changing)
        die("%zu pieces are out of place, and nobody moves them", r.changing);
    free(numbers);
    free(ours);
    free(r.pieces);
}

static int model(uint64_t seed, unsigned long steps, const char *path)
{
    const char *record = recordlook_own();
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (!record || fd < 0 || ftruncate(fd, 1 << 24) != 0)
        die("no record, or no file");
    chance = seed;
    for (unsigned long n = 1; n <= steps; n++) {
        unsigned way = pick(10);
        if (live < 100 || (way < 3 && live < LIVE_MOST))
            step_map(fd, false);
        else if (way < 5)
            step_map(fd, true);
        else if (way < 7)
            step_unmap();
        else if (way < 9 && live < LIVE_MOST)
            step_remap();
        else
            step_protect();
        if (n % 1000 == 0)
            compare(record);
    }
    printf("%u mappings, %u pages live at the end\n", mappings, live);
    return 0;
}

/* ---- killed ---- */

enum { THREADS = 8, SLOTS = 200 };

/* What a thread has mapped: 0 nothing; odd: it is just being mapped or unmapped. */
struct journal {
    uint64_t ready;
    uint64_t slot[THREADS][SLOTS];
};
static struct journal *journal;

static struct journal *open_journal(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *journal) != 0)
        die("%s: %m", path);
    void *at = mmap(NULL, sizeof *journal, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

static void *run(void *number)
{
    uint64_t *slots = journal->slot[(uintptr_t)number];
    uint64_t mine = (uintptr_t)number + 1;
    for (;;) {
        mine = mine * 6364136223846793005u + 1442695040888963407u;
        uint64_t *slot = &slots[(mine >> 33) % SLOTS];
        if (*slot) {
            uint64_t at = *slot;
            __atomic_store_n(slot, at | 1, __ATOMIC_SEQ_CST);
            munmap((void *)at, 2 * PAGE);
            __atomic_store_n(slot, 0, __ATOMIC_SEQ_CST);
        } else {
            __atomic_store_n(slot, 1, __ATOMIC_SEQ_CST);
            void *at = site_0(NULL, 2 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            __atomic_store_n(slot, (uintptr_t)at, __ATOMIC_SEQ_CST);
        }
        __atomic_fetch_add(&journal->ready, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static int threads(const char *path)
{
    pthread_t thread;
    journal = open_journal(path);
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, run, (void *)i) != 0)
            die("no thread");
    pause();
    return 1;
}

/* Every mapping that stood is in the record, and what else of its kind is there was just being
 * made or undone. */
static int judge(const char *path, const char *record)
{
    struct recorded r = recordlook(record);
    size_t stood = 0, changing = 0, found = 0;
    uint32_t stack = 0;
    journal = open_journal(path);
    for (int t = 0; t < THREADS; t++)
        for (int s = 0; s < SLOTS; s++) {
            uint64_t at = journal->slot[t][s];
            changing += at & 1;
            if (!at || (at & 1))
                continue;
            const struct mapherd_record_mapping *p = find(&r, at);
            if (!p || p->start != at || p->end != at + 2 * PAGE)
                die("%#lx was mapped and is not in the record", (unsigned long)at);
            stack = p->stack;
            stood++;
        }
    for (size_t i = 0; i < r.count; i++) {
        if (i + 1 < r.count && r.pieces[i].end > r.pieces[i + 1].start)
            die("two pieces overlap, and no thread maps where another has something");
        found += stack && r.pieces[i].stack == stack;
    }
    if (found < stood || found > stood + changing)
        die("%zu mappings stood and %zu were changing, %zu are in the record", stood, changing,
            found);
    printf("%zu mappings, %zu changing\n", stood, changing);
    return 0;
}

/* Maps so often, and says so. */
static int many(unsigned long n)
{
    while (n-- > 0)
        if (site_0(NULL, PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            die("mmap: %m");
    puts("done");
    return 0;
}

static void map_some(void)
{
    for (int i = 0; i < 200; i++)
        site_0(NULL, PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int after_vfork_child(void)
{
    pid_t child = vfork();
    if (child == 0) {
        map_some();
        _exit(0);
    }
    map_some();
    const char *record = recordlook_own();
    if (!record || recordlook(record).head.pid != getpid())
        die("%s is not this process's", record ? record : "no record");
    return 0;
}

static int space(void)
{
    int status = -1;
    map_some();
    long child = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(7);
    if (getpid() != 1 || child < 0 || waitpid((pid_t)child, &status, 0) != child)
        die("no namespace of its own");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
        die("the child ends with %#x", (unsigned)status);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "vfork"))
        return after_vfork_child();
    if (argc == 2 && !strcmp(argv[1], "space"))
        return space();
    if (argc == 3 && !strcmp(argv[1], "many"))
        return many(strtoul(argv[2], NULL, 10));
    past_libc = argc == 5 && !strcmp(argv[1], "past");
    if (past_libc || (argc == 5 && !strcmp(argv[1], "model")))
        return model(strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), argv[4]);
    if (argc == 3 && !strcmp(argv[1], "threads"))
        return threads(argv[2]);
    if (argc == 4 && !strcmp(argv[1], "judge"))
        return judge(argv[2], argv[3]);
    fputs("usage: record model|past SEED STEPS FILE | threads JOURNAL | judge JOURNAL RECORD |"
          " many N | vfork | space\n",
          stderr);
    return 2;
}
