/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls on mappings that are cold, one scene for each argument, or all:
 *
 *     cold FOLDER SCENE...
 *
 * Each scene prints what a program can see. The output is to be the same without the library. With
 * it, all mappings of a scene are cold before its calls are made (MAPHERD_COLD=on,
 * MAPHERD_COLD_WARM=1); "cold=1" on stderr is the proof.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mman.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/look.h"
#include "tests/preload/touch.h"

#define PAGE 4096
#define LEN (4 * PAGE)
#define COUNT 16

static const char *folder;
static bool preloaded;
static char *at[COUNT];
static int files[COUNT];

static char *name_of(int n)
{
    static char name[4096];
    snprintf(name, sizeof name, "%s/file.%d", folder, n);
    return name;
}

static int make(int n)
{
    char page[PAGE];
    int fd = open(name_of(n), O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        die("%s: %s", name_of(n), strerror(errno));
    for (int i = 0; i < LEN / PAGE; i++) {
        memset(page, 'a' + (n + i) % 26, sizeof page);
        if (write(fd, page, sizeof page) != sizeof page)
            die("write: %s", strerror(errno));
    }
    return fd;
}

static bool is_cold(const void *addr)
{
    return strstr(look_place(addr).path, "mapherd-cold") != NULL;
}

static void let_act(void)
{
    char *extra = mmap(NULL, LEN, PROT_READ, MAP_SHARED, files[COUNT - 1], 0);
    if (extra == MAP_FAILED || munmap(extra, LEN) < 0)
        die("extra: %s", strerror(errno));
}

/* Lets the library act until these are cold. */
static void chill_from(int first, int count)
{
    enum { TURNS = 1000, MOST = 11000 }; /* in vain: it tries at most every 64 ms then */
    for (int n = first; preloaded && n < count; n++) {
        for (int turn = 0; !is_cold(at[n]); turn++) {
            if (turn == MOST)
                die("mapping %d does not become cold", n);
            if (turn > TURNS)
                usleep(1000);
            let_act();
        }
    }
    for (int n = first; n < count; n++)
        if (is_cold(at[n]) != preloaded)
            die("mapping %d is %scold", n, preloaded ? "not " : "");
    fprintf(stderr, "cold=%d\n", preloaded);
}

static void chill(int count)
{
    chill_from(0, count);
}

static void map_warm(int count, int prot, int flags)
{
    for (int n = 0; n < COUNT; n++)
        if (!files[n])
            files[n] = make(n);
    for (int n = 0; n < count; n++) {
        at[n] = mmap(NULL, LEN, prot, flags, files[n], 0);
        if (at[n] == MAP_FAILED)
            die("mmap: %s", strerror(errno));
    }
}

static void map_all(int count, int prot, int flags)
{
    map_warm(count, prot, flags);
    chill(count);
}

static void unmap_all(int count)
{
    for (int n = 0; n < count; n++) {
        munmap(at[n], LEN);
        close(files[n]);
        files[n] = 0;
    }
}

static void tell(const char *what, long answer)
{
    printf("  %s: %ld %s\n", what, answer, answer < 0 ? strerrorname_np(errno) : "");
}

#define SHARED_RW PROT_READ | PROT_WRITE, MAP_SHARED
#define TELL(call) tell(#call, (long)(call))

/* How many pages of the file are dirty (cachestat(2), Linux 6.5). */
static long dirty(int fd)
{
    struct {
        uint64_t off, len;
    } range = { 0, 0 };
    struct {
        uint64_t cache, dirty, writeback, evicted, recent;
    } answer;
    long r = syscall(451, fd, &range, &answer, 0);
    return r < 0 ? -1 : (long)(answer.dirty + answer.writeback);
}

static void scene_bytes(void)
{
    map_all(8, SHARED_RW);
    for (int n = 0; n < 8; n++)
        printf("  %c %c\n", at[n][0], at[n][LEN - 1]);
    chill(8);
    for (int n = 0; n < 8; n++)
        at[n][5] = (char)('0' + n);
    chill(8);
    for (int n = 0; n < 8; n++) {
        char byte = 0;
        tell("pread", pread(files[n], &byte, 1, 5));
        printf("  %c %c\n", byte, at[n][5]);
    }
    unmap_all(8);
}

static void scene_deleted(void)
{
    map_all(4, SHARED_RW);
    for (int n = 0; n < 4; n++) {
        unlink(name_of(n));
        close(files[n]);
    }
    rename(name_of(COUNT - 2), name_of(2));
    for (int n = 0; n < 4; n++) {
        at[n][1] = 'x';
        printf("  %c%c\n", at[n][0], at[n][1]);
    }
    chill(4);
    for (int n = 0; n < 4; n++)
        printf("  %c%c\n", at[n][0], at[n][1]);
    for (int n = 0; n < 4; n++) {
        munmap(at[n], LEN);
        files[n] = 0;
    }
}

static void scene_private(void)
{
    map_all(4, PROT_READ, MAP_PRIVATE);
    printf("  %c\n", at[0][0]);
    TELL(mprotect(at[1], LEN, PROT_READ | PROT_WRITE));
    at[1][0] = 'P';
    printf("  %c\n", at[1][0]);
    char byte = 0;
    tell("pread", pread(files[1], &byte, 1, 0));
    printf("  %c\n", byte);
    unmap_all(4);
}

static void scene_msync(void)
{
    map_all(4, SHARED_RW);
    for (int n = 0; n < 4; n++)
        at[n][0] = 's';
    chill(4);
    for (int n = 0; n < 4; n++) {
        TELL(msync(at[n], LEN, MS_SYNC));
        printf("  dirty pages after it: %ld\n", dirty(files[n]));
    }
    chill(4);
    TELL(msync(at[0], LEN, MS_ASYNC));
    TELL(msync(at[0] + PAGE, PAGE, MS_SYNC | MS_INVALIDATE));
    TELL(msync(at[0] + 1, PAGE, MS_SYNC));
    unmap_all(4);
}

static void scene_mprotect(void)
{
    map_all(6, SHARED_RW);
    TELL(mprotect(at[0], LEN, PROT_READ));
    TELL(mprotect(at[1] + PAGE, PAGE, PROT_READ));
    TELL(mprotect(at[2], PAGE, PROT_NONE));
    TELL(mprotect(at[3] + PAGE, PAGE, PROT_READ | PROT_EXEC));
    for (int n = 0; n < 4; n++)
        for (int page = 0; page < 4; page++)
            printf("  %d.%d reads %d stores %d\n", n, page, touch_reads(at[n] + page * PAGE),
                   touch_stores(at[n] + page * PAGE, 'M'));
    chill(1);
    printf("  reads %d stores %d\n", touch_reads(at[0]), touch_stores(at[0], 'M'));
    chill(1);
    TELL(mprotect(at[0], LEN, PROT_READ | PROT_WRITE));
    printf("  reads %d stores %d\n", touch_reads(at[0]), touch_stores(at[0], 'M'));
    unmap_all(6);
}

/* Advice stays in force. */
static void scene_madvise(void)
{
    map_all(6, SHARED_RW);
    TELL(madvise(at[0], LEN, MADV_RANDOM));
    TELL(madvise(at[1], LEN, MADV_SEQUENTIAL));
    TELL(madvise(at[2], LEN, MADV_DONTDUMP));
    TELL(madvise(at[3], LEN, MADV_WILLNEED));
    TELL(madvise(at[3], LEN, MADV_DONTNEED));
    TELL(madvise(at[4] + PAGE, PAGE, MADV_RANDOM));
    chill(4);
    for (int n = 0; n < 6; n++)
        for (int page = 0; page < 2; page++) {
            volatile char *byte = at[n] + page * PAGE;
            (void)*byte;
            printf("  %d.%d rr %d sr %d dd %d %c\n", n, page, look_flag((char *)byte, "rr"),
                   look_flag((char *)byte, "sr"), look_flag((char *)byte, "dd"), *byte);
        }
    TELL(madvise(at[5], LEN, MADV_DONTFORK));
    TELL(madvise(at[5], LEN, 4711));
    TELL(madvise(at[5] + 1, LEN, MADV_NORMAL));
    unmap_all(6);
}

static void scene_mincore(void)
{
    unsigned char vec[4] = { 0 };
    map_all(2, SHARED_RW);
    TELL(mincore(at[0], LEN, vec));
    printf("  %d %d %d %d\n", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
    unmap_all(2);
}

static void scene_munmap(void)
{
    map_all(6, SHARED_RW);
    TELL(munmap(at[0] + PAGE, PAGE));
    TELL(munmap(at[1], PAGE));
    TELL(munmap(at[2] + 3 * PAGE, PAGE));
    TELL(munmap(at[3], LEN));
    for (int n = 0; n < 5; n++)
        for (int page = 0; page < 4; page++)
            printf("  %d.%d reads %d\n", n, page, touch_reads(at[n] + page * PAGE));
    for (int n = 0; n < 5; n++)
        for (int page = 0; page < 4; page++)
            if (touch_reads(at[n] + page * PAGE))
                printf("  %d.%d %c\n", n, page, at[n][page * PAGE]);
    unmap_all(6);
}

static void scene_fixed(void)
{
    map_all(6, SHARED_RW);
    char *over = mmap(at[0] + PAGE, PAGE, SHARED_RW | MAP_FIXED, files[5], 2 * PAGE);
    printf("  over: %d %c%c%c\n", over == at[0] + PAGE, at[0][0], at[0][PAGE], at[0][2 * PAGE]);
    over = mmap(at[1], LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("  over: %d %d\n", over == at[1], at[1][0]);
    over = mmap(at[2] + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                -1, 0);
    tell("noreplace", over == MAP_FAILED ? -1 : 0);
    over = mmap(at[3], LEN, SHARED_RW | MAP_FIXED, -1, 0);
    tell("bad descriptor", over == MAP_FAILED ? -1 : 0);
    printf("  %c\n", at[3][0]);
    over = mmap(at[4], LEN, SHARED_RW | MAP_FIXED, files[4], 1);
    tell("bad offset", over == MAP_FAILED ? -1 : 0);
    printf("  %c\n", at[4][0]);
    unmap_all(6);
}

static void scene_mremap(void)
{
    map_all(6, SHARED_RW);
    char *to = mremap(at[0], LEN, LEN / 2, 0);
    printf("  smaller: %d %c\n", to == at[0], at[0][0]);
    to = mremap(at[1], LEN, 2 * LEN, MREMAP_MAYMOVE);
    printf("  larger: %c %d\n", to[LEN - 1], touch_reads(to + LEN));
    munmap(to, 2 * LEN);
    to = mremap(at[2], LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, at[3]);
    printf("  moved over another: %d %c %d\n", to == at[3], at[3][0], touch_reads(at[2]));
    to = mremap(at[4], 0, LEN, MREMAP_MAYMOVE);
    printf("  a second one: %c %c\n", to[0], at[4][0]);
    to[0] = 'S';
    printf("  %c\n", at[4][0]);
    munmap(to, LEN);
    unmap_all(6);
}

static void scene_mlock(void)
{
    map_all(4, SHARED_RW);
    TELL(mlock(at[0], LEN));
    printf("  %ld kB\n", look_status("VmLck:"));
    TELL(munlock(at[0], LEN));
    TELL(mlock2(at[1] + 1, 1, MLOCK_ONFAULT));
    printf("  %d\n", look_flag(at[1], "lo"));
    TELL(munlock(at[1], LEN));
    unmap_all(4);
}

static void scene_mlockall(void)
{
    map_all(4, SHARED_RW);
    TELL(mlockall(MCL_CURRENT));
    for (int n = 0; n < 4; n++)
        printf("  %d %c\n", look_flag(at[n], "lo"), at[n][0]);
    TELL(munlockall());
    unmap_all(4);
}

static void scene_truncate(void)
{
    map_all(4, SHARED_RW);
    TELL(ftruncate(files[0], PAGE));
    TELL(truncate(name_of(1), 0));
    for (int n = 0; n < 2; n++)
        for (int page = 0; page < 4; page++)
            printf("  %d.%d reads %d stores %d\n", n, page, touch_reads(at[n] + page * PAGE),
                   touch_stores(at[n] + page * PAGE, 't'));
    TELL(ftruncate(files[0], LEN));
    for (int page = 0; page < 4; page++)
        printf("  %d reads %d stores %d\n", page, touch_reads(at[0] + page * PAGE),
               touch_stores(at[0] + page * PAGE, 't'));
    unmap_all(4);
}

/* A child sees its parent's stores, and the parent the child's, whoever has made what warm. */
static void scene_fork(void)
{
    map_all(8, SHARED_RW);
    unlink(name_of(1));
    at[2][0] = 'F';
    chill(8);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bool right = at[0][0] == 'a' && at[1][0] == 'b' && at[2][0] == 'F';
        for (int n = 0; n < 8; n++)
            at[n][7] = (char)('0' + n);
        right &= munmap(at[3], LEN) == 0 && msync(at[4], LEN, MS_SYNC) == 0;
        _exit(right ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    printf("  child: %d\n", status);
    for (int n = 0; n < 8; n++)
        printf("  %c%c\n", at[n][0], at[n][7]);
    chill(8);
    child = vfork();
    if (child == 0) {
        at[5][9] = 'v';
        _exit(at[6][0] == 'g' ? 0 : 1);
    }
    waitpid(child, &status, 0);
    printf("  vfork child: %d %c\n", status, at[5][9]);
    chill(8);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); /* runs no handlers */
    if (child == 0) {
        at[1][11] = 'c';
        _exit(at[7][0] == 'h' ? 0 : 1);
    }
    waitpid(child, &status, 0);
    printf("  clone child: %d %c\n", status, at[1][11]);
    unmap_all(8);
}

static volatile sig_atomic_t handled, sent;
static void on_bus(int sig)
{
    (void)sig;
    sent++;
}

static void on_alarm(int sig)
{
    (void)sig;
    handled += at[0][0] == 'a' && at[1][0] == 'b';
}

/* A handler that runs during a call which waits with all other signals blocked. */
static void waits_in_handler(const sigset_t *all)
{
    struct sigaction alarmed = { .sa_handler = on_alarm };
    sigset_t but_alarm = *all, before;
    sigdelset(&but_alarm, SIGALRM);
    sigaction(SIGALRM, &alarmed, NULL);
    sigprocmask(SIG_BLOCK, all, &before);
    chill(2);
    raise(SIGALRM);
    int answer = sigsuspend(&but_alarm);
    printf("  in sigsuspend: %d %d\n", answer, errno == EINTR);
    chill(2);
    raise(SIGALRM);
    answer = ppoll(NULL, 0, NULL, &but_alarm);
    printf("  in ppoll: %d %d\n", answer, errno == EINTR);
    /* What is sent meanwhile waits until the mask lets it through. */
    signal(SIGBUS, on_bus);
    raise(SIGBUS);
    raise(SIGALRM);
    answer = sigsuspend(&but_alarm);
    printf("  with SIGBUS pending: %d %d, %d\n", answer, errno == EINTR, (int)sent);
    sigprocmask(SIG_SETMASK, &before, NULL);
    printf("  afterwards: %d\n", (int)sent);
    signal(SIGBUS, SIG_DFL);
}

/* A handler touches what is cold, also while it has interrupted a call of this thread. */
static void scene_handler(void)
{
    map_all(2, SHARED_RW);
    signal(SIGALRM, on_alarm);
    chill(2);
    raise(SIGALRM);
    chill(2);
    sigset_t all;
    sigfillset(&all);
    struct sigaction action = { .sa_handler = on_alarm }, old;
    action.sa_mask = all;
    sigaction(SIGALRM, &action, NULL);
    raise(SIGALRM);
    sigaction(SIGALRM, NULL, &old);
    printf("  all blocked in the handler: %d %d %d\n", sigismember(&old.sa_mask, SIGBUS),
           sigismember(&old.sa_mask, SIGSTKFLT), sigismember(&old.sa_mask, SIGUSR1));
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGBUS);
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGALRM, NULL, &old);
    printf("  one: %d %d %d\n", sigismember(&old.sa_mask, SIGBUS),
           sigismember(&old.sa_mask, SIGSTKFLT), sigismember(&old.sa_mask, SIGUSR1));
    chill(2);
    sigprocmask(SIG_BLOCK, &all, NULL);
    printf("  with all signals blocked: %c\n", at[0][0]);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    waits_in_handler(&all);
    chill(2);
    signal(SIGBUS, SIG_IGN);
    printf("  with SIGBUS ignored: %c\n", at[1][0]);
    signal(SIGBUS, SIG_DFL);
    printf("  handled %d\n", (int)handled);
    unmap_all(2);
}

/* What comes and goes leaves nothing behind. */
static void scene_turnover(void)
{
    int fd = make(0);
    long before = look_status("VmRSS:");
    for (int i = 0; i < 100000; i++) {
        char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED || munmap(p, PAGE) < 0)
            die("turnover: %s", strerror(errno));
    }
    printf("  less than a MiB: %d\n", look_status("VmRSS:") - before < 1024);
    fprintf(stderr, "cold=1\n");
    close(fd);
}

