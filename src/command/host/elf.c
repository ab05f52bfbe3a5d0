/*
 * elf: a reader of the head of an ELF file. The file may be anything: every offset is checked by
 * the read itself.
 */
#define _GNU_SOURCE
#include "command/host/elf.h"

#include <elf.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MOST 256 /* program headers looked at: a real file has about a dozen */

static bool read_at(int fd, void *into, size_t len, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, into, len, (off_t)offset) == (ssize_t)len;
}

static void read_loader(int fd, struct elf *e)
{
    Elf64_Ehdr head;
    if (!read_at(fd, &head, sizeof head, 0) || head.e_phentsize != sizeof(Elf64_Phdr))
        return;
    for (unsigned n = 0; n < head.e_phnum && n < HEADERS_MOST; n++) {
        Elf64_Phdr part;
        if (!read_at(fd, &part, sizeof part, head.e_phoff + n * sizeof part))
            return;
        if (part.p_type != PT_INTERP)
            continue;
        if (part.p_filesz == 0 || part.p_filesz > sizeof e->loader ||
            !read_at(fd, e->loader, part.p_filesz, part.p_offset))
            e->loader[0] = '\0';
        e->loader[sizeof e->loader - 1] = '\0';
        return;
    }
}

void elf_read(int fd, struct elf *e)
{
    /* What stands before e_version is laid out alike in both word sizes. */
    Elf32_Ehdr head;
    memset(e, 0, sizeof *e);
    if (!read_at(fd, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return;
    e->is_elf = true;
    e->bits = head.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : head.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 0;
    e->little_endian = head.e_ident[EI_DATA] == ELFDATA2LSB;
    e->machine = e->little_endian ? le16toh(head.e_machine) : be16toh(head.e_machine);
    if (e->bits == 64 && e->little_endian == (BYTE_ORDER == LITTLE_ENDIAN))
        read_loader(fd, e);
}

bool elf_same_kind(const struct elf *a, const struct elf *b)
{
    return a->bits == b->bits && a->little_endian == b->little_endian && a->machine == b->machine;
}

const char *elf_machine(const struct elf *e)
{
    static char number[24];
    switch (e->machine) {
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "aarch64";
    case EM_386: return "x86";
    case EM_ARM: return "arm";
    case EM_RISCV: return "riscv";
    case EM_PPC64: return "ppc64";
    case EM_S390: return "s390";
    }
    snprintf(number, sizeof number, "machine %u", e->machine);
    return number;
}
