/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * unwind: the chain of calls, against glibc's backtrace() and against what was really called.
 *
 * step_by_step runs code one instruction at a time and keeps its own list of calls, by what call and
 * ret do to the stack: so every instruction of every function that comes by is a place to start from,
 * prologues, epilogues, PLT entries and the loader's own included. The whole chain is demanded at
 * each instruction of which the tables tell what is true. Two kinds are known where they do not:
 * see tables_are_wrong and between_functions. There the walk starts right, and may end early.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tell/log.h"
#include "unwind/module.h"
#include "unwind/unwind.h"
#if defined(__x86_64__)
#include "../preload/step.h"
#endif

#define MAX 64
#if defined(__SANITIZE_ADDRESS__)
enum { OF_BACKTRACE = 1 }; /* its backtrace() gives itself too */
#else
enum { OF_BACKTRACE = 0 };
#endif
#define PLAIN __attribute__((noinline, noclone, optimize("O2", "omit-frame-pointer")))
#if defined(__clang__)
#undef PLAIN
#define PLAIN __attribute__((noinline))
#endif
#define KEEP() __asm__ volatile("" ::: "memory") /* no tail call */

/* Before glibc 2.35, the walk knows no tables. Most tests are of these. */
#ifdef DLFO_STRUCT_HAS_EH_DBASE
#define NEED_TABLES() ((void)0)
#else
#define NEED_TABLES() skip()
#endif

/* backtrace() gives return addresses; a frame that a signal interrupted is given as it is by both. */
static void same_as_backtrace(void)
{
    uintptr_t ours[MAX];
    void *theirs[MAX];
    size_t n = unwind_here(ours, MAX);
    size_t m = (size_t)backtrace(theirs, MAX);
    assert_true(n >= 2);
    assert_int_equal(n + OF_BACKTRACE, m);
    for (size_t i = 1; i < n; i++) /* the first is this function, at two places */
        if (ours[i] != (uintptr_t)theirs[i + OF_BACKTRACE])
            assert_int_equal(ours[i] + 1, (uintptr_t)theirs[i + OF_BACKTRACE]);
}

static PLAIN int down(int depth)
{
    if (depth == 0)
        same_as_backtrace();
    else
        down(depth - 1);
    KEEP();
    return depth;
}

static void recursion(void **state)
{
    (void)state;
    NEED_TABLES();
    for (int depth = 0; depth < 50; depth += 7)
        down(depth);
}

/* Each call with a frame pointer is found also where there are no tables. */
static struct {
    uintptr_t returns[8], pcs[MAX];
    size_t n;
} pointed;

static __attribute__((noinline)) void with_pointer(size_t depth)
{
    void *volatile own = __builtin_frame_address(0); /* makes the compiler keep one */
    pointed.returns[depth] = (uintptr_t)__builtin_return_address(0);
    if (depth == 0)
        pointed.n = unwind_here(pointed.pcs, MAX);
    else
        with_pointer(depth - 1);
    (void)own;
    KEEP();
}

static void frame_pointers(void **state)
{
    (void)state;
    with_pointer(COUNT_OF(pointed.returns) - 1);
    assert_true(pointed.n > COUNT_OF(pointed.returns));
    for (size_t i = 0; i < COUNT_OF(pointed.returns); i++)
        assert_int_equal(pointed.pcs[i + 1] + 1, pointed.returns[i]);
}

static int compare(const void *a, const void *b)
{
    down(1);
    return *(const int *)a - *(const int *)b;
}

static void through_callbacks(void **state)
{
    (void)state;
    NEED_TABLES();
    int numbers[] = { 3, 1, 2 }, key = 2;
    qsort(numbers, 3, sizeof *numbers, compare);
    assert_int_equal(numbers[2], 3);
    assert_non_null(bsearch(&key, numbers, 3, sizeof *numbers, compare));
}

static PLAIN int with_alloca(size_t len)
{
    volatile char *room = __builtin_alloca(len);
    room[0] = room[len - 1] = 1;
    down(2);
    return room[0];
}

