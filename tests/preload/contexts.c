/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * contexts: each hook from every place a program may call it from. One argument, the place:
 *
 *   main, thread, fork   as they say; vfork: the calls that a vfork child may make
 *   timer    a handler interrupts a scene, by a timer, and plays the same scene
 *   step     the same, at every instruction inside the library (x86-64: the trap flag)
 *   under    a handler that interrupts the library under its lock replaces a map: what is mapped
 *            beside it afterwards is still what the program asked for
 *
 * With --ours the library must be in the process, and must have counted calls.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "contexts_calls.h"
#include "mapherd/mapherd.h"

static struct part parts[PARTS];
enum { MAIN, HANDLER, THREAD };
static bool ours;

static uint64_t calls_counted(void)
{
    return mapherd_status ? mapherd_status()->calls : 0;
}

static uint64_t calls_unseen(void)
{
    return mapherd_status ? mapherd_status()->unseen : 0;
}

static void in_main(void)
{
    uint64_t before = calls_counted();
    play_all(&parts[MAIN], true, "main");
    if (ours && calls_counted() < before + scene_count / 2)
        went_wrong("main", "the library", "did not see the calls");
}

static void *thread_body(void *unused)
{
    (void)unused;
    play_all(&parts[THREAD], true, "thread");
    return NULL;
}

static void in_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_body, NULL) || pthread_join(thread, NULL))
        went_wrong("thread", "pthread_create", "failed");
}

static void expect_status(const char *where, pid_t child, int wanted)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != wanted) {
        fprintf(stderr, "contexts: %s: status %#x\n", where, (unsigned)status);
        exit(1);
    }
}

static void in_fork(void)
{
    play_all(&parts[MAIN], true, "before fork");
    pid_t child = fork();
    if (child == 0) {
        play_all(&parts[MAIN], true, "child");
        in_thread();
        _exit(11);
    }
    play_all(&parts[HANDLER], false, "parent");
    expect_status("fork", child, 11);
}

/* In a vfork child everything is the parent's, its stack too: only calls, no fork in it. */
static void in_vfork(void)
{
    for (volatile size_t i = 0; i < scene_count; i++) {
        if (scene_waits(&scenes[i]))
            continue;
        static const char *volatile what;
        what = NULL;
        pid_t child = vfork();
        if (child == 0) {
            what = scenes[i].play(&parts[HANDLER]);
            _exit(12);
        }
        expect_status("vfork", child, 12);
        if (what)
            went_wrong("vfork", scenes[i].name, what);
        play_all(&parts[MAIN], false, "after vfork");
    }
}

/* The handlers. scene is what both play. */
static const struct scene *scene;
static volatile sig_atomic_t handled;

static void play_in_handler(void)
{
    int kept = errno;
    const char *what = scene->play(&parts[HANDLER]);
    if (what)
        went_wrong("handler", scene->name, what);
    errno = kept;
    handled = handled + 1;
}

static void on_timer(int sig)
{
    (void)sig;
    play_in_handler();
}

static void in_timer(void)
{
    enum { WANTED = 60 };
    struct sigaction action = { .sa_handler = on_timer, .sa_flags = SA_RESTART };
    sigaction(SIGRTMIN, &action, NULL);
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    if (timer_create(CLOCK_MONOTONIC, &event, &timer))
        went_wrong("timer", "timer_create", "failed");
    for (size_t i = 0; i < scene_count; i++) {
        scene = &scenes[i];
        if (scene_waits(scene))
            continue;
        handled = 0;
        /* A time that is no multiple of anything, so that it meets every part of the call. */
        struct itimerspec often = { { 0, 173 * 1000 }, { 0, 173 * 1000 } }, never = { 0 };
        timer_settime(timer, 0, &often, NULL);
        while (handled < WANTED) {
            const char *what = scene->play(&parts[MAIN]);
            if (what)
                went_wrong("interrupted by a timer", scene->name, what);
        }
        timer_settime(timer, 0, &never, NULL);
    }
    timer_delete(timer);
}

#if defined(__x86_64__)
#include "step.h"

/* The library's text, as loaded; the steps of this scene that were in it. */
static uintptr_t text_start, text_end;
static unsigned inside;

static int find_library(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    if (!strstr(info->dlpi_name, "libmapherd"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
            text_start = info->dlpi_addr + p->p_vaddr;
            text_end = text_start + p->p_memsz;
        }
    }
    return 1;
}

/* The kernel clears the trap flag for the handler and sets it again afterwards. A reading of
 * /proc/self/maps is tens of thousands of instructions in a small loop: every 97th of those. */
