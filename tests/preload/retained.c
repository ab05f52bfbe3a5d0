/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * retained: what the program has unmapped, and what it never mapped, between the chunks of a file. It
 * behaves as alone, and what lies there by calls past libc stays. It knows nothing of mapherd.
 *
 *   retained FILE unmapped    a chunk in the middle, unmapped: faults, calls that name it, bytes of the file
 *   retained FILE gap         what lies between two chunks that do not touch
 *   retained FILE places      mmap with a hint and with MAP_FIXED_NOREPLACE at an unmapped chunk
 *   retained FILE locked      a chunk that was locked
 *   retained FILE limited     a limit on the address space that comes later
 *   retained FILE limited_unseen   the same, by a call past libc
 *   retained FILE grown_unseen     the same, and memory that grows
 *   retained FILE locked_unseen    all maps locked by a call past libc, and a limit on locked memory
 *   retained FILE replaced    memory that raw calls put in the place of an unmapped chunk
 *   retained FILE over        a call that names its place puts memory where one piece is kept, and takes away
 *                         what made it worth keeping another
 *   retained FILE interrupted a signal while something is given back, and memory that its handler puts there
 *   retained FILE forked      a child that was not given the unmapped chunk, and maps something there
 *
 * Prints what is not as it should be, "not shown: REASON" where a user's limit leaves nothing to look at,
 * and at the end KEY=VALUE: library; torn and kept, how many ranges between chunks were not mapped, and were
 * mapped all the same; failures. Status 1 if there are any.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "look.h"
#if defined(__x86_64__)
#include "../raw.h"
#include "step.h"
#endif
#include "touch.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PAGE 4096UL
#define CHUNK (16 * PAGE)
#define CHUNKS 10 /* the last two begin the window: one chunk of a file has none */
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int fd;
static long failures;

static void expect(bool good, const char *what)
{
    int why = errno;
    if (good)
        return;
    failures++;
    printf("NOT SO: %s (errno %d)\n", what, why);
}

/* This user may not do what the scene needs; root may. */
static void cannot_show(const char *what)
{
    expect(geteuid() != 0, what);
    printf("not shown: %s\n", what);
}

static char byte_of(long n)
{
    return (char)('a' + n);
}

static char *map_at(char *where, long n, int flags)
{
    return mmap(where, CHUNK, RW, MAP_SHARED | flags, fd, n * (long)CHUNK);
}

