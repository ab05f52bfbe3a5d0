/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sites: the decoder, and what makes a site fit.
 *
 *   sites decode FILE DISTANCE   reads lines "ADDRESS LENGTH" of a disassembler, and compares
 *   sites                        functions of this program, each with one thing of its own
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "sites/decode.h"
#include "sites/site.h"

#if defined(__x86_64__)

/* Address - distance is the place in the file. A disassembler has a wait (9b) with what follows. */
static int compare(const char *path, unsigned long distance)
{
    int fd = open(path, O_RDONLY);
    off_t size = lseek(fd, 0, SEEK_END);
    CHECK(fd >= 0 && size > 0);
    unsigned char *file = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(file != MAP_FAILED);
    unsigned long address, length, count = 0, differ = 0;
    while (scanf("%lx %lu", &address, &length) == 2) {
        struct decoded d;
        const unsigned char *at = file + (address - distance);
        unsigned waits = *at == 0x9b && length > 1;
        bool known = decode(at + waits, file + size, &d);
        count++;
        if (!known || d.length + waits != length) {
            differ++;
            fprintf(stderr, "%lx: %lu bytes, decoded %u\n", address, length, known ? d.length : 0);
        }
    }
    printf("%lu instructions, %lu differ\n", count, differ);
    return differ || count < 1000;
}

/* ---- functions ---- */

enum { MMAP = 9 };

#define FUNCTION(name, ...)                                             \
    __asm__(".pushsection .text\n"                                      \
            ".balign 16\n"                                              \
            ".globl " #name "\n" #name ": .cfi_startproc\n" __VA_ARGS__ \
            ".cfi_endproc\n.popsection\n");                             \
    extern const char name[]

#define CALL "mov $9, %eax\n syscall\n"
FUNCTION(plain, CALL "cmp $-4095, %rax\n jae 1f\n ret\n 1: neg %eax\n ret\n");
FUNCTION(first, CALL "ret\n");
FUNCTION(ends, "cmp $4, %edx\n je 1f\n" CALL "neg %eax\n 1: ret\n");
FUNCTION(again, "nop\n 1: " CALL "cmp $-4, %rax\n je 1b\n ret\n");
FUNCTION(again_compared, "1: " CALL "cmp $-4096, %rax\n je 1b\n ret\n");
FUNCTION(into, "je 1f + 2\n 1: " CALL "ret\n");
FUNCTION(into_comparison, "je 1f + 9\n 1: " CALL "cmp $-4095, %rax\n ret\n");
FUNCTION(begins, "nop\n" CALL "ret\n .byte 0xc7, 0xf8\n .long begins - . + 1\n ret\n");
FUNCTION(over, "mov $9, %eax\n je 1f\n mov $9, %eax\n 1: syscall\n ret\n");
FUNCTION(over_compared, "je 1f\n mov $9, %eax\n 1: syscall\n cmp $-4095, %rax\n ret\n");
FUNCTION(other_front, "mov $9, %eax\n mov %edi, %edi\n syscall\n ret\n");
FUNCTION(vector_before, "movq %rdi, %xmm0\n" CALL "movq %xmm0, %rdi\n ret\n");
FUNCTION(vector_after, "nop\n" CALL "movq %rdi, %xmm0\n ret\n");
FUNCTION(vector_back, "nop\n 1: " CALL "movq %rdi, %xmm0\n jne 1b\n ret\n");
FUNCTION(vector_aside, "cmp $4, %edx\n je 1f\n" CALL "ret\n 1: movq %rdi, %xmm0\n ret\n");
FUNCTION(lock_first, "cmp $4, %edx\n je 2f\n 1:" CALL "je 3f\n ret\n 2: call away\n jmp 1b\n"
                     "3: movq %rdi, %xmm0\n ret\n");
FUNCTION(table, "nop\n" CALL "jmp *%rax\n");
FUNCTION(unknown, "nop\n" CALL ".byte 0x06\n ret\n");
FUNCTION(leaves, "je plain\n" CALL "ret\n");
FUNCTION(cold_target, "jmp 1f\n 2:" CALL "1: jmp away\n .globl inside\n inside = 2b + 3\n");
FUNCTION(away, "nop\n jmp inside\n");
FUNCTION(cold_vector, "nop\n 1:" CALL "jmp behind\n .globl home\n home = 1b\n");
FUNCTION(behind, "movq %rdi, %xmm0\n jmp home\n");
FUNCTION(round_trip, "nop\n 1:" CALL "movq %rdi, %xmm0\n jmp trip\n .globl base\n base = 1b\n");
FUNCTION(trip, "nop\n jmp base\n");
FUNCTION(cold_ends, "nop\n" CALL "jmp last\n");
FUNCTION(last, "movq %rdi, %xmm0\n ret\n");
FUNCTION(any, "mov %rdi, %rax\n mov 8(%rsp), %r9\n syscall\n cmp $-4095, %rax\n ret\n");
FUNCTION(any_alone, "mov %rdi, %rax\n mov 8(%rsp), %r9\n syscall\n ret\n");
FUNCTION(none, "mov $10, %eax\n syscall\n ret\n");

static struct module self;
static const unsigned char wanted[16] = { [MMAP] = 1 };

