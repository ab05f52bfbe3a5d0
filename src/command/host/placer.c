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

#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "command/host/image.h"
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

static int protection(const Elf64_Phdr *s)
{
    return (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
           (s->p_flags & PF_X ? PROT_EXEC : 0);
}

static uint64_t down(uint64_t n)
{
    return n & -(uint64_t)PAGE;
}

static uint64_t up(uint64_t n)
{
    return down(n + PAGE - 1);
}

/* What lies behind the bytes of the file is zero. The last page of the file has other bytes. */
static bool map_segment(const struct image *image, const Elf64_Phdr *s, uint64_t base, long fd)
{
    uint64_t start = base + down(s->p_vaddr), end = base + s->p_vaddr + s->p_filesz;
    uint64_t rest = base + up(s->p_vaddr + s->p_memsz);
    static const char zeros[PAGE];
    long at = call(SYS_mmap, start, up(end) - start, (uint64_t)protection(s),
                   MAP_PRIVATE | MAP_FIXED, (uint64_t)fd, down(s->p_offset));
    if (is_error(at))
        return false;
    if (!(s->p_flags & PF_W))
        return true;
    if (rest > up(end) && is_error(call(SYS_mmap, up(end), rest - up(end), (uint64_t)protection(s),
                                        MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, (uint64_t)-1, 0)))
        return false;
    return put(base + s->p_vaddr, image->file + s->p_offset, s->p_filesz) &&
           put(end, zeros, up(end) - end);
}

/* The pages of the path are those of the reserved range. */
static long open_in_program(uint64_t base, const char *library)
{
    long at = call(SYS_mmap, base, PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, (uint64_t)-1, 0);
    if (is_error(at) || !put(base, library, strlen(library) + 1))
        return -ENOMEM;
    return call(SYS_open, base, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
}

static const char *fill(struct image *image, uint64_t base, const char *library)
{
    const char *wrong = image_relocate(image, base);
    if (wrong)
        return wrong;
    long fd = open_in_program(base, library);
    if (is_error(fd))
        return "the program may not open the library's file";
    bool mapped = true;
    for (unsigned n = 0; n < image->segments && mapped; n++)
        mapped = map_segment(image, image->segment + n, base, fd);
    call(SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
    const Elf64_Phdr *relro = &image->relro;
    if (mapped && relro->p_memsz)
        mapped = !is_error(call(SYS_mprotect, base + down(relro->p_vaddr),
                                down(relro->p_vaddr + relro->p_memsz) - down(relro->p_vaddr),
                                PROT_READ, 0, 0, 0));
    return mapped ? NULL : "the kernel does not let the library be mapped there";
}

/* Sets the program on the library's entry, or leaves it as it was. */
static const char *place(struct image *image, const char *library)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)program.pid);
    program.mem = open(path, O_RDWR | O_CLOEXEC);
    if (program.mem < 0 || ptrace(PTRACE_GETREGS, program.pid, NULL, &program.first) < 0 ||
        !find_instruction())
        return "its memory cannot be reached";
    long at = call(SYS_mmap, 0, image->span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   (uint64_t)-1, 0);
    const char *wrong =
        is_error(at) ? "it has no memory for the library" : fill(image, (uint64_t)at, library);
    struct user_regs_struct start = program.first;
    if (!wrong) {
        start.rip = (uint64_t)at + image->entry;
        start.rdi = (uint64_t)getpid();
    } else if (!is_error(at)) {
        call(SYS_munmap, (uint64_t)at, image->span, 0, 0, 0, 0);
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

static _Noreturn void trace(struct image *image, const char *library, const char *name, int ready)
{
    int error = ptrace(PTRACE_SEIZE, program.pid, NULL, (void *)PTRACE_O_TRACEEXEC) < 0 ? errno : 0;
    bool told = write(ready, &error, sizeof error) == sizeof error;
    if (error || !told || !wait_for_exec())
        _exit(0);
    const char *wrong = place(image, library);
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
    static struct image image;
    int ready[2], error = EPERM;
    const char *wrong = image_read(&image, library);
    if (wrong || pipe2(ready, O_CLOEXEC) < 0)
        return wrong ? wrong : "no pipe can be had";
    program.pid = getpid();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); /* Yama lets only a parent trace */
    tracer = fork_silently();
    if (tracer == 0) {
        close(ready[0]);
        trace(&image, library, name, ready[1]);
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
