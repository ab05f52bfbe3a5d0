/*
 * direct: libc's function for any system call, which libseccomp sets its filters by.
 *
 * A call goes on to the next in the chain as it came, by a jump, because what returns twice has no frame
 * here; but for the numbers that the library has to know of.
 */
#define _GNU_SOURCE
#include "shim/direct.h"

#include <dlfcn.h>
#include <sys/syscall.h>

#include "base/sys.h"
#include "shim/engine.h"
#include "shim/error.h"
#include "shim/signals.h"

#define TEXT_OF(number) #number
#define NUMBER(number) TEXT_OF(number)
#define HIDDEN __attribute__((visibility("hidden")))

/* Read by the assembly below. */
extern long (*direct_next)(long, ...) HIDDEN;
long (*direct_next)(long, ...);

#if defined(__x86_64__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall: endbr64\n"
        "cmpq $" NUMBER(SYS_prctl) ", %rdi\n"
        "je direct_known\n"
        "cmpq $" NUMBER(SYS_seccomp) ", %rdi\n"
        "je direct_known\n"
        "movq direct_next(%rip), %rax\n"
        "testq %rax, %rax\n"
        "je direct_known\n"
        "jmp *%rax\n"
        ".size syscall, . - syscall\n"
        ".popsection");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall: hint #34\n" /* bti c */
        "cmp x0, #" NUMBER(SYS_prctl) "\n"
        "b.eq direct_known\n"
        "cmp x0, #" NUMBER(SYS_seccomp) "\n"
        "b.eq direct_known\n"
        "adrp x16, direct_next\n"
        "ldr x16, [x16, :lo12:direct_next]\n"
        "cbz x16, direct_known\n"
        "br x16\n"
        ".size syscall, . - syscall\n"
        ".popsection");
#endif

void direct_resolve(void)
{
    *(void **)&direct_next = dlsym(RTLD_NEXT, "syscall");
}

/* The handler goes last: threads that touch what goes back meanwhile need it. */
static void withdraw(void)
{
    engine_enter_sandbox();
    signals_stop();
}

long direct_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (engine_sandboxes(option, a))
        withdraw();
    return sys_prctl(option, a, b, c, d);
}

static long answer_known(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_prctl)
        return direct_prctl((int)a, (unsigned long)b, (unsigned long)c, (unsigned long)d, (unsigned long)e);
    if (number == SYS_seccomp && engine_filters((unsigned long)a, (unsigned long)c))
        withdraw();
    return sys_call(number, a, b, c, d, e, f);
}

extern long direct_known(long, long, long, long, long, long, long) HIDDEN;
__attribute__((used)) long direct_known(long number, long a, long b, long c, long d, long e, long f)
{
    long answer = answer_known(number, a, b, c, d, e, f);
    if (!sys_failed(answer))
        return answer;
    error_set(-answer);
    return -1;
}