static int held_elsewhere(int n, int posix)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(name_of(n), O_RDWR);
        struct flock l = { .l_type = F_WRLCK };
        int r = posix ? fcntl(fd, F_SETLK, &l) : flock(fd, LOCK_EX | LOCK_NB);
        _exit(r < 0);
    }
    int status;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

/* Locks hold as long as they do alone. */
static void scene_locks(void)
{
    struct flock l = { .l_type = F_WRLCK };
    map_all(4, SHARED_RW);
    TELL(fcntl(files[0], F_SETLK, &l));
    TELL(flock(files[1], LOCK_EX));
    int other = open(name_of(1), O_RDWR);
    close(files[1]);
    chill(4);
    printf("  held: %d %d\n", held_elsewhere(0, 1), held_elsewhere(1, 0));
    at[0][0] = at[1][0] = 'l';
    chill(4);
    printf("  held: %d %d\n", held_elsewhere(0, 1), held_elsewhere(1, 0));
    munmap(at[0], LEN);
    munmap(at[1], LEN);
    printf("  held: %d %d\n", held_elsewhere(0, 1), held_elsewhere(1, 0));
    close(other);
    files[1] = 0;
    unmap_all(4);
}

/* The kernel reads and writes cold memory for these. */
static void scene_buffers(void)
{
    int pair[2];
    struct iovec v[2];
    map_all(8, SHARED_RW);
    int fd = open(name_of(9), O_RDWR | O_CREAT, 0600);
    TELL(write(fd, at[0], LEN));
    TELL(pwrite(fd, at[1], PAGE, 0));
    chill(8);
    TELL(pread(fd, at[2], 2 * PAGE, 0));
    v[0] = (struct iovec){ at[3], PAGE };
    v[1] = (struct iovec){ at[4] + PAGE, PAGE };
    TELL(lseek(fd, 0, SEEK_SET));
    TELL(readv(fd, v, 2));
    TELL(pwritev(fd, v, 2, 0));
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    TELL(send(pair[0], at[5], 100, 0));
    TELL(recv(pair[1], at[6], 100, 0));
    printf("  %c %c %c %c\n", at[2][0], at[3][0], at[4][PAGE], at[6][0]);
    close(pair[0]);
    close(pair[1]);
    close(fd);
    unmap_all(8);
}

