/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * placed: the entry of the library in a static program. `mapherd run` has placed it there
 * (command/host/placer.h), or the program names it as what the kernel starts it with
 * (command/host/graft.c).
 *
 * The process is as the kernel has made it. The first thing is what a loader would do (System V
 * gABI, and its supplement for x86-64). What `mapherd run` has placed is mapped once, as a whole,
 * and has no data of its own yet: its segments are mapped. Then it is relocated. It is linked with
 * no other library and all that it imports is weak, so what is imported is NULL.
 *
 * Then it starts as it does elsewhere, with thread-local storage of its own, and leads to the
 * program's entry, which the auxiliary vector names.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "entry/life.h"
#include "kernel/sys.h"

#define USED __attribute__((used, visibility("hidden")))

/*
 * rdi: the process that has placed the library; 0: the kernel has. rsi: a descriptor of its file.
 *
 * The stack has STORAGE bytes of thread-local storage meanwhile. The thread pointer leads to its
 * middle, where its own address is (x86-64 psABI). arch_prctl(2) is call 158, and ARCH_SET_FS
 * 0x1002. The unwinder finds no caller. At the end all registers are 0, as the kernel had left
 * them.
 */
#define STORAGE "4096"
__asm__(".pushsection .text\n"
        ".balign 16\n"
        ".hidden placed_entry\n"
        ".globl placed_entry\n"
        ".type placed_entry, @function\n"
        "placed_entry:\n"
        ".cfi_startproc\n"
        ".cfi_undefined 16\n"
        "movq %rsp, %rbp\n"
        "movq %rdi, %rbx\n"
        "movq %rsi, %r12\n"
        "andq $-64, %rsp\n"
        "leaq -" STORAGE " / 2(%rsp), %rsi\n"
        "subq $" STORAGE ", %rsp\n"
        "movq %rsi, (%rsi)\n"
        "movl $0x1002, %edi\n"
        "movl $158, %eax\n"
        "syscall\n"
        "leaq __ehdr_start(%rip), %rdi\n"
        "movq %r12, %rsi\n"
        "movq %rbx, %rdx\n"
        "call placed_load\n"
        "movq %rbp, %rdi\n"
        "movq %rbx, %rsi\n"
        "movzbl %al, %edx\n"
        "call placed_start\n"
        "movq %rax, %rbx\n"
        "xorl %esi, %esi\n"
        "movl $0x1002, %edi\n"
        "movl $158, %eax\n"
        "syscall\n"
        "movq %rbp, %rsp\n"
        "pushq %rbx\n"
        "pushq $0x202\n" /* the flags at the start of a program */
        "xorl %eax, %eax\n xorl %ebx, %ebx\n xorl %ecx, %ecx\n xorl %edx, %edx\n"
        "xorl %esi, %esi\n xorl %edi, %edi\n xorl %ebp, %ebp\n xorl %r8d, %r8d\n"
        "xorl %r9d, %r9d\n xorl %r10d, %r10d\n xorl %r11d, %r11d\n xorl %r12d, %r12d\n"
        "xorl %r13d, %r13d\n xorl %r14d, %r14d\n xorl %r15d, %r15d\n"
        "popfq\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size placed_entry, . - placed_entry\n"
        ".hidden __ehdr_start\n"
        ".popsection");

/* ---- before the library has data: nothing here may use any ---- */

enum { PAGE = 4096 }; /* of x86-64 */

static uintptr_t down(uintptr_t n)
{
    return n & -(uintptr_t)PAGE;
}

static uintptr_t up(uintptr_t n)
{
    return down(n + PAGE - 1);
}

static bool map_at(uintptr_t at, size_t len, int prot, int flags, int fd, uintptr_t offset)
{
    return !len || (uintptr_t)sys_mmap(at, len, prot, MAP_PRIVATE | MAP_FIXED | flags, fd,
                                       (off_t)offset) == at;
}

