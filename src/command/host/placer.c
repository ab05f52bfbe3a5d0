/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * placer: see placer.h.
 */
#define _GNU_SOURCE
#include "command/host/placer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "command/lib/verb.h"

enum { PAGE = 4096 };

/* ---- in the other process: the program ---- */

/* It has stopped before its first instruction. Its memory is read and written by ptrace alone: a
 * /proc may be that of another PID namespace. */
static struct {
    pid_t pid;
    struct user_regs_struct first;
    uint64_t mask;        /* the signals that are blocked in it */
    uint64_t instruction; /* the address of a system call in its vdso */
} program;

static bool ask(enum __ptrace_request what, uintptr_t a, void *b)
{
    return ptrace(what, program.pid, a, b) == 0;
}

/* Waits until it stops. False: it has ended. event: of ptrace, or 0. signal: what is about to be
 * delivered, what has stopped all of the process, or SYSCALL_STOP. */
enum { SYSCALL_STOP = SIGTRAP | 0x80 };
static bool wait_for_stop(int *event, int *signal)
{
    int status;
    if (waitpid(program.pid, &status, __WALL) != program.pid || !WIFSTOPPED(status))
        return false;
    *event = status >> 16;
    *signal = WSTOPSIG(status);
    return true;
}

/* Lets it go on from such a stop. It stays stopped where it would be without a tracer. */
static bool resume(enum __ptrace_request how, int event, int signal)
{
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
        return ask(PTRACE_LISTEN, 0, NULL);
    bool delivers = !event && signal != SYSCALL_STOP;
    return ask(how, 0, (void *)(intptr_t)(delivers ? signal : 0));
}

/* Lets it go on to the beginning or the end of its next system call. All signals are blocked but
 * SIGSTOP. Another one is of a fault. */
static bool go_to_call(void)
{
    int event = 0, signal = SYSCALL_STOP;
    do
        if (!resume(PTRACE_SYSCALL, event, signal) || !wait_for_stop(&event, &signal) ||
            (!event && signal != SYSCALL_STOP && signal != SIGSTOP))
            return false;
    while (signal != SYSCALL_STOP);
    return true;
}

/* The program makes a system call, and stops at its end. Returns as the kernel does. */
static long call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                 uint64_t f)
{
    struct user_regs_struct r = program.first;
    r.rip = program.instruction;
    r.rax = (uint64_t)number;
    r.orig_rax = (uint64_t)-1;
    r.rdi = a;
    r.rsi = b;
    r.rdx = c;
    r.r10 = d;
    r.r8 = e;
    r.r9 = f;
    if (!ask(PTRACE_SETREGS, 0, &r) || !go_to_call() || !go_to_call() ||
        !ask(PTRACE_GETREGS, 0, &r))
        return -ESRCH;
    return (long)r.rax;
}

static bool is_error(long answer)
{
    return answer < 0 && answer >= -4095;
}

static bool get_word(uint64_t at, uint64_t *word)
{
    errno = 0;
    *word = (uint64_t)ptrace(PTRACE_PEEKDATA, program.pid, at, NULL);
    return errno == 0;
}

/* A text, or zeros in its place. What follows to the next multiple of 8 is 0. */
static bool put_text(uint64_t to, const char *text, bool zeros)
{
    for (size_t at = 0, len = strlen(text) + 1; at < len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t rest = len - at;
        if (!zeros)
            memcpy(&word, text + at, rest < sizeof word ? rest : sizeof word);
        if (!ask(PTRACE_POKEDATA, to + at, (void *)word))
            return false;
    }
    return true;
}

/* What the kernel has put on its stack: arguments, environment, auxiliary vector. */
struct given {
    uint64_t entry, loader, vdso;
};

static bool read_given(struct given *g)
{
    uint64_t at = program.first.rsp, word, value;
    *g = (struct given){ 0, 0, 0 };
    if (!get_word(at, &word))
        return false;
    at += (word + 2) * sizeof word;
    do {
        if (!get_word(at, &word))
            return false;
        at += sizeof word;
    } while (word);
    for (; get_word(at, &word) && get_word(at + sizeof word, &value); at += 2 * sizeof word)
        switch (word) {
        case AT_ENTRY: g->entry = value; break;
        case AT_BASE: g->loader = value; break;
        case AT_SYSINFO_EHDR: g->vdso = value; break;
        case AT_NULL: return true;
        }
    return false;
}

/* The kernel's library is the same in all processes of a kind. It has system calls for what it
 * cannot answer itself. */
static bool find_instruction(uint64_t vdso)
{
    const char *own = (const void *)getauxval(AT_SYSINFO_EHDR);
    const char *found = own ? memmem(own, PAGE, "\x0f\x05", 2) : NULL;
    uint64_t word;
    if (!found || !vdso || !get_word(vdso + (uint64_t)(found - own), &word) ||
        (word & 0xffff) != 0x050f)
        return false;
    program.instruction = vdso + (uint64_t)(found - own);
    return true;
}

/* False: it is not a static program that is about to begin. exec may have started another one than
 * was looked at. */
static bool is_at_start(void)
{
    struct given g;
    return ask(PTRACE_GETREGS, 0, &program.first) && read_given(&g) && !g.loader &&
           program.first.rip == g.entry && find_instruction(g.vdso);
}

/* ---- the library in it ---- */

/* What of the library's file the program has to know. */
struct library {
    const char *path;
    uint64_t span; /* bytes of address space, whole pages */
    uint64_t entry;
};