static void *churn(void *number)
{
    long id = (long)number;
    unsigned long state = (unsigned long)id + 1;
    for (int i = 0; i < 3000; i++) {
        state = state * 6364136223846793005UL + 1442695040888963407UL;
        int n = (int)(state >> 33) % (COUNT / 2);
        __atomic_fetch_add((unsigned *)(at[n] + 64 * id), 1, __ATOMIC_RELAXED);
        if (i % 5 == 0)
            msync(at[n], LEN, MS_SYNC);
        if (i % 7 == 0)
            madvise(at[n], LEN, i % 2 ? MADV_RANDOM : MADV_NORMAL);
        if (i % 3 == 0)
            munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
    }
    return NULL;
}

enum { MUTEXES = 300 }; /* in one mapping */

/* The turns of the first mappings come. */
static void pass_turns(void)
{
    chill_from(4, 8);
    for (int turn = 0; turn < 64; turn++)
        let_act();
}

static void *lock_and_end(void *unused)
{
    /* The mutexes of a thread are a list, the last one first. */
    for (int n = 0; n < 3; n++)
        pthread_mutex_lock((pthread_mutex_t *)(at[n] + 64));
    for (int n = 0; n < MUTEXES; n++)
        pthread_mutex_lock((pthread_mutex_t *)at[3] + n);
    pass_turns();
    return unused;
}

