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

/* It has stopped before its first instruction. */
static struct {
    pid_t pid;
    int mem; /* of its memory */
    struct user_regs_struct first;
    uint64_t instruction; /* the address of a system call in its vdso */
} program;

/* Waits until it stops. False: it has ended. signal: what is about to be delivered; 0: it stops for
 * another reason, which is in event. */
static bool wait_for_stop(int *event, int *signal)
{
    int status;
    if (waitpid(program.pid, &status, __WALL) != program.pid || !WIFSTOPPED(status))
        return false;
    *event = status >> 16;
    *signal = *event ? 0 : WSTOPSIG(status);
    return true;
}

/* Lets it go on, and passes signals on to it, until it has stopped for another reason: an event, or
 * the end of a step. */
static bool go_on(int how, int *event)
{
    int signal = 0;
    do
        if (ptrace(how, program.pid, NULL, (void *)(intptr_t)signal) < 0 ||
            !wait_for_stop(event, &signal))
            return false;
    while (!*event && !(how == PTRACE_SINGLESTEP && signal == SIGTRAP));
    return true;
}

/* The program makes a system call, and stops behind it. Returns as the kernel does. */
static long call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                 uint64_t f)
{
    struct user_regs_struct r = program.first;
    int event;
    r.rip = program.instruction;
    r.rax = (uint64_t)number;
    r.orig_rax = (uint64_t)-1;
    r.rdi = a;
    r.rsi = b;
    r.rdx = c;
    r.r10 = d;
    r.r8 = e;
    r.r9 = f;
    if (ptrace(PTRACE_SETREGS, program.pid, NULL, &r) < 0 || !go_on(PTRACE_SINGLESTEP, &event) ||
        ptrace(PTRACE_GETREGS, program.pid, NULL, &r) < 0)
        return -ESRCH;
    return (long)r.rax;
}

static bool is_error(long answer)
{
    return answer < 0 && answer >= -4095;
}

static bool put(uint64_t to, const void *bytes, size_t len)
{
    return pwrite(program.mem, bytes, len, (off_t)to) == (ssize_t)len;
}

/* The kernel's library has system calls for what it cannot answer itself. */
static bool find_instruction(void)
{
    unsigned char code[2 * PAGE];
    Elf64_auxv_t entry = { .a_type = AT_NULL };
    char path[64];
    uint64_t vdso = 0;
    snprintf(path, sizeof path, "/proc/%d/auxv", (int)program.pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (read(fd, &entry, sizeof entry) == sizeof entry && entry.a_type != AT_NULL)
        if (entry.a_type == AT_SYSINFO_EHDR)
            vdso = entry.a_un.a_val;
    close(fd);
    ssize_t len = vdso ? pread(program.mem, code, sizeof code, (off_t)vdso) : 0;
    if (vdso && len < 0)
        len = pread(program.mem, code, PAGE, (off_t)vdso);
    const unsigned char *found = len > 0 ? memmem(code, (size_t)len, "\x0f\x05", 2) : NULL;
    if (found)
        program.instruction = vdso + (uint64_t)(found - code);
    return found;
}

/* ---- the library in it ---- */

/* What of the library's file the program has to know. */
struct library {
    const char *path;
    uint64_t span; /* bytes of address space, whole pages */
    uint64_t entry;
};

static bool read_at(int fd, void *into, size_t len, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, into, len, (off_t)offset) == (ssize_t)len;
}

/* Returns NULL, or a sentence that says what is wrong with the file. */
static const char *read_library(int fd, struct library *library)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    if (!read_at(fd, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_phentsize != sizeof part)
        return "the library's file is damaged";
    library->entry = head.e_entry;
    for (unsigned n = 0; n < head.e_phnum; n++) {
        struct stat st;
        if (!read_at(fd, &part, sizeof part, head.e_phoff + n * sizeof part) ||
            fstat(fd, &st) < 0 || part.p_filesz > (uint64_t)st.st_size ||
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
    static const char zeros[PATH_MAX];
    uint64_t at = program.first.rsp - 2 * PATH_MAX;
    size_t len = strlen(library->path) + 1;
    if (len > PATH_MAX || !put(at, library->path, len))
        return -ENOMEM;
    long fd = call(SYS_open, at, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
    put(at, zeros, len);
    return fd;
}

/* Maps the file, and sets the program on the library's entry, or leaves it as it was. */
static const char *place(const struct library *library)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)program.pid);
    program.mem = open(path, O_RDWR | O_CLOEXEC);
    if (program.mem < 0 || ptrace(PTRACE_GETREGS, program.pid, NULL, &program.first) < 0 ||
        !find_instruction())
        return "its memory cannot be reached";
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
    ptrace(PTRACE_SETREGS, program.pid, NULL, &start);
    return wrong;
}

/* The stop in exec is within that system call, whose answer would still be written to a register.
 * An interrupt stops the program behind it. */
static bool wait_for_exec(void)
{
    int event, signal;
    if (!wait_for_stop(&event, &signal)) /* it runs when it is seized */
        return false;
    while (event != PTRACE_EVENT_EXEC)
        if (ptrace(PTRACE_CONT, program.pid, NULL, (void *)(intptr_t)signal) < 0 ||
            !wait_for_stop(&event, &signal))
            return false;
    return ptrace(PTRACE_INTERRUPT, program.pid, NULL, NULL) == 0 && go_on(PTRACE_CONT, &event) &&
           event == PTRACE_EVENT_STOP;
}

static _Noreturn void trace(const struct library *library, const char *name, int ready)
{
    int error = ptrace(PTRACE_SEIZE, program.pid, NULL, (void *)PTRACE_O_TRACEEXEC) < 0 ? errno : 0;
    bool told = write(ready, &error, sizeof error) == sizeof error;
    if (error || !told || !wait_for_exec())
        _exit(0);
    const char *wrong = place(library);
    if (wrong)
        complain("%s runs without the library: %s", name, wrong);
    ptrace(PTRACE_DETACH, program.pid, NULL, NULL);
    _exit(0);
}

/* ---- in this process ---- */

static pid_t tracer;

/* Its end raises no signal here, and no wait(2) of the program finds it. */
static pid_t fork_silently(void)
{
    return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
}

const char *placer_start(const char *library, const char *name)
{
    struct library found;
    int ready[2], error = EPERM;
    const char *wrong = look_at_library(library, &found);
    if (wrong || pipe2(ready, O_CLOEXEC) < 0)
        return wrong ? wrong : "no pipe can be had";
    program.pid = getpid();
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