/* The chunks from first to last; the lowest is returned. They are beside each other under the library. */
static char *map_chunks(long first, long last)
{
    char *low = NULL;
    static bool begun; /* the file's window begins with the chunk that continues this one */
    if (!begun && map_at(NULL, last + 1, 0) == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    begun = true;
    for (long n = last; n >= first; n--) {
        char *at = map_at(NULL, n, 0);
        if (at == MAP_FAILED)
            die("mmap: %s", strerror(errno));
        if (low && at != low - CHUNK)
            die("not beside its neighbour"); /* alone the kernel maps downwards */
        memset(at, byte_of(n), CHUNK);
        low = at;
    }
    return low;
}

static bool in_file(long n, char byte)
{
    char bytes[CHUNK];
    if (pread(fd, bytes, CHUNK, n * (long)CHUNK) != (ssize_t)CHUNK)
        die("pread: %s", strerror(errno));
    for (size_t i = 0; i < CHUNK; i++)
        if (bytes[i] != byte)
            return false;
    return true;
}

/* The kernel's word, past every library. */
static bool is_mapped(const char *at)
{
    unsigned char pages[CHUNK / PAGE];
    return raw(SYS_mincore, at, CHUNK, pages) == 0;
}

static bool refuses(long answer, int error)
{
    return answer == -1 && errno == error;
}

/* Nothing of [at, at + len) can be reached. */
static void expect_nothing(char *at, size_t len)
{
    for (size_t i = 0; i < len; i += PAGE) {
        expect(!touch_reads(at + i), "a load faults");
        expect(!touch_stores(at + i, '!'), "a store faults");
    }
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    expect(refuses(read(zero, at, 1), EFAULT), "read(2) says EFAULT");
    close(zero);
}

static void expect_chunk(char *at, long n)
{
    bool same = at != MAP_FAILED;
    for (size_t i = 0; same && i < CHUNK; i++)
        same = at[i] == byte_of(n);
    expect(same, "a chunk shows the file");
}

static long torn, kept;

static bool note(const char *at)
{
    bool is_kept = is_mapped(at);
    kept += is_kept;
    torn += !is_kept;
    return is_kept;
}

static void unmap_middle(char *at)
{
    expect(munmap(at, CHUNK) == 0, "a chunk can be unmapped");
    note(at);
}

/* Calls about memory that is not mapped: the n-th; false if there is none. */
static bool expect_hole(char *at, int n)
{
    unsigned char pages[CHUNK / PAGE];
    switch (n) {
    case 0: expect(refuses(mincore(at, CHUNK, pages), ENOMEM), "mincore says ENOMEM"); break;
    case 1: expect(refuses(msync(at, CHUNK, MS_SYNC), ENOMEM), "msync says ENOMEM"); break;
    case 2: expect(refuses(msync(at, CHUNK, MS_ASYNC), ENOMEM), "MS_ASYNC says ENOMEM"); break;
    case 3:
        expect(refuses(madvise(at, CHUNK, MADV_WILLNEED), ENOMEM), "WILLNEED says ENOMEM");
        break;
    case 4: expect(refuses(madvise(at, CHUNK, MADV_RANDOM), ENOMEM), "RANDOM says ENOMEM"); break;
    case 5:
        expect(posix_madvise(at, CHUNK, POSIX_MADV_RANDOM) == ENOMEM, "posix_madvise too");
        break;
    case 6: expect(refuses(mprotect(at, CHUNK, PROT_READ), ENOMEM), "mprotect says ENOMEM"); break;
    case 7: expect(refuses(mprotect(at, CHUNK, PROT_NONE), ENOMEM), "PROT_NONE says ENOMEM"); break;
    case 8: expect(refuses(mlock(at + 1, CHUNK - 2), ENOMEM), "mlock says ENOMEM"); break;
    case 9: expect(refuses(munlock(at, CHUNK), ENOMEM), "munlock says ENOMEM"); break;
    case 10:
        expect(mremap(at, CHUNK, 2 * CHUNK, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT,
               "mremap says EFAULT");
        break;
    case 11: {
        char *onto = mmap(NULL, 4 * CHUNK, RW, ANON, -1, 0); /* too long for the hole itself */
        expect(mremap(at, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, onto) == MAP_FAILED &&
                   errno == EFAULT,
               "mremap onto a named place says EFAULT");
        munmap(onto, 4 * CHUNK);
        break;
    }
    case 12:
        expect(mremap(at - CHUNK, CHUNK, 2 * CHUNK, 0) == at - CHUNK, "mremap grows into it");
        expect(munmap(at, CHUNK) == 0, "and what has grown can be unmapped");
        break;
    default: return false;
    }
    return true;
}

static void unmapped(void)
{
    char *low = map_chunks(1, 5), *middle = low + 2 * CHUNK;
    unmap_middle(middle);
    expect_nothing(middle, CHUNK);
    expect(in_file(3, byte_of(3)), "the file is as it was");
    for (int n = 0; expect_hole(middle, n); n++) {
        char *again = map_at(NULL, 3, 0);
        expect_chunk(again, 3);
        munmap(again, CHUNK);
    }
    char *again = map_at(NULL, 3, 0);
    expect_chunk(again, 3);
    memset(again, 'z', CHUNK);
    expect(in_file(3, 'z'), "a store reaches the file");
    for (long n = 1; n <= 5; n++)
        if (n != 3)
            expect_chunk(low + (n - 1) * (long)CHUNK, n);
}

static void gap(void)
{
    char *high = map_at(NULL, 4, 0), *low = map_at(NULL, 1, 0);
    bool window = high == low + 3 * CHUNK;
    memset(low, byte_of(1), CHUNK);
    memset(high, byte_of(4), CHUNK);
    if (!window) /* alone */
        return;
    note(low + CHUNK);
    expect_nothing(low + CHUNK, 2 * CHUNK);
    expect(in_file(2, 0) && in_file(3, 0), "the file is as it was");
    for (int n = 0; n < 12 && expect_hole(low + 2 * CHUNK, n); n++)
        ;
    expect_chunk(low, 1);
    expect_chunk(high, 4);
}

static void places(void)
{
    char *low = map_chunks(1, 6), *at = low + 2 * CHUNK;
    unmap_middle(at);
    expect(mmap(at, CHUNK, RW, ANON, -1, 0) == at, "a hint gives the free place");
    expect(*at == 0, "new memory is zero");
    munmap(at, CHUNK);
    expect(mmap(at, CHUNK, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == at, "MAP_FIXED_NOREPLACE too");
    munmap(at, CHUNK);
    expect_chunk(map_at(at, 3, MAP_FIXED_NOREPLACE), 3);
    munmap(at, CHUNK);
    expect_chunk(map_at(NULL, 3, 0), 3);
    munmap(at, CHUNK);
    raw(SYS_munmap, at + CHUNK, CHUNK);
    expect(mmap(at, 2 * CHUNK, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == at,
           "over a place of which half was kept");
    char *other = mmap(low, CHUNK, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    expect(other == MAP_FAILED && errno == EEXIST, "not over a chunk");
    expect_chunk(low, 1);
    expect_chunk(low + CHUNK, 2);
}

/* Gaps are no address space of the program's. */
static void limited(void)
{
    struct rlimit limit = { 0, 0 };
    char *high = map_at(NULL, 4, 0), *low = map_at(NULL, 1, 0);
    bool window = high == low + 3 * CHUNK; /* not alone */
    if (window)
        note(low + CHUNK);
    if (getrlimit(RLIMIT_AS, &limit))
        die("getrlimit: %s", strerror(errno));
    limit.rlim_cur = 1UL << 40;
    expect(setrlimit(RLIMIT_AS, &limit) == 0, "a limit can be set");
    expect(!window || !is_mapped(low + CHUNK), "nothing is kept under it");
    high = map_at(NULL, 6, 0);
    expect(!window || !is_mapped(high - CHUNK), "and nothing new");
    map_at(NULL, 2, 0);
    map_at(NULL, 3, 0);
    expect(!window || munmap(low + CHUNK, CHUNK) == 0, "a chunk in the middle can be unmapped");
    expect(!window || !is_mapped(low + CHUNK), "and is not kept");
}

/* What is kept between two chunks, in bytes: none alone. */
static long keep_gap(void)
{
    char *high = map_at(NULL, 4, 0), *low = map_at(NULL, 1, 0);
    bool window = high == low + 3 * CHUNK;
    return window && note(low + CHUNK) ? 2 * (long)CHUNK : 0;
}

static bool set_limit(int which, long bytes)
{
    struct rlimit limit;
    if (getrlimit(which, &limit))
        die("getrlimit: %s", strerror(errno));
    limit.rlim_cur = (rlim_t)bytes;
    return syscall(SYS_prlimit64, 0, which, &limit, NULL) == 0;
}

/* A limit that no hook sees, with room for three chunks more than the program has itself. */
static void limited_unseen(void)
{
    long bytes = keep_gap();
    expect(set_limit(RLIMIT_AS, look_status("VmSize:") * 1024 - bytes + 3 * (long)CHUNK),
           "a limit can be set");
    expect(mmap(NULL, 2 * CHUNK, RW, ANON, -1, 0) != MAP_FAILED, "a map within the limit");
}

static void grown_unseen(void)
{
    long bytes = keep_gap();
    char *at = mmap(NULL, CHUNK, RW, ANON, -1, 0);
    expect(set_limit(RLIMIT_AS, look_status("VmSize:") * 1024 - bytes + 3 * (long)CHUNK),
           "a limit can be set");
    expect(mremap(at, CHUNK, 3 * CHUNK, MREMAP_MAYMOVE) != MAP_FAILED,
           "memory grows within the limit");
}

/* All maps are locked by a call that no hook sees. The limit has room for three chunks more. */
static void locked_unseen(void)
{
    struct {
        unsigned version;
        int pid;
    } head = { 0x20080522, 0 };
    unsigned none[6] = { 0 };
    long bytes = keep_gap(), limit = 0;
    char *at = mmap(NULL, 2 * CHUNK, RW, ANON, -1, 0);
    if (raw(SYS_mlockall, MCL_CURRENT) || munlock(at, 2 * CHUNK) ||
        !set_limit(RLIMIT_MEMLOCK, limit = look_status("VmLck:") * 1024 - bytes + 3 * (long)CHUNK))
        return cannot_show("all maps can be locked, and the limit set");
    expect(syscall(SYS_capset, &head, none) == 0,
           "the right to lock can be given up"); /* it knows no limit */
    expect(mlock(at, 2 * CHUNK) == 0, "memory within the limit can be locked");
    char *more = mmap(NULL, (size_t)limit, RW, ANON, -1, 0);
    expect(more != MAP_FAILED && refuses(mlock(more, (size_t)limit), ENOMEM),
           "memory beyond the limit cannot");
}

static void locked(void)
{
    char *low = map_chunks(1, 3);
    if (mlock(low, 3 * CHUNK))
        return cannot_show("a chunk can be locked"); /* RLIMIT_MEMLOCK */
    expect(munmap(low + CHUNK, CHUNK) == 0, "a locked chunk can be unmapped");
    expect_nothing(low + CHUNK, CHUNK);
    expect_chunk(low, 1);
    expect_chunk(low + 2 * CHUNK, 3);
}

/* What would touch all that is kept. */
static void disturb(char *beside)
{
    mlockall(MCL_CURRENT);
    munlockall();
    expect(munmap(beside, CHUNK) == 0, "a neighbour can be unmapped");
}

static void expect_theirs(const char *at)
{
    bool same = is_mapped(at);
    for (size_t i = 0; same && i < CHUNK; i++)
        same = at[i] == 'r';
    expect(same, "memory that raw calls made is as it was");
}

static void make_theirs(char *at)
{
    void *got = (void *)raw(SYS_mmap, at, CHUNK, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0L);
    if (got != at)
        die("the place is not free: %s", strerror(errno));
    memset(at, 'r', CHUNK);
}

static void replaced(void)
{
    char *low = map_chunks(1, 5), *middle = low + 2 * CHUNK;
    unmap_middle(middle);
    raw(SYS_munmap, low + CHUNK, 3 * CHUNK); /* with chunks that the program has */
    make_theirs(middle);
    char *again = map_at(NULL, 3, 0);
    expect_chunk(again, 3);
    expect(again != middle, "a chunk is not mapped over memory");
    expect_theirs(middle);
    disturb(low);
    expect_theirs(middle);
}

/* MAP_FIXED and MREMAP_FIXED beside what is kept: it spares nothing any more, and goes. */
static void over(void)
{
    char *low = map_chunks(1, 7), *high = low + 6 * CHUNK;
    unmap_middle(low + CHUNK);
    expect(mmap(low, CHUNK, RW, ANON | MAP_FIXED, -1, 0) == low, "memory in a chunk's place");
    expect(!is_mapped(low + CHUNK), "what is kept beside it goes");
    expect_chunk(low + 2 * CHUNK, 3);
    unmap_middle(high - CHUNK);
    char *memory = mmap(NULL, 2 * CHUNK, RW, ANON, -1, 0); /* too long for the hole */
    expect(mremap(memory, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, high) == high,
           "memory moved there");
    expect(!is_mapped(high - CHUNK), "what is kept beside it goes then, too");
    expect_chunk(high - 2 * CHUNK, 5);
}

static void forked(void)
{
    char *low = map_chunks(1, 5), *middle = low + 2 * CHUNK;
    raw(SYS_madvise, low, 5 * CHUNK, MADV_DONTFORK);
    unmap_middle(middle);
    pid_t child = fork();
    if (child == 0) {
        make_theirs(middle);
        disturb(map_at(NULL, 6, 0));
        expect_theirs(middle);
        char *again = map_at(NULL, 3, 0);
        expect_chunk(again, 3);
        expect_theirs(middle);
        fflush(stdout);
        _exit(failures > 0);
    }
    int status;
    expect(waitpid(child, &status, 0) == child && status == 0,
           "the child found all as it should be");
    expect_nothing(middle, CHUNK);
}

#if defined(__x86_64__)
static volatile long steps_left;
static char *wanted;

/* The kernel clears the trap flag for the handler and sets it again afterwards. */
static void on_step(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    if (--steps_left == 0) {
        raise(SIGUSR1);
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
    }
}

static void on_signal(int sig)
{
    int before = errno;
    (void)sig;
    if (mmap(wanted, CHUNK, RW, ANON | MAP_FIXED, -1, 0) == wanted)
        memset(wanted, 'r', CHUNK);
    errno = before;
}

/* A signal comes at each of many instructions of a munmap, which makes what is kept beside it needless, and
 * its handler puts memory there. */
static void interrupted(void)
{
    enum { STRIDE = 17 };
    struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
    sigaction(SIGTRAP, &step, NULL);
    signal(SIGUSR1, on_signal);
    for (long n = 1; steps_left <= 0; n += STRIDE) {
        char *low = map_chunks(1, 3);
        wanted = low + CHUNK;
        unmap_middle(wanted);
        if (torn)
            return; /* alone */
        steps_left = n;
        step_each(true);
        int answer = munmap(low, CHUNK);
        step_each(false);
        expect(answer == 0, "a chunk can be unmapped");
        if (steps_left <= 0)
            expect_theirs(wanted);
        munmap(wanted, 2 * CHUNK);
    }
}
#else
static void interrupted(void) /* no single steps */
{
}
#endif

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } scenes[] = {
        { "unmapped", unmapped },
        { "gap", gap },
        { "places", places },
        { "locked", locked },
        { "replaced", replaced },
        { "forked", forked },
        { "limited", limited },
        { "over", over },
        { "limited_unseen", limited_unseen },
        { "grown_unseen", grown_unseen },
        { "locked_unseen", locked_unseen },
        { "interrupted", interrupted },
    };
    setvbuf(stdout, NULL, _IONBF, 0);
    fd = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, (long)(CHUNKS * CHUNK)))
        die("usage: retained FILE SCENE");
    touch_start();
    if (map_at(NULL, CHUNKS - 2, 0) == MAP_FAILED || map_at(NULL, CHUNKS - 1, 0) == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        if (strcmp(argv[2], scenes[i].name))
            continue;
        scenes[i].run();
        printf("library=%d torn=%ld kept=%ld failures=%ld\n", look(NULL).library, torn, kept,
               failures);
        return failures > 0;
    }
    die("no scene %s", argv[2]);
}