/* How many sites it has, and whether all fit. */
static size_t sites(const char *function, bool with_any, bool *fit)
{
    struct site found[4];
    struct site_wish wish = { wanted, sizeof wanted, with_any };
    size_t n = site_find(&self, (uintptr_t)function, &wish, found, 4);
    CHECK(n <= 4);
    *fit = true;
    for (size_t i = 0; i < n; i++)
        *fit &= found[i].fits;
    return n;
}

static void expect(const char *name, const char *function, bool with_any, size_t count, bool fits)
{
    bool fit;
    size_t n = sites(function, with_any, &fit);
    if (n != count || (n && fit != fits)) {
        fprintf(stderr, "%s has %zu sites, fit: %d\n", name, n, fit);
        exit(1);
    }
}

/* Without tables, the function ends at padding of 16 int3. */
#define PAD ".balign 16, 0xcc\n .fill 16, 1, 0xcc\n"
FUNCTION(go_any, "mov %rsi, %r10\n syscall\n cmp $-4095, %rax\n jbe 1f\n ret\n 1: ret\n" PAD);
FUNCTION(go_long, "mov 8(%rsp), %rdi\n .byte 0x48, 0xc7, 0xc0, 9, 0, 0, 0\n syscall\n"
                  "mov %eax, 32(%rsp)\n ret\n" PAD);
FUNCTION(go_long_over, "je 1f\n .byte 0x48, 0xc7, 0xc0, 9, 0, 0, 0\n 1: syscall\n ret\n" PAD);
FUNCTION(go_long_into, "je 1f + 5\n 1: .byte 0x48, 0xc7, 0xc0, 9, 0, 0, 0\n syscall\n ret\n" PAD);
FUNCTION(go_vector, "movq %rdi, %xmm0\n" CALL "movq %xmm0, %rdi\n ret\n" PAD);
FUNCTION(go_table, "nop\n" CALL "jmp *%rax\n" PAD);
FUNCTION(go_unknown, "nop\n" CALL ".byte 0x06\n ret\n" PAD);
FUNCTION(go_two, "nop\n" CALL "cmp $-4095, %rax\n ret\n nop\n" CALL "ret\n" PAD);

static void expect_without(const char *name, const char *function, size_t count, bool fits)
{
    struct site found[4];
    struct site_wish wish = { wanted, sizeof wanted, true };
    const char *end = function;
    while (memcmp(end, "\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc", 16) != 0)
        end++;
    size_t n = site_find_in((uintptr_t)function, (uintptr_t)end, &wish, found, 4);
    bool fit = true;
    for (size_t i = 0; i < n && i < 4; i++)
        fit &= found[i].fits && found[i].caller == 0 && found[i].back > found[i].from;
    if (n != count || (n && fit != fits)) {
        fprintf(stderr, "%s has %zu sites without tables, fit: %d\n", name, n, fit);
        exit(1);
    }
}

static void try_without_tables(void)
{
#define EXPECT_WITHOUT(function, ...) expect_without(#function, function, __VA_ARGS__)
    EXPECT_WITHOUT(go_any, 1, true);
    EXPECT_WITHOUT(go_long, 1, true);
    EXPECT_WITHOUT(go_long_over, 1, false);
    EXPECT_WITHOUT(go_long_into, 1, false);
    EXPECT_WITHOUT(go_vector, 1, true);
    EXPECT_WITHOUT(go_table, 1, false);
    EXPECT_WITHOUT(go_unknown, 0, false);
    EXPECT_WITHOUT(go_two, 2, true);
}

static int try_functions(void)
{
    try_without_tables();
#define EXPECT(function, ...) expect(#function, function, __VA_ARGS__)
    EXPECT(plain, false, 1, true);
    EXPECT(first, false, 1, false);
    EXPECT(ends, false, 1, true);
    EXPECT(again, false, 1, true);
    EXPECT(again_compared, false, 1, true);
    EXPECT(into, false, 1, false);
    EXPECT(into_comparison, false, 1, false);
    EXPECT(begins, false, 1, false);
    EXPECT(over, false, 1, false);
    EXPECT(over_compared, false, 1, false);
    EXPECT(other_front, false, 0, false);
    EXPECT(other_front, true, 1, false);
    EXPECT(vector_before, false, 1, false);
    EXPECT(vector_after, false, 1, true);
    EXPECT(vector_back, false, 1, false);
    EXPECT(vector_aside, false, 1, true);
    EXPECT(lock_first, false, 1, true);
    EXPECT(table, false, 1, false);
    EXPECT(unknown, false, 1, false);
    EXPECT(leaves, false, 1, true);
    EXPECT(cold_target, false, 1, false);
    EXPECT(cold_vector, false, 1, false);
    EXPECT(round_trip, false, 1, false);
    EXPECT(cold_ends, false, 1, true);
    EXPECT(any, true, 1, true);
    EXPECT(any, false, 0, false);
    EXPECT(any_alone, true, 1, false);
    EXPECT(none, false, 0, false);
    EXPECT(none, true, 0, false);
    return 0;
}

/* An address outside of the module has no function. */
static int try_outside(void)
{
    bool fit;
    CHECK(sites((const char *)self.end, false, &fit) == 1 && !fit);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "decode") == 0)
        return compare(argv[2], strtoul(argv[3], NULL, 16));
    module_start();
    CHECK(module_find((uintptr_t)plain, &self));
    return try_functions() || try_outside();
}

#else

int main(void)
{
    return 77;
}

#endif