static PLAIN int realigned(int depth)
{
    volatile char block[100] __attribute__((aligned(64)));
    volatile char *room = __builtin_alloca((size_t)depth + 100);
    block[0] = room[0] = 1;
    if (depth)
        realigned(depth - 1);
    else
        down(2);
    return block[0] + room[0];
}

static void odd_frames(void **state)
{
    (void)state;
    NEED_TABLES();
    with_alloca(10);
    with_alloca(300000);
    realigned(0);
    realigned(5);
}

static void *in_thread(void *unused)
{
    down(5);
    return unused;
}

static void threads(void **state)
{
    (void)state;
    NEED_TABLES();
    pthread_t t[4];
    for (size_t i = 0; i < COUNT_OF(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, in_thread, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(t); i++)
        pthread_join(t[i], NULL);
}

static ucontext_t outside, inside;

static void on_fiber(void)
{
    down(5);
}

/* A stack that ends at a page that is not mapped. */
static void fibers(void **state)
{
    (void)state;
    NEED_TABLES();
    size_t len = 64 << 10;
    char *stack = mmap(NULL, len + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stack, MAP_FAILED);
    assert_int_equal(mprotect(stack + 4096, len, PROT_READ | PROT_WRITE), 0);
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack + 4096;
    inside.uc_stack.ss_size = len;
    inside.uc_link = &outside;
    makecontext(&inside, on_fiber, 0);
    swapcontext(&outside, &inside);
    munmap(stack, len + 8192);
}

/* ---- signals ---- */

static uintptr_t from_context[MAX], from_here[MAX];
static volatile size_t context_count, here_count;
static void *theirs_in_handler[MAX];
static volatile size_t theirs_count;

static void handler(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info;
    context_count = unwind_context(context, from_context, MAX);
    here_count = unwind_here(from_here, MAX);
    theirs_count = (size_t)backtrace(theirs_in_handler, MAX);
}

static PLAIN int raise_deep(int depth)
{
    if (depth == 0)
        raise(SIGUSR1);
    else
        raise_deep(depth - 1);
    KEEP();
    return depth;
}

static void handle(int sig, void (*with)(int, siginfo_t *, void *), int flags)
{
    struct sigaction sa = { .sa_sigaction = with, .sa_flags = SA_SIGINFO | flags };
    assert_int_equal(sigaction(sig, &sa, NULL), 0);
}

static void signal_on(int flags)
{
    handle(SIGUSR1, handler, flags);
    raise_deep(6);
    assert_true(context_count >= 8);
    assert_int_equal(here_count + OF_BACKTRACE, theirs_count);
    for (size_t i = 1; i < here_count; i++)
        if (from_here[i] != (uintptr_t)theirs_in_handler[i + OF_BACKTRACE])
            assert_int_equal(from_here[i] + 1, (uintptr_t)theirs_in_handler[i + OF_BACKTRACE]);
    /* The handler, the restorer, and then what the context tells. */
    assert_int_equal(here_count, context_count + 2);
    assert_memory_equal(from_here + 2, from_context, context_count * sizeof *from_context);
}

static void signals(void **state)
{
    (void)state;
    NEED_TABLES();
    static char alternate[64 << 10];
    stack_t ss = { .ss_sp = alternate, .ss_size = sizeof alternate };
    signal_on(0);
    assert_int_equal(sigaltstack(&ss, NULL), 0);
    signal_on(SA_ONSTACK);
    ss.ss_flags = SS_DISABLE;
    sigaltstack(&ss, NULL);
}

static void call_of_nothing(void **state)
{
    (void)state;
    NEED_TABLES();
    ucontext_t context;
    uintptr_t expected[MAX], pcs[MAX];
    getcontext(&context);
    size_t n = unwind_context(&context, expected, MAX);
    assert_true(n > 2);
#if defined(__x86_64__)
    uintptr_t stack[2] = { expected[0] + 1, 0 };
    context.uc_mcontext.gregs[REG_RSP] = (greg_t)stack;
    context.uc_mcontext.gregs[REG_RIP] = 0;
#else
    context.uc_mcontext.regs[30] = expected[0] + 1;
    context.uc_mcontext.pc = 0;
#endif
    n = unwind_context(&context, pcs, 2);
    assert_int_equal(n, 2);
    assert_int_equal(pcs[0], 0);
    assert_int_equal(pcs[1], expected[0]);
}

/* ---- what is broken ---- */

/* Any registers, any stack: an answer, and no fault. */
static void garbage(void **state)
{
    (void)state;
    char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    assert_int_equal(mprotect(pages + 8192, 4096, PROT_NONE), 0);
    uintptr_t *words = (uintptr_t *)pages;
    uintptr_t codes[] = { (uintptr_t)down,
                          (uintptr_t)qsort,
                          (uintptr_t)raise_deep,
                          (uintptr_t)unwind_here,
                          (uintptr_t)printf,
                          (uintptr_t)words,
                          1,
                          0,
                          (uintptr_t)-1,
                          1UL << 47,
                          0xdead00000000beefUL,
                          (uintptr_t)pages + 8192 };
    srandom(7);
    for (int round = 0; round < 20000; round++) {
        ucontext_t context;
        memset(&context, 0, sizeof context);
        for (size_t i = 0; i < 1024; i += (size_t)random() % 8 + 1)
            words[i] = random() % 2
                           ? codes[(size_t)random() % COUNT_OF(codes)] + (uintptr_t)random() % 300
                           : (uintptr_t)pages + (uintptr_t)random() % 12288 / 8 * 8;
        uintptr_t sp = (uintptr_t)pages + (uintptr_t)random() % 8192;
        if (random() % 4)
            sp &= -8UL;
        uintptr_t pc = codes[(size_t)random() % COUNT_OF(codes)] + (uintptr_t)random() % 300;
#if defined(__x86_64__)
        for (int i = 0; i < 16; i++)
            context.uc_mcontext.gregs[i] = (greg_t)words[(size_t)random() % 1024];
        context.uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
        context.uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
#else
        for (int i = 0; i < 31; i++)
            context.uc_mcontext.regs[i] = words[(size_t)random() % 1024];
        context.uc_mcontext.sp = sp;
        context.uc_mcontext.pc = pc;
#endif
        uintptr_t pcs[MAX];
        assert_true(unwind_context(&context, pcs, MAX) >= 1);
    }
    munmap(pages, 3 * 4096);
}

/* Tables may lead to the word below a register that is 0, where a page of the stack is known. */
static void ends_of_memory(void **state)
{
    (void)state;
    static const uintptr_t places[] = { -8UL, -16UL, -4096UL, 0, 8 };
    uintptr_t here = 77, word = 0;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct reach none = { 0, 0 }, own = { 0, 0 };
        reach_own(&own, (uintptr_t)&here);
        assert_false(reach_word(&none, places[i], &word));
        assert_false(reach_word(&own, places[i], &word));
        assert_true(reach_word(&own, (uintptr_t)&here, &word));
        assert_int_equal(word, 77);
    }
}