/* Another process learns that the owner of a robust mutex has ended: the kernel goes through the
 * list of the thread's mutexes, and cannot where one is cold. */
static void scene_robust(void)
{
    pthread_mutexattr_t attr;
    pthread_t thread;
    int status;
    for (int n = 0; n < COUNT; n++)
        files[n] = make(n);
    pid_t child = fork();
    if (child == 0) {
        map_warm(8, SHARED_RW);
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
        for (int n = 0; n < 3; n++)
            pthread_mutex_init((pthread_mutex_t *)(at[n] + 64), &attr);
        for (int n = 0; n < MUTEXES; n++)
            pthread_mutex_init((pthread_mutex_t *)at[3] + n, &attr);
        pthread_create(&thread, NULL, lock_and_end, NULL);
        pthread_join(thread, NULL);
        for (int n = 0; n < 3; n++)
            TELL(pthread_mutex_trylock((pthread_mutex_t *)(at[n] + 64)) == EOWNERDEAD);
        for (int n = 0; n < 3; n++)
            pthread_mutex_consistent((pthread_mutex_t *)(at[n] + 64));
        pass_turns();
        fflush(stdout);
        kill(getpid(), SIGKILL);
    }
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        die("the child: status %x", status);
    map_warm(8, SHARED_RW);
    for (int n = 0; n < 3; n++)
        TELL(pthread_mutex_trylock((pthread_mutex_t *)(at[n] + 64)) == EOWNERDEAD);
    for (int n = 0; n < 3; n++)
        TELL(pthread_mutex_unlock((pthread_mutex_t *)(at[n] + 64)));
    unmap_all(8);
}