/* Behind the bytes of the file the segment is zero. Their last page has others. */
static bool map_segment(uintptr_t base, const Elf64_Phdr *s, int fd)
{
    uintptr_t start = base + down(s->p_vaddr), bytes = base + s->p_vaddr + s->p_filesz;
    uintptr_t end = base + s->p_vaddr + s->p_memsz;
    int prot = (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
               (s->p_flags & PF_X ? PROT_EXEC : 0);
    if (!map_at(start, up(bytes) - start, prot, 0, fd, down(s->p_offset)))
        return false;
    if (!(s->p_flags & PF_W))
        return true;
    memset((void *)bytes, 0, up(bytes) - bytes);
    return map_at(up(bytes), up(end) - up(bytes), prot, MAP_ANONYMOUS, -1, 0);
}

enum { RELRSZ = 35, RELR = 36 }; /* of packed relocations, which a build may ask for */

struct tables {
    const Elf64_Sym *symbols;
    const uint64_t *relr;
    const Elf64_Rela *rela, *plt;
    size_t rela_size, plt_size, relr_size; /* bytes */
    uint64_t below; /* from the start of the thread-local variables to the pointer */
};

static void read_tables(uintptr_t base, const Elf64_Dyn *entry, struct tables *t)
{
    for (; entry->d_tag != DT_NULL; entry++) {
        uintptr_t value = entry->d_un.d_ptr;
        if (entry->d_tag == DT_SYMTAB)
            t->symbols = (const void *)(base + value);
        else if (entry->d_tag == DT_RELA)
            t->rela = (const void *)(base + value);
        else if (entry->d_tag == DT_RELASZ)
            t->rela_size = value;
        else if (entry->d_tag == DT_JMPREL)
            t->plt = (const void *)(base + value);
        else if (entry->d_tag == DT_PLTRELSZ)
            t->plt_size = value;
        else if (entry->d_tag == RELR)
            t->relr = (const void *)(base + value);
        else if (entry->d_tag == RELRSZ)
            t->relr_size = value;
    }
}

/* tests/layers.sh knows that there are no others. */
static void relocate(uintptr_t base, const struct tables *t, const Elf64_Rela *r, size_t size)
{
    for (const Elf64_Rela *end = r + size / sizeof *r; r < end; r++) {
        uint64_t *place = (void *)(base + r->r_offset), addend = (uint64_t)r->r_addend;
        const Elf64_Sym *symbol = t->symbols + ELF64_R_SYM(r->r_info);
        uint64_t value = symbol->st_shndx == SHN_UNDEF ? 0 : base + symbol->st_value;
        unsigned type = ELF64_R_TYPE(r->r_info);
        if (type == R_X86_64_RELATIVE)
            *place = base + addend;
        else if (type == R_X86_64_64)
            *place = value + addend;
        else if (type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT)
            *place = value;
        else if (type == R_X86_64_TPOFF64)
            *place = symbol->st_value + addend - t->below;
    }
}

/* An even word is the address of a word that the base is added to; an odd one has a bit for each of
 * the 63 words that follow. */
static void relocate_packed(uintptr_t base, const uint64_t *word, size_t size)
{
    enum { BITS = 63 };
    uint64_t *next = NULL;
    for (const uint64_t *end = word + size / sizeof *word; word < end; word++) {
        if (!(*word & 1)) {
            next = (void *)(base + *word);
            *next++ += base;
            continue;
        }
        for (unsigned bit = 0; bit < BITS; bit++)
            if (*word >> (bit + 1) & 1)
                next[bit] += base;
        next += BITS;
    }
}

/* The variables end below the word that Go has its goroutine in. */
static uint64_t below_pointer(const Elf64_Phdr *tls)
{
    enum { LEFT_FREE = 16 };
    return ((tls->p_memsz + tls->p_align - 1) & -tls->p_align) + LEFT_FREE;
}

/* Without a placer the kernel has mapped the segments. False: it refuses memory. */
USED bool placed_load(uintptr_t base, int fd, long placer)
{
    const Elf64_Ehdr *head = (const void *)base;
    const Elf64_Phdr *part = (const void *)(base + head->e_phoff), *end = part + head->e_phnum;
    const Elf64_Phdr *relro = NULL;
    const Elf64_Dyn *dynamic = NULL;
    struct tables t = { .symbols = NULL };
    bool mapped = true;
    for (; part < end; part++) {
        if (part->p_type == PT_LOAD && placer)
            mapped = mapped && map_segment(base, part, fd);
        else if (part->p_type == PT_DYNAMIC)
            dynamic = (const void *)(base + part->p_vaddr);
        else if (part->p_type == PT_TLS)
            t.below = below_pointer(part);
        else if (part->p_type == PT_GNU_RELRO)
            relro = part;
    }
    if (placer)
        sys_close(fd);
    if (!mapped)
        return false;
    read_tables(base, dynamic, &t);
    relocate_packed(base, t.relr, t.relr_size);
    relocate(base, &t, t.rela, t.rela_size);
    relocate(base, &t, t.plt, t.plt_size);
    if (relro)
        sys_mprotect(base + down(relro->p_vaddr),
                     down(relro->p_vaddr + relro->p_memsz) - down(relro->p_vaddr), PROT_READ);
    return true;
}

/* Behind the arguments, the environment and a NULL each. */
static uintptr_t entry_of_program(const uintptr_t *stack)
{
    const uintptr_t *at = stack + 1 + stack[0] + 1;
    while (*at++)
        continue;
    while (at[0] != AT_ENTRY)
        at += 2;
    return at[1];
}

/* stack: what the kernel has put there, the number of arguments first. Returns the address of the
 * program's entry. The other process ends as soon as it has let go. */
USED uintptr_t placed_start(uintptr_t *stack, long placer, bool loaded)
{
    static const char line[] = "mapherd: the program runs without the library: there is no memory "
                               "for it\n";
    if (placer)
        sys_reap(placer);
    if (loaded)
        life_start((int)stack[0], (char **)(stack + 1));
    else
        sys_write(2, line, sizeof line - 1);
    return entry_of_program(stack);
}

#else

/* On other machines nothing places it. */
void placed_entry(void) __attribute__((visibility("hidden")));
void placed_entry(void)
{
    __builtin_trap();
}

#endif