static void few_are_asked_for(void **state)
{
    (void)state;
    NEED_TABLES();
    uintptr_t pcs[3] = { 0, 0, 77 };
    assert_int_equal(unwind_here(pcs, 0), 0);
    assert_int_equal(pcs[0], 0);
    assert_int_equal(unwind_here(pcs, 2), 2);
    assert_int_equal(pcs[2], 77);
}

#if defined(__x86_64__)
static uintptr_t jit_pcs[MAX];
static __attribute__((noinline)) size_t walk_for_jit(void)
{
    size_t n = unwind_here(jit_pcs, MAX);
    KEEP();
    return n;
}

/* code calls its argument in the instruction at 4. */
static void through_code(const unsigned char *code, size_t len)
{
    unsigned char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    memcpy(page, code, len);
    size_t (*jit)(size_t(*)(void));
    *(unsigned char **)&jit = page;
    uintptr_t direct[MAX];
    size_t n = unwind_here(direct, MAX);
    size_t m = jit(walk_for_jit);
    /* The walker and the JIT's frame are more. */
    assert_int_equal(m, n + 2);
    assert_int_equal(jit_pcs[1], (uintptr_t)page + 5);
    assert_memory_equal(jit_pcs + 3, direct + 1, (n - 1) * sizeof *direct);
    munmap(page, 4096);
}