/* On overlayfs: what is mapped of a lower layer stays what it was when the file is written to. */
static void scene_below(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/../below.%d", folder, preloaded);
    for (int n = 0; n < COUNT; n++)
        files[n] = make(n);
    close(files[0]);
    files[0] = open(path, O_RDONLY);
    map_all(1, PROT_READ, MAP_SHARED);
    int fd = open(path, O_RDWR);
    TELL(pwrite(fd, "new", 3, 0));
    printf("  %.4s\n", at[0]);
    chill(1);
    printf("  %.4s\n", at[0]);
    close(files[0]);
    files[0] = fd;
    munmap(at[0], LEN);
    map_all(2, SHARED_RW);
    printf("  %.4s\n", at[0]);
    at[0][1] = 'E';
    chill(2);
    printf("  %.4s\n", at[0]);
    TELL(pwrite(fd, "bbb", 3, 0));
    unmap_all(2);
}

static atomic_int sleeper; /* its thread, once it is about to wait */
static atomic_int awoken;

static void on_usr1(int sig)
{
    (void)sig;
    awoken++;
}

static void *wait_for_post(void *semaphore)
{
    sleeper = gettid();
    return (void *)(long)sem_wait(semaphore);
}

/* What a thread waits for in a system call is in use: the call begins anew after a signal. */
static void scene_asleep(void)
{
    struct sigaction restarts = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };
    pthread_t thread;
    void *answer;
    char path[64], state[64] = "";
    sigaction(SIGUSR1, &restarts, NULL);
    map_warm(8, SHARED_RW);
    sem_init((sem_t *)at[0], 1, 0);
    pthread_create(&thread, NULL, wait_for_post, at[0]);
    while (!sleeper)
        usleep(1000);
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", sleeper);
    while (strtol(state, NULL, 10) != SYS_futex) {
        FILE *f = fopen(path, "r");
        if (!f || !fgets(state, sizeof state, f))
            die("%s: %s", path, strerror(errno));
        fclose(f);
    }
    pass_turns();
    pthread_kill(thread, SIGUSR1);
    while (!awoken)
        usleep(1000);
    pass_turns();
    sem_post((sem_t *)at[0]);
    pthread_join(thread, &answer);
    printf("  %ld\n", (long)answer);
    unmap_all(8);
}

/* No store is lost while four threads make the mappings warm and cold. */
static void scene_threads(void)
{
    pthread_t threads[4];
    map_all(COUNT / 2, SHARED_RW);
    for (int n = 0; n < COUNT / 2; n++)
        memset(at[n], 0, PAGE);
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, churn, (void *)i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) {
        unsigned sum = 0, word;
        for (int n = 0; n < COUNT / 2; n++) {
            if (pread(files[n], &word, sizeof word, 64 * i) != sizeof word)
                die("pread");
            sum += word;
        }
        printf("  %u\n", sum);
    }
    unmap_all(COUNT / 2);
}

/* The limit is full of anonymous memory: cold mappings are accessed all the same. With withdraw, none
 * may become cold any more when it is full, and they are accessed when there is room again. */
