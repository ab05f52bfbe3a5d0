/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * image: see image.h.
 */
#define _GNU_SOURCE
#include "command/host/image.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

static const char broken[] = "the library's file is damaged";
static const char unknown[] = "the library was linked in a way that only a loader can load";

/* The bytes at an address of the file; NULL if they are not in it. */
static void *at_address(const struct image *image, uint64_t address, uint64_t len)
{
    for (unsigned n = 0; n < image->segments; n++) {
        const Elf64_Phdr *s = image->segment + n;
        if (address >= s->p_vaddr && len <= s->p_filesz &&
            address - s->p_vaddr <= s->p_filesz - len)
            return image->file + s->p_offset + (address - s->p_vaddr);
    }
    return NULL;
}

static bool is_inside(const struct image *image, const Elf64_Phdr *part)
{
    return part->p_offset <= image->file_size &&
           part->p_filesz <= image->file_size - part->p_offset;
}

static const char *take_part(struct image *image, const Elf64_Phdr *part)
{
    if (!is_inside(image, part))
        return broken;
    switch (part->p_type) {
    case PT_LOAD:
        if (image->segments == IMAGE_SEGMENTS || part->p_offset % PAGE != part->p_vaddr % PAGE)
            return unknown;
        image->segment[image->segments++] = *part;
        image->span = (part->p_vaddr + part->p_memsz + PAGE - 1) & -(uint64_t)PAGE;
        break;
    case PT_DYNAMIC:
        image->dynamic = (void *)(image->file + part->p_offset);
        image->dynamic_count = part->p_filesz / sizeof(Elf64_Dyn);
        break;
    case PT_GNU_RELRO: image->relro = *part; break;
    case PT_TLS: image->tls = *part; break;
    }
    return NULL;
}

static const char *read_parts(struct image *image)
{
    const Elf64_Ehdr *head = (const void *)image->file;
    const char *wrong = NULL;
    if (image->file_size < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_machine != EM_X86_64 || head->e_phentsize != sizeof(Elf64_Phdr) ||
        head->e_phoff > image->file_size ||
        head->e_phnum > (image->file_size - head->e_phoff) / sizeof(Elf64_Phdr))
        return broken;
    image->entry = head->e_entry;
    const Elf64_Phdr *part = (const void *)(image->file + head->e_phoff);
    for (unsigned n = 0; n < head->e_phnum && !wrong; n++)
        wrong = take_part(image, part + n);
    if (!wrong && (!image->segments || !image->dynamic || !image->entry))
        return unknown;
    return wrong;
}

static bool read_whole(int fd, struct image *image)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(image->file = malloc((size_t)st.st_size)))
        return false;
    image->file_size = (size_t)st.st_size;
    return pread(fd, image->file, image->file_size, 0) == st.st_size;
}

const char *image_read(struct image *image, const char *path)
{
    *image = (struct image){ .file = NULL };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && read_whole(fd, image);
    if (fd >= 0)
        close(fd);
    return read ? read_parts(image) : "the library's file cannot be read";
}

void image_free(struct image *image)
{
    free(image->file);
}

/* ---- relocations ---- */

static uint64_t entry_of(const struct image *image, int64_t tag)
{
    for (size_t n = 0; n < image->dynamic_count && image->dynamic[n].d_tag != DT_NULL; n++)
        if (image->dynamic[n].d_tag == tag)
            return image->dynamic[n].d_un.d_ptr;
    return 0;
}

/* Of thread-local variables: the address in their segment is an offset from the start. */
static uint64_t from_thread_pointer(const struct image *image)
{
    enum { LEFT_FREE = 16 };
    uint64_t align = image->tls.p_align ? image->tls.p_align : 1;
    return -(((image->tls.p_memsz + align - 1) & -align) + LEFT_FREE);
}

static const char *relocate(struct image *image, uint64_t base, const Elf64_Rela *r,
                            const Elf64_Sym *symbol)
{
    uint64_t *place = at_address(image, r->r_offset, sizeof *place);
    uint64_t addend = (uint64_t)r->r_addend;
    uint64_t value = symbol->st_shndx == SHN_UNDEF ? 0 : base + symbol->st_value;
    if (!place)
        return broken;
    switch (ELF64_R_TYPE(r->r_info)) {
    case R_X86_64_RELATIVE: *place = base + addend; return NULL;
    case R_X86_64_64: *place = value + addend; return NULL;
    case R_X86_64_GLOB_DAT:
    case R_X86_64_JUMP_SLOT: *place = value; return NULL;
    case R_X86_64_TPOFF64:
        *place = from_thread_pointer(image) + symbol->st_value + addend;
        return NULL;
    default: return unknown;
    }
}

static const char *relocate_all(struct image *image, uint64_t base, uint64_t table, uint64_t size)
{
    const Elf64_Rela *r = at_address(image, table, size);
    const char *wrong = r || !size ? NULL : broken;
    for (uint64_t n = 0; n < size / sizeof *r && !wrong; n++) {
        uint64_t at = entry_of(image, DT_SYMTAB) + ELF64_R_SYM(r[n].r_info) * sizeof(Elf64_Sym);
        const Elf64_Sym *symbol = at_address(image, at, sizeof *symbol);
        wrong = symbol ? relocate(image, base, r + n, symbol) : broken;
    }
    return wrong;
}

const char *image_relocate(struct image *image, uint64_t base)
{
    enum { RELR = 36 }; /* DT_RELR: packed, which a build may ask for */
    if (entry_of(image, DT_NEEDED) || entry_of(image, RELR) || entry_of(image, DT_TEXTREL) ||
        image->tls.p_filesz)
        return unknown;
    const char *wrong =
        relocate_all(image, base, entry_of(image, DT_RELA), entry_of(image, DT_RELASZ));
    return wrong ? wrong
                 : relocate_all(image, base, entry_of(image, DT_JMPREL),
                                entry_of(image, DT_PLTRELSZ));
}
