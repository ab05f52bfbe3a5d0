/*
 * elf: what a program's file says about how it will be loaded (elf(5)).
 */
#ifndef MAPHERD_ELF_H
#define MAPHERD_ELF_H

#include <stdbool.h>

struct elf {
    bool is_elf;
    int bits;          /* 32 or 64; 0 if neither */
    bool little_endian;
    unsigned machine;  /* EM_* */
    char loader[256];  /* PT_INTERP: the dynamic loader's path; "" if there is none. Read only if
                          the file is of this command's own kind. */
};

/* Reads the file's head; what is cut off or nonsense is not ELF. */
void elf_read(int fd, struct elf *e);

/* True if both are for the same word size, byte order and machine. */
bool elf_same_kind(const struct elf *a, const struct elf *b);

/* "x86-64", "aarch64", ... or "machine 8". Valid until the next call. */
const char *elf_machine(const struct elf *e);

#endif