static void fill_the_limit(bool withdraw)
{
    enum { MOST = 1 << 20, MAPS = 200 };
    char *more[MAPS];
    map_all(COUNT / 2, SHARED_RW);
    for (int i = 0; i < MAPS; i++) {
        more[i] = mmap(NULL, LEN, SHARED_RW, files[i % COUNT], 0);
        if (more[i] == MAP_FAILED)
            die("mmap: %s", strerror(errno));
    }
    chill(COUNT / 2);
    /* Every second page gets another protection, so that each is a VMA. */
    char *room = mmap(NULL, (size_t)MOST * PAGE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        die("room: %s", strerror(errno));
    int n = 1;
    while (n < MOST && mprotect(room + (size_t)n * PAGE, PAGE, PROT_READ) == 0)
        n += 2;
    if (n >= MOST || errno != ENOMEM)
        die("the limit is not reached: %d pages, %s", n, strerror(errno));
    if (withdraw) {
        close((int)syscall(SYS_userfaultfd, 0));
        munmap(room, (size_t)MOST * PAGE);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < COUNT / 2; i++)
            at[i][round] = (char)('0' + round);
    for (int i = 0; i < MAPS; i++)
        more[i][5]++;
    for (int i = 0; i < COUNT / 2; i++)
        printf("  %.6s\n", at[i]);
    if (!withdraw)
        munmap(room, (size_t)MOST * PAGE);
    for (int i = 0; i < MAPS; i++)
        munmap(more[i], LEN);
    unmap_all(COUNT / 2);
}

static void scene_full(void)
{
    fill_the_limit(false);
}

static void scene_left(void)
{
    fill_the_limit(true);
}

/* Lets the address space grow by that many bytes, or again as it could before. */
static void allow(size_t more)
{
    static struct rlimit before;
    unsigned long pages = 0;
    if (!more && setrlimit(RLIMIT_AS, &before))
        die("setrlimit: %s", strerror(errno));
    if (!more)
        return;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1 || fclose(file) || getrlimit(RLIMIT_AS, &before))
        die("statm: %s", strerror(errno));
    struct rlimit now = { pages * PAGE + more, before.rlim_max };
    if (setrlimit(RLIMIT_AS, &now))
        die("setrlimit: %s", strerror(errno));
}

/* No memory is left: for what holds the file of a first mapping; and for what follows the program to
 * its user. */
static void scene_rights(void)
{
    files[0] = make(0);
    allow(LEN);
    char *first = mmap(NULL, LEN, SHARED_RW, files[0], 0);
    allow(0);
    if (first == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    printf("  %.6s\n", first);
    map_all(COUNT, SHARED_RW);
    allow(1);
    int answer = setresuid(-1, geteuid(), -1);
    allow(0);
    for (int i = 0; i < COUNT; i++)
        printf("  %.6s\n", at[i]);
    printf("  %d\n", answer);
    unmap_all(COUNT);
    munmap(first, LEN);
}

/* ---- children that have to do without their parent ---- */

/* What the processes of a scene say. */
static struct {
    unsigned len;
    char text[16000];
} * said;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[256];
    va_list ap;
    va_start(ap, format);
    unsigned len = (unsigned)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    unsigned at_byte = __atomic_fetch_add(&said->len, len, __ATOMIC_RELAXED);
    if (at_byte + len < sizeof said->text)
        memcpy(said->text + at_byte, line, len);
}

/* Runs a program in a process of its own, and waits for it and all that come from it. */
static void play_apart(void (*program)(void))
{
    int status, killed = 0;
    said = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fflush(stdout);
    if (fork() == 0) {
        alarm(60);
        program();
        _exit(0);
    }
    while (wait(&status) > 0)
        killed += status != 0;
    fputs(said->text, stdout);
    printf("  of its processes failed: %d\n", killed);
    munmap(said, sizeof *said);
    memset(files, 0, sizeof files);
}

/* The child of a process that ends at once. */
static void leave_orphan(void)
{
    pid_t parent = getpid();
    if (fork() > 0)
        _exit(0);
    alarm(60);
    while (getppid() == parent)
        usleep(1000);
}

static void read_all(const char *who)
{
    for (int n = 0; n < 8; n++)
        say("  %s: %d %c %c\n", who, n, at[n][0], at[n][LEN - 1]);
}

static void start_cold(void)
{
    map_all(8, SHARED_RW);
    unlink(name_of(1));
    chill(8);
}

/* The orphan has one mapping warm, whose file only its parent has held. */
static void orphan(void)
{
    start_cold();
    say("  warm %c\n", at[3][0]);
    leave_orphan();
    for (int turn = 0; turn < 100; turn++)
        munmap(mmap(NULL, LEN, PROT_READ, MAP_SHARED, files[9], 0), LEN);
    at[3][1] = 'w';
    read_all("orphan");
    for (int n = 0; n < 8; n++)
        at[n][2] = (char)('0' + n);
    for (int turn = 0; turn < 100; turn++)
        munmap(mmap(NULL, LEN, PROT_READ, MAP_SHARED, files[9], 0), LEN);
    for (int n = 0; n < 8; n++) {
        char byte = 0;
        pread(files[n], &byte, 1, 2);
        say("  %c %c\n", at[n][2], byte);
    }
}

static void scene_orphan(void)
{
    play_apart(orphan);
}

/* The parent unmaps the files, and what it maps then takes their numbers. */
static void unmapped(void)
{
    int go[2];
    char byte;
    start_cold();
    if (pipe(go) < 0)
        die("pipe");
    if (fork() == 0) {
        alarm(60);
        say("  go %zd\n", read(go[0], &byte, 1));
        read_all("child");
        return;
    }
    for (int n = 0; n < 8; n++)
        munmap(at[n], LEN);
    for (int n = 0; n < 8; n++)
        at[n] = mmap(NULL, LEN, SHARED_RW, files[8 + n % 7], 0);
    chill(8);
    write(go[1], "", 1);
    wait(NULL);
    read_all("parent");
}

static void scene_unmapped(void)
{
    play_apart(unmapped);
}

static void become_nobody(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
        die("nobody: %s", strerror(errno));
}

static void user(void)
{
    start_cold();
    if (fork() == 0) {
        become_nobody();
        read_all("nobody");
        return;
    }
    wait(NULL);
}

