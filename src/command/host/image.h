/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * image: the library as a loader would have it in memory, for a program that has no loader.
 *
 * The library is linked with no other and all that it imports is weak, so a loader has little to do
 * (System V gABI and its supplement for x86-64): it maps the segments, adds the base to addresses,
 * and gives NULL to what is imported.
 */
#ifndef MAPHERD_COMMAND_IMAGE_H
#define MAPHERD_COMMAND_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_SEGMENTS = 8 };

struct image {
    unsigned char *file; /* the whole file */
    size_t file_size;
    uint64_t span; /* bytes of address space, whole pages */
    uint64_t entry;
    Elf64_Phdr segment[IMAGE_SEGMENTS]; /* of PT_LOAD */
    unsigned segments;
    Elf64_Phdr relro; /* p_memsz is 0 if there is none */
    Elf64_Phdr tls;
    Elf64_Dyn *dynamic;
    size_t dynamic_count;
};

/* Reads the file. Returns NULL, or a sentence that says what is wrong with it. image_free frees. */
const char *image_read(struct image *image, const char *path);
void image_free(struct image *image);

/*
 * Applies the relocations to the image for that base. Thread-local variables end 16 bytes below the
 * thread pointer. Returns NULL, or a sentence. The image is for that base alone then.
 */
const char *image_relocate(struct image *image, uint64_t base);

#endif