/* The caller keeps no frame pointer, as most programs: the register has what is no frame. */
static PLAIN void through_trampoline(void)
{
    /* CPython's: sub $8,%rsp; call *%rdi; add $8,%rsp; ret. */
    static const unsigned char without[] = { 0x48, 0x83, 0xec, 8, 0xff, 0xd7,
                                             0x48, 0x83, 0xc4, 8, 0xc3 };
    through_code(without, sizeof without);
    KEEP();
}

static void code_without_tables(void **state)
{
    (void)state;
    NEED_TABLES();
    /* A JIT's: push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret. */
    static const unsigned char with[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
    through_code(with, sizeof with);
    through_trampoline();
}

/* ---- step by step ---- */

static struct {
    uintptr_t at[MAX], value[MAX]; /* where each return address lies, and what it is */
    size_t count, steps, most;
    size_t wrong, tables_wrong, between;
    uintptr_t last_pc, last_sp, base[MAX];
    size_t base_count;
    char said[2000];
} shadow;

/* gcc 12 forgets to tell, where a realigned frame ends, that rbp is the caller's again: between
 * pop %rbp and ret, a lea. libgcc, which follows the tables too, reads what is not mapped there. */
static bool tables_are_wrong(uintptr_t pc)
{
    /* pop %rbp; lea -8(%r10),%rsp; ret */
    static const unsigned char end[] = { 0x5d, 0x49, 0x8d, 0x62, 0xf8, 0xc3 };
    return memcmp((const void *)(pc - 1), end, sizeof end) == 0 ||
           memcmp((const void *)(pc - 5), end, sizeof end) == 0;
}

/* libgcc's own look-up: the entry of .eh_frame that describes an address, or NULL. */
struct bases {
    void *text, *data, *function;
};
extern const void *_Unwind_Find_FDE(void *pc, struct bases *bases);

static bool table_tells(uintptr_t pc)
{
    struct bases found;
    return _Unwind_Find_FDE((void *)pc, &found) != NULL;
}

/* Returns the length of the nop at an address, as assemblers fill space with it, or 0. */
static size_t nop(const unsigned char *at)
{
    size_t prefixes = 0;
    while (at[prefixes] == 0x66 || at[prefixes] == 0x2e)
        prefixes++;
    at += prefixes;
    if (at[0] == 0x90)
        return prefixes + 1;
    if (at[0] != 0x0f || at[1] != 0x1f)
        return 0;
    switch (at[2]) { /* how long the operand is, which nothing reads */
    case 0x00: return prefixes + 3;
    case 0x40: return prefixes + 4;
    case 0x44: return prefixes + 5;
    case 0x80: return prefixes + 7;
    case 0x84: return prefixes + 8;
    default: return 0;
    }
}

/*
 * True for a nop that aligns the function behind it, where no table tells of the nop. Usually
 * nothing runs there. But glibc's __memmove_chk, __memcpy_chk and others of their kind end without
 * a jump: they run through such nops into the function that they check for. The tables of each end
 * where the function does. A debugger and libgcc find no caller there, and neither does the walk.
 */
static bool between_functions(uintptr_t pc)
{
    enum { ALIGNMENT = 64 };
    uintptr_t at = pc;
    while (!table_tells(at)) {
        size_t len = nop((const unsigned char *)at);
        at += len;
        if (!len || at - pc >= ALIGNMENT)
            return false;
    }
    return at != pc;
}

/* A function that runs through nops into another one, as glibc's do; and one without a table. */
void runs_through(void);
extern const char padding[], padding_end[], without_table[];
__asm__(".pushsection .text\n"
        ".globl runs_through, padding, padding_end, without_table\n"
        ".p2align 6\n"
        ".type runs_through, @function\n"
        "runs_through: .cfi_startproc\n"
        "nop\n"
        ".cfi_endproc\n"
        ".size runs_through, . - runs_through\n"
        "padding: cs nopw 0x200(%rax,%rax,1)\n"
        "nopw 0x40(%rax,%rax,1)\n"
        "nopl 0(%rax)\n"
        "xchg %ax, %ax\n"
        "padding_end:\n"
        ".type run_into, @function\n"
        "run_into: .cfi_startproc\n"
        "nop\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size run_into, . - run_into\n"
        "without_table: xorl %eax, %eax\n"
        "ret\n"
        ".popsection\n");

static void what_tables_leave_out(void **state)
{
    (void)state;
    size_t nops = 0;
    assert_true(table_tells((uintptr_t)runs_through));
    assert_true(table_tells((uintptr_t)padding_end));
    assert_false(between_functions((uintptr_t)runs_through));
    assert_false(between_functions((uintptr_t)padding_end));
    for (uintptr_t at = (uintptr_t)padding; at < (uintptr_t)padding_end; nops++) {
        assert_false(table_tells(at));
        assert_true(between_functions(at));
        at += nop((const unsigned char *)at);
    }
    assert_int_equal(nops, 4);
    /* Other code is none, although no table tells of it. */
    assert_false(table_tells((uintptr_t)without_table));
    assert_false(between_functions((uintptr_t)without_table));
}

static void one_step(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info;
    ucontext_t *uc = context;
    uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    uintptr_t sp = (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
    while (shadow.count && sp > shadow.at[shadow.count - 1])
        shadow.count--; /* ret */
    uintptr_t top = *(uintptr_t *)sp;
    bool call =
        sp == shadow.last_sp - 8 && top > shadow.last_pc && top <= shadow.last_pc + 8 && pc != top;
    if (call && shadow.count < MAX / 2) {
        shadow.at[shadow.count] = sp;
        shadow.value[shadow.count++] = top;
    }
    shadow.last_pc = pc;
    shadow.last_sp = sp;
    shadow.steps++;
    if (shadow.count > shadow.most)
        shadow.most = shadow.count;
    if (!shadow.count)
        return; /* the pushf of step_each itself, of which no table tells */
    uintptr_t pcs[MAX], expected[MAX];
    size_t n = unwind_context(uc, pcs, MAX), m = 0;
    expected[m++] = pc;
    for (size_t i = shadow.count; i-- > 0;)
        expected[m++] = shadow.value[i] - 1;
    /* Then the callers of the function that began to step, which is itself at any of its places. */
    for (size_t i = 1; i < shadow.base_count; i++)
        expected[m++] = shadow.base[i];
    if (n == m && memcmp(pcs, expected, m * sizeof *pcs) == 0)
        return;
    if (tables_are_wrong(pc)) {
        shadow.tables_wrong++;
    } else if (n && pcs[0] == pc && between_functions(pc)) {
        shadow.between++; /* what follows, if anything, is by the chain of frame pointers */
    } else if (shadow.wrong++ == 0) {
        size_t at = unwind_text(shadow.said, 900, pcs, n);
        at += (size_t)snprintf(shadow.said + at, 100, "\nexpected: ");
        unwind_text(shadow.said + at, 900, expected, m);
    }
}

static PLAIN void play(void)
{
    int numbers[] = { 5, 3, 9, 1 };
    char text[100];
    qsort(numbers, 4, sizeof *numbers, compare);
    snprintf(text, sizeof text, "%d %s %f", numbers[0], "text", 1.5);
    with_alloca(100);
    realigned(2);
    free(malloc(100000));
    free(strdup(text));
    runs_through();
    getppid();
}

static void step_by_step(void **state)
{
    (void)state;
    NEED_TABLES();
    static char alternate[256 << 10];
    stack_t ss = { .ss_sp = alternate, .ss_size = sizeof alternate };
    assert_int_equal(sigaltstack(&ss, NULL), 0);
    handle(SIGTRAP, one_step, SA_ONSTACK);
    memset(&shadow, 0, sizeof shadow);
    shadow.base_count = unwind_here(shadow.base, MAX);
    assert_true(shadow.base_count > 2);
    step_each(true);
    play();
    step_each(false);
    ss.ss_flags = SS_DISABLE;
    sigaltstack(&ss, NULL);
    print_message("%zu instructions, %zu calls deep, %zu wrong, %zu by wrong tables, %zu between "
                  "functions\n%s\n",
                  shadow.steps, shadow.most, shadow.wrong, shadow.tables_wrong, shadow.between,
                  shadow.said);
    assert_true(shadow.steps > 10000);
    assert_true(shadow.tables_wrong < shadow.steps / 1000);
    assert_true(shadow.between < shadow.steps / 100); /* four for each memcpy that is checked */
    assert_int_equal(shadow.wrong, 0);
}
#endif

/* ---- words ---- */

static void text(void **state)
{
    (void)state;
    NEED_TABLES();
    uintptr_t pcs[] = { (uintptr_t)getppid, (uintptr_t)down, 16 };
    char out[300], wanted[300];
    log_start("test_unwind");
    size_t len = unwind_text(out, sizeof out, pcs, 3);
    assert_int_equal(len, strlen(out));
    char *first = strstr(out, "libc.so.6+0x"), *second = strstr(out, " test_unwind+0x");
    assert_ptr_equal(first, out);
    assert_non_null(second);
    assert_string_equal(out + len - 5, " 0x10");
    /* What does not fit is left out whole, and nothing is written behind the end. */
    for (size_t size = 1; size <= len + 1; size++) {
        memset(wanted, '#', sizeof wanted);
        size_t shorter = unwind_text(wanted, size, pcs, 3);
        assert_true(shorter < size);
        assert_int_equal(wanted[shorter], 0);
        assert_int_equal(wanted[size], '#');
        assert_memory_equal(wanted, out, shorter);
        assert_true(shorter == len || out[shorter] == ' ' || !shorter);
    }
    assert_int_equal(unwind_text(out, sizeof out, pcs, 0), 0);
}

/* ---- how much stack ---- */

static size_t painted(void (*walk)(void *), void *arg)
{
    enum { LEN = 64 << 10 };
    static unsigned char stack[LEN] __attribute__((aligned(16)));
    memset(stack, 0xa5, LEN);
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = LEN;
    inside.uc_link = &outside;
    makecontext(&inside, (void (*)(void))walk, 1, arg);
    swapcontext(&outside, &inside);
    size_t untouched = 0;
    while (untouched < LEN && stack[untouched] == 0xa5)
        untouched++;
    return LEN - untouched;
}

static uintptr_t painted_pcs[MAX];

static void walk_nothing(void *unused)
{
    (void)unused;
}

static void walk_here(void *unused)
{
    (void)unused;
    unwind_here(painted_pcs, MAX);
}

static void little_stack(void **state)
{
    (void)state;
    NEED_TABLES();
#if !defined(__SANITIZE_ADDRESS__) && __OPTIMIZE__
    same_as_backtrace(); /* what is bound lazily takes 2.5 KiB once; the library binds at load */
    size_t nothing = painted(walk_nothing, NULL), used = painted(walk_here, NULL);
    print_message("%zu bytes of stack\n", used - nothing);
    assert_true(used - nothing < 1536);
#else
    (void)painted, (void)walk_nothing, (void)walk_here;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(little_stack), /* first, while no row is known */
        UNIT(frame_pointers),
        UNIT(recursion),
        UNIT(through_callbacks),
        UNIT(odd_frames),
        UNIT(threads),
        UNIT(fibers),
        UNIT(signals),
        UNIT(call_of_nothing),
        UNIT(garbage),
        UNIT(ends_of_memory),
        UNIT(few_are_asked_for),
        UNIT(text),
#if defined(__x86_64__)
        UNIT(code_without_tables),
        UNIT(what_tables_leave_out),
        UNIT(step_by_step),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