static void scene_user(void)
{
    play_apart(user);
}

static void close_from(int first)
{
    if (first == 0)
        syscall(SYS_close_range, 0, ~0U, 0);
    for (int fd = first; fd < 2000; fd++)
        close(fd);
}

/* As daemons do. Then a worker, which has to do without the daemon. */
static void be_daemon(int first)
{
    start_cold();
    leave_orphan();
    setsid();
    close_from(first);
    become_nobody();
    say("  %d\n", open("/dev/null", O_RDWR));
    for (int n = 0; n < 4; n++)
        say("  daemon: %c\n", at[n][0]);
    leave_orphan();
    read_all("worker");
    leave_orphan();
    close_from(first);
    read_all("another");
}

static void daemon_by_range(void)
{
    be_daemon(0);
}

static void daemon_by_loop(void)
{
    be_daemon(1);
}

static void scene_daemon(void)
{
    play_apart(daemon_by_range);
    play_apart(daemon_by_loop);
}

static void grandchild(void)
{
    start_cold();
    leave_orphan();
    leave_orphan();
    leave_orphan();
    read_all("grandchild");
}

static void scene_grandchild(void)
{
    play_apart(grandchild);
}

/* What a child finds in its table of descriptors, where a program looks. */
static void table(void)
{
    start_cold();
    if (fork() == 0) {
        unsigned open_ones = 0;
        for (int fd = 0; fd < 512; fd++)
            open_ones += fcntl(fd, F_GETFD) >= 0;
        say("  open: %u, next: %d\n", open_ones, dup(0));
        read_all("child");
        say("  next: %d\n", dup(0));
        return;
    }
    wait(NULL);
}

static void scene_table(void)
{
    play_apart(table);
}

/* Children of a process whose other threads make some mappings warm and cold. */
static void busy(void)
{
    pthread_t threads[2];
    int status, failed = 0;
    map_all(12, SHARED_RW);
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, churn, (void *)i);
    for (int n = 0; n < 30; n++) {
        if (fork() == 0) {
            bool right = true;
            become_nobody();
            for (int i = 0; i < 12; i++)
                right &= at[i][LEN - 1] == 'a' + (i + 3) % 26;
            _exit(!right);
        }
        wait(&status);
        failed += status != 0;
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    say("  children that failed: %d\n", failed);
}

static void scene_busy(void)
{
    play_apart(busy);
}

/* Forks that run no handlers. */
static pid_t fork_by_number(void)
{
#ifdef SYS_fork
    return (pid_t)syscall(SYS_fork);
#else
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

static pid_t clone_by_number(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int count_failed(pid_t (*new_child)(void))
{
    int status = -1, failed = 0;
    for (int n = 0; n < 30; n++) {
        pid_t child = new_child();
        if (child == 0) {
            bool right = true;
            /* It may not open what its parent has. libc's setuid would wait for the threads. */
            if (geteuid() == 0)
                syscall(SYS_setuid, 65534);
            for (int i = 0; i < 12; i++)
                right &= at[i][LEN - 1] == 'a' + (i + 3) % 26;
            _exit(!right);
        }
        failed += waitpid(child, &status, 0) != child || status != 0;
    }
    return failed;
}

static void unseen(void)
{
    pthread_t threads[2];
    map_all(12, SHARED_RW);
    say("  alone: %d %d %d\n", count_failed(_Fork), count_failed(fork_by_number),
        count_failed(clone_by_number));
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, churn, (void *)i);
    say("  with threads: %d %d %d\n", count_failed(_Fork), count_failed(fork_by_number),
        count_failed(clone_by_number));
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    errno = 0;
    long refused = syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
    say("  refused: %ld %s\n", refused, strerrorname_np(errno));
}

static void scene_unseen(void)
{
    play_apart(unseen);
}

/* ---- limits and namespaces ---- */

static void lower_by_number(const struct rlimit *limit)
{
    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL) < 0)
        say("  prlimit64: %s\n", strerrorname_np(errno));
}

static void lower(const struct rlimit *limit)
{
    if (setrlimit(RLIMIT_NOFILE, limit) < 0)
        say("  setrlimit: %s\n", strerrorname_np(errno));
}

/* A child that may open no file from its start on, as a sandbox makes it; and its child. */
static void sandboxed(void (*set)(const struct rlimit *), rlim_t most)
{
    const struct rlimit limit = { most, most };
    if (fork() > 0) {
        wait(NULL);
        return;
    }
    set(&limit);
    read_all("child");
    if (fork() == 0)
        read_all("grandchild");
    else
        wait(NULL);
    _exit(0);
}

static void limits(void)
{
    start_cold();
    sandboxed(lower, 0);
    sandboxed(lower_by_number, 0);
    sandboxed(lower, 40);
    const struct rlimit bad = { 2, 1 };
    lower(&bad);
    say("  %d\n", setrlimit(RLIMIT_NOFILE, (const struct rlimit *)16));
    /* What is mapped later. */
    const struct rlimit few = { 40, 40 };
    lower(&few);
    read_all("with few");
    for (int n = 8; n < COUNT; n++) {
        at[n] = mmap(NULL, LEN, SHARED_RW, files[n], 0);
        say("  %c\n", at[n] == MAP_FAILED ? '-' : at[n][0]);
    }
    if (fork() == 0)
        read_all("child of few");
    else
        wait(NULL);
}