/* Returns NULL, or a sentence that says what is wrong with the file. */
static const char *read_library(int fd, struct library *library)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    if (pread(fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof part)
        return "the library's file is damaged";
    library->entry = head.e_entry;
    for (unsigned n = 0; n < head.e_phnum; n++) {
        struct stat st;
        off_t at = (off_t)(head.e_phoff + n * sizeof part);
        if (pread(fd, &part, sizeof part, at) != sizeof part || fstat(fd, &st) < 0 ||
            part.p_filesz > (uint64_t)st.st_size ||
            part.p_offset > (uint64_t)st.st_size - part.p_filesz)
            return "the library's file is damaged";
        if (part.p_type == PT_LOAD)
            library->span = (part.p_vaddr + part.p_memsz + PAGE - 1) & -(uint64_t)PAGE;
    }
    return library->entry && library->span ? NULL : "the library's file is damaged";
}

static const char *look_at_library(const char *path, struct library *library)
{
    *library = (struct library){ .path = path };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *wrong = fd < 0 ? "the library's file cannot be read" : read_library(fd, library);
    if (fd >= 0)
        close(fd);
    return wrong;
}

/* Opens the file in the program: the path lies far below what its stack has, and is taken away
 * again. */
static long open_in_program(const struct library *library)
{
    uint64_t at = (program.first.rsp - 2 * PATH_MAX) & -(uint64_t)sizeof(uint64_t);
    if (strlen(library->path) >= PATH_MAX || !put_text(at, library->path, false))
        return -ENOMEM;
    /* Not open(2), which a filter made for Go programs may kill for. */
    long fd = call(SYS_openat, (uint64_t)AT_FDCWD, at, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    put_text(at, library->path, true);
    return fd;
}

/* Maps the file, and sets the program on the library's entry, or leaves it as it was. */
static const char *place(const struct library *library)
{
    struct user_regs_struct start = program.first;
    const char *wrong = NULL;
    long fd = open_in_program(library);
    long at = is_error(fd) ? fd
                           : call(SYS_mmap, 0, library->span, PROT_READ | PROT_EXEC, MAP_PRIVATE,
                                  (uint64_t)fd, 0);
    if (is_error(fd)) {
        wrong = "the program may not open the library's file";
    } else if (is_error(at)) {
        wrong = "the kernel does not let the library be mapped there";
        call(SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
    } else {
        start.rip = (uint64_t)at + library->entry;
        start.rdi = (uint64_t)getpid();
        start.rsi = (uint64_t)fd;
    }
    ask(PTRACE_SETREGS, 0, &start);
    return wrong;
}

/* All signals are blocked meanwhile, so that none is delivered in the middle of a call. */
static const char *place_undisturbed(const struct library *library)
{
    uint64_t all = UINT64_MAX;
    if (!is_at_start())
        return "another program was started";
    if (!ask(PTRACE_GETSIGMASK, sizeof program.mask, &program.mask) ||
        !ask(PTRACE_SETSIGMASK, sizeof all, &all))
        return "its signals cannot be blocked";
    const char *wrong = place(library);
    ask(PTRACE_SETSIGMASK, sizeof program.mask, &program.mask);
    return wrong;
}

/* The stop in exec is within that system call, whose answer would still be written to a register.
 * So it goes on to the end of the call. */
static bool wait_for_exec(void)
{
    int event, signal;
    if (!wait_for_stop(&event, &signal)) /* it runs when it is seized */
        return false;
    while (event != PTRACE_EVENT_EXEC)
        if (!resume(PTRACE_CONT, event, signal) || !wait_for_stop(&event, &signal))
            return false;
    return go_to_call();
}

static _Noreturn void trace(const struct library *library, const char *name, int ready)
{
    int options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
    program.pid = getppid(); /* 0: it is in another PID namespace */
    int error = ask(PTRACE_SEIZE, 0, (void *)(intptr_t)options) ? 0 : errno;
    bool told = write(ready, &error, sizeof error) == sizeof error;
    if (error || !told || !wait_for_exec())
        _exit(0);
    const char *wrong = place_undisturbed(library);
    if (wrong && ask(PTRACE_GETREGS, 0, &program.first)) /* else it was killed */
        complain("%s runs without the library: %s", name, wrong);
    ask(PTRACE_DETACH, 0, NULL);
    _exit(0);
}

/* ---- in this process ---- */

static pid_t tracer;

/* Its end raises no signal here, and no wait(2) of the program finds it. No signal reaches it: one
 * that is sent to the whole group is for the program. */
static pid_t fork_silently(void)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t child = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
    if (child)
        sigprocmask(SIG_SETMASK, &before, NULL);
    return child;
}

const char *placer_start(const char *library, const char *name)
{
    struct library found;
    int ready[2], error = EPERM;
    const char *wrong = look_at_library(library, &found);
    if (wrong || pipe2(ready, O_CLOEXEC) < 0)
        return wrong ? wrong : "no pipe can be had";
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* Yama lets only a parent trace */
    tracer = fork_silently();
    if (tracer == 0) {
        close(ready[0]);
        trace(&found, name, ready[1]);
    }
    close(ready[1]);
    if (tracer < 0 || read(ready[0], &error, sizeof error) != sizeof error || error)
        wrong = "it is statically linked, and the kernel does not let it be traced";
    close(ready[0]);
    prctl(PR_SET_PTRACER, 0, 0, 0, 0);
    if (wrong)
        placer_stop();
    return wrong;
}

void placer_stop(void)
{
    if (tracer > 0) {
        kill(tracer, SIGKILL);
        waitpid(tracer, NULL, __WALL);
    }
    tracer = 0;
}

#else

const char *placer_start(const char *library, const char *name)
{
    (void)library, (void)name;
    return "it is statically linked, and only the dynamic loader preloads libraries";
}

void placer_stop(void)
{
}

#endif