static void on_step(int sig, siginfo_t *info, void *context)
{
    enum { EACH = 2500, SELDOM = 97 };
    (void)sig;
    (void)info;
    const ucontext_t *at = context;
    uintptr_t pc = (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
    if (pc < text_start || pc >= text_end)
        return;
    inside++;
    if (inside < EACH || inside % SELDOM == 0)
        play_in_handler();
}

static void in_step(void)
{
    if (ours && !dl_iterate_phdr(find_library, NULL))
        went_wrong("step", "the library", "is not there");
    struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
    sigaction(SIGTRAP, &action, NULL);
    uint64_t unseen = calls_unseen();
    for (size_t i = 0; i < scene_count; i++) {
        scene = &scenes[i];
        if (scene_waits(scene))
            continue;
        handled = 0;
        inside = 0;
        step_each(true);
        const char *what = scene->play(&parts[MAIN]);
        step_each(false);
        if (what)
            went_wrong("interrupted at each instruction", scene->name, what);
        if (ours && handled == 0)
            went_wrong("step", scene->name, "never ran in the library");
    }
    /* What leaves cannot be played twice: a child leaves while its handler maps. */
    scene = &scenes[0];
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            step_each(true);
            if (i)
                _exit(13);
            _Exit(13);
        }
        expect_status("step, leaving", child, 13);
    }
    if (ours && calls_unseen() == unseen)
        went_wrong("step", "the library", "was never interrupted under its lock");
}

static const size_t chunk_size = 64 << 10;
static char *victim;              /* what the handler replaces */
static volatile sig_atomic_t hit; /* it did, under the lock */

/* A call that changes nothing tells whether the lock is this thread's: then it is counted as unseen. */
static void on_step_under(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    ucontext_t *at = context;
    uintptr_t pc = (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
    if (hit || pc < text_start || pc >= text_end)
        return;
    uint64_t unseen = calls_unseen();
    int kept = errno;
    madvise(victim, (size_t)sysconf(_SC_PAGESIZE), MADV_NORMAL);
    if (calls_unseen() != unseen) {
        hit = mmap(victim, chunk_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == victim;
        at->uc_mcontext.gregs[REG_EFL] &= ~0x100; /* no more steps */
    }
    errno = kept;
}

/* A file with a name: what is known of the opens of others is not used. */
static int file_of_chunks(char *name, size_t count, char first)
{
    char bytes[64 << 10];
    int fd = mkstemp(name);
    for (size_t i = 0; i < count; i++) {
        memset(bytes, first + (int)i, sizeof bytes);
        if (pwrite(fd, bytes, chunk_size, (off_t)(i * chunk_size)) != (ssize_t)chunk_size)
            went_wrong("under", "mkstemp", "failed");
    }
    return fd;
}

static char *map_chunk(int fd, size_t n)
{
    char *at =
        mmap(NULL, chunk_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(n * chunk_size));
    if (at == MAP_FAILED)
        went_wrong("under", "mmap", "failed");
    return at;
}

static void in_under(void)
{
    enum { CHUNKS = 4 };
    if (ours && !dl_iterate_phdr(find_library, NULL))
        went_wrong("under", "the library", "is not there");
    char names[2][32] = { "/tmp/mapherd-under.XXXXXX", "/tmp/mapherd-under.XXXXXX" };
    int fd = file_of_chunks(names[0], CHUNKS, 'a'), other = file_of_chunks(names[1], CHUNKS, 'A');
    struct sigaction action = { .sa_sigaction = on_step_under, .sa_flags = SA_SIGINFO };
    map_chunk(other, 1);
    map_chunk(fd, 1);
    victim = map_chunk(fd, 2);
    sigaction(SIGTRAP, &action, NULL);
    step_each(true);
    char *meanwhile = map_chunk(other, 2);
    step_each(false);
    if (ours && !hit)
        went_wrong("under", "the library", "was never interrupted under its lock");
    char *after = map_chunk(fd, 3);
    unlink(names[0]);
    unlink(names[1]);
    if (*meanwhile != 'A' + 2 || *after != 'a' + 3 || (hit && *victim != 0))
        went_wrong("under", "mmap", "gave other bytes than the file's");
    *after = 'z';
    char stored = 0;
    if (pread(fd, &stored, 1, (off_t)(3 * chunk_size)) != 1 || stored != 'z')
        went_wrong("under", "a store", "did not reach the file");
}
#else
static void in_step(void)
{
    exit(77); /* the script says so */
}

static void in_under(void)
{
    in_step();
}
#endif

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } places[] = {
        { "main", in_main },   { "thread", in_thread }, { "fork", in_fork },
        { "vfork", in_vfork }, { "timer", in_timer },   { "step", in_step },
        { "under", in_under },
    };
    ours = argc > 2 && !strcmp(argv[2], "--ours");
    if (ours) {
        Dl_info info;
        if (!mapherd_status || !dladdr(dlsym(RTLD_DEFAULT, "mmap"), &info) ||
            !strstr(info.dli_fname, "libmapherd"))
            went_wrong("start", "mmap", "is not the library's");
        if (mapherd_status()->state != MAPHERD_HERDING)
            went_wrong("start", "the library", "does not herd");
    }
    alarm(1000); /* a deadlock ends by SIGALRM */
    if (!parts_start(parts, PARTS))
        went_wrong("start", "memfd_create", "failed");
    for (size_t i = 0; argc > 1 && i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(argv[1], places[i].name))
            continue;
        places[i].run();
        printf("contexts: %s: %zu hooks%s\n", argv[1], scene_count, ours ? ", ours" : "");
        return 0;
    }
    fputs("usage: contexts main|thread|fork|vfork|timer|step|under [--ours]\n", stderr);
    return 2;
}