static void scene_limits(void)
{
    play_apart(limits);
}

static void namespaces(void)
{
    static const int flags[] = { CLONE_NEWUSER, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM,
                                 CLONE_FILES,   CLONE_NEWNS,   CLONE_NEWPID, CLONE_FS };
    start_cold();
    for (unsigned i = 0; i < 2 * sizeof flags / sizeof *flags; i++) {
        if (fork() > 0) {
            wait(NULL);
            continue;
        }
        int flag = flags[i / 2];
        long answer = i % 2 ? syscall(SYS_unshare, flag) : unshare(flag);
        say("  unshare %x: %ld\n", (unsigned)flag, answer);
        read_all("unshared");
        _exit(0);
    }
}

static void scene_namespaces(void)
{
    play_apart(namespaces);
}

/* The user has as many files in flight as the limit allows. */
static void flight(void)
{
    int pair[2];
    start_cold();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        die("socketpair: %s", strerror(errno));
    for (int n = 0; n < 200; n++) {
        char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
        struct iovec v = { &byte, 1 };
        struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control };
        m.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&m);
        *header = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
        memcpy(CMSG_DATA(header), &pair[0], sizeof(int));
        if (sendmsg(pair[1], &m, MSG_DONTWAIT) < 0)
            break;
    }
    if (fork() == 0) {
        read_all("child");
        return;
    }
    wait(NULL);
    munmap(mmap(NULL, LEN, PROT_READ, MAP_SHARED, files[9], 0), LEN); /* something to do */
}

/* With RLIMIT_NOFILE of 100. */
static void scene_flight(void)
{
    play_apart(flight);
}

/* ---- ends of a process ---- */

/* The status of a child. One that does not end is killed: it may not take any other signal. */
static void tell_end(const char *what, pid_t child)
{
    enum { LOOKS = 1000 };
    int status = -1;
    for (int n = 0; waitpid(child, &status, WNOHANG) != child; n++) {
        if (n == LOOKS)
            kill(child, SIGKILL);
        usleep(10000);
    }
    say("  %s: %x\n", what, status);
}

static void *end_later(void *unused)
{
    usleep(30000);
    return unused;
}

static void end_first_thread(void *(*other)(void *), int status)
{
    pthread_t thread;
    pthread_create(&thread, NULL, other, NULL);
    syscall(SYS_exit, status);
}

static void *end_raw_later(void *unused)
{
    usleep(30000);
    syscall(SYS_exit, 6);
    return unused;
}

static void *end_raw(void *unused)
{
    syscall(SYS_exit, 9);
    return unused;
}

static void end_after_another(int status)
{
    pthread_t thread;
    pthread_create(&thread, NULL, end_raw, NULL);
    usleep(30000);
    syscall(SYS_exit, status);
}

static void end_by_libc(bool another)
{
    pthread_t thread;
    if (another)
        pthread_create(&thread, NULL, end_later, NULL);
    pthread_exit(NULL);
}

static void end(int way)
{
    if (way == 0)
        syscall(SYS_exit, 3);
    else if (way <= 2)
        end_first_thread(way == 1 ? end_later : end_raw_later, 4);
    else if (way == 3)
        end_after_another(5);
    else
        end_by_libc(way == 5);
}

static void ends(void)
{
    static const char *const ways[] = { "exit(2) of the only thread",
                                        "exit(2) of the first thread, and then the other's end",
                                        "exit(2) of the first thread, and then of the other",
                                        "exit(2) of another thread, and then of the first",
                                        "pthread_exit of the only thread",
                                        "pthread_exit of the first thread, and then the other's" };
    start_cold();
    for (int way = 0; way < (int)(sizeof ways / sizeof *ways); way++) {
        pid_t child = fork();
        if (child == 0)
            end(way);
        tell_end(ways[way], child);
    }
}

static void scene_ends(void)
{
    play_apart(ends);
}

static const struct scene {
    const char *name;
    void (*play)(void);
} scenes[] = {
#define SCENE(name)         \
    {                       \
#name, scene_##name \
    }
    SCENE(bytes),    SCENE(deleted),    SCENE(private), SCENE(msync),      SCENE(mprotect),
    SCENE(madvise),  SCENE(mincore),    SCENE(munmap),  SCENE(fixed),      SCENE(mremap),
    SCENE(mlock),    SCENE(truncate),   SCENE(fork),    SCENE(locks),      SCENE(buffers),
    SCENE(turnover), SCENE(threads),    SCENE(handler), SCENE(mlockall),   SCENE(robust),
    SCENE(full),     SCENE(left),       SCENE(rights),  SCENE(below),      SCENE(orphan),
    SCENE(unmapped), SCENE(user),       SCENE(daemon),  SCENE(grandchild), SCENE(table),
    SCENE(busy),     SCENE(flight),     SCENE(asleep),  SCENE(ends),       SCENE(unseen),
    SCENE(limits),   SCENE(namespaces),
};

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    folder = argv[1];
    preloaded = look(NULL).library;
    for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        bool wanted = argc == 2;
        for (int n = 2; n < argc; n++)
            wanted |= strcmp(argv[n], scenes[i].name) == 0;
        if (!wanted)
            continue;
        printf("%s\n", scenes[i].name);
        if (strcmp(scenes[i].name, "handler"))
            touch_start();
        scenes[i].play();
        fflush(stdout);
    }
    return 0;
}
