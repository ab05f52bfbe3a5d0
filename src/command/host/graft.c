/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd graft: a copy of a static program that the kernel starts with the library.
 *
 * The kernel maps the file that PT_INTERP of a program names, and starts that (elf(5)). In a
 * dynamic program it is the loader. A static one has no such entry in its table of parts; the copy
 * has one in place of an entry that nothing needs at run time. The path lies behind the end of the
 * file.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/lib/enough.h"
#include "command/lib/reach.h"
#include "command/lib/verb.h"

/* Flags of the PaX kernel, which Go's linker writes. No header has a name for it. */
#define PAX_FLAGS 0x65041580

/* The whole file. */
struct copy {
    unsigned char *bytes;
    size_t size;
    mode_t mode;
};

static bool read_program(const char *path, struct copy *c)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool read_all = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (read_all) {
        c->size = (size_t)st.st_size;
        c->mode = st.st_mode & 0777; /* a setuid program has no graft: see program_reach */
        c->bytes = enough(malloc(c->size + PATH_MAX));
        for (size_t at = 0; at < c->size && read_all;) {
            ssize_t got = read(fd, c->bytes + at, c->size - at);
            read_all = got > 0;
            at += got > 0 ? (size_t)got : 0;
        }
    }
    if (!read_all)
        complain("%s: %s", path, errno ? strerror(errno) : "the file became shorter");
    if (fd >= 0)
        close(fd);
    return read_all;
}

/* The part that nothing needs; NULL if there is none. */
static Elf64_Phdr *find_spare(const struct copy *c)
{
    static const uint32_t types[] = { PAX_FLAGS, PT_NOTE };
    Elf64_Ehdr head;
    if (c->size < sizeof head)
        return NULL;
    memcpy(&head, c->bytes, sizeof head);
    Elf64_Phdr *part = (void *)(c->bytes + head.e_phoff);
    if (head.e_phoff % sizeof(uint64_t) || head.e_phoff > c->size ||
        head.e_phnum > (c->size - head.e_phoff) / sizeof *part)
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (unsigned n = 0; n < head.e_phnum; n++)
            if (part[n].p_type == types[i])
                return part + n;
    return NULL;
}

static bool name_library(struct copy *c, const char *library)
{
    Elf64_Phdr *spare = find_spare(c);
    size_t len = strlen(library) + 1;
    if (!spare)
        return false;
    *spare = (Elf64_Phdr){
        .p_type = PT_INTERP, .p_flags = PF_R, .p_offset = c->size, .p_filesz = len, .p_align = 1
    };
    spare->p_memsz = len;
    memcpy(c->bytes + c->size, library, len);
    c->size += len;
    return true;
}

static bool write_all(int fd, const struct copy *c)
{
    for (size_t at = 0; at < c->size;) {
        ssize_t wrote = write(fd, c->bytes + at, c->size - at);
        if (wrote < 0)
            return false;
        at += (size_t)wrote;
    }
    return fchmod(fd, c->mode) == 0 && fsync(fd) == 0;
}

/* The file is there whole or not at all. */
static bool write_copy(const char *path, const struct copy *c)
{
    char *made = enough_text("%s.XXXXXX", path);
    int fd = mkostemp(made, O_CLOEXEC);
    bool well = fd >= 0 && write_all(fd, c) && rename(made, path) == 0;
    if (!well)
        complain("%s: %s", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        if (!well)
            unlink(made);
    }
    free(made);
    return well;
}

/* Whether the kernel will start the copy: with a library that is here. */
static bool is_usable(const char *library)
{
    if (library[0] != '/') {
        complain("%s is not an absolute path, which the copy needs", library);
        return false;
    }
    if (strlen(library) >= PATH_MAX) {
        complain("the path of the library is longer than the kernel takes");
        return false;
    }
    if (access(library, F_OK) == 0 && access(library, X_OK) != 0) {
        complain("the kernel starts what the copy names only if it may be executed: chmod a+x %s",
                 library);
        return false;
    }
    return true;
}

static bool is_static_go(const char *program)
{
    char library[PATH_MAX], why[PATH_MAX + 200];
    const char *missing = library_locate(library, sizeof library);
    if (missing) {
        complain("%s", missing);
        return false;
    }
    enum reach reach = program_reach(program, library, why, sizeof why);
    if (reach == REACH_YES || reach == REACH_PARTLY)
        complain("%s needs no graft: the library gets into it by LD_PRELOAD", program);
    else if (reach != REACH_PLACED)
        complain("%s cannot have the library: it %s", program,
                 strncmp(why, "it ", 3) == 0 ? why + 3 : why);
    return reach == REACH_PLACED;
}

static int graft(int argc, char **argv)
{
    const char *out = NULL, *given = NULL;
    char found[PATH_MAX];
    struct copy copy = { NULL, 0, 0 };
    const struct flag flags[] = { { "o", NULL, &out },
                                  { "library", NULL, &given },
                                  { NULL, NULL, NULL } };
    if (verb_args(&verb_graft, flags, argc, argv) != 1)
        return misused(&verb_graft, "one program has to be named");
    if (!out)
        return misused(&verb_graft, "no file for the copy is named: -o FILE");
    if (access(argv[0], R_OK) != 0) {
        complain("%s: %s", argv[0], strerror(errno));
        return FAILED;
    }
    if (!is_static_go(argv[0]))
        return FAILED;
    if (!given && !library_locate(found, sizeof found))
        given = found;
    errno = 0;
    if (!given || !is_usable(given) || !read_program(argv[0], &copy))
        return FAILED;
    bool well = name_library(&copy, given);
    if (!well)
        complain("%s has no entry in its table of parts that could be spared", argv[0]);
    well = well && write_copy(out, &copy);
    free(copy.bytes);
    return well ? DONE : FAILED;
}

const struct verb verb_graft = {
    .name = "graft",
    .synopsis = "[--library PATH] -o FILE PROGRAM",
    .summary = "make a copy of a static Go program that has the library",
    .help =
        "For images, where 'mapherd run' cannot be the first to start. The copy names the library as\n"
        "what the kernel starts it with, as other programs name the loader. PROGRAM is not changed.\n"
        "Without the library the copy does not start.\n\n"
        "  -o FILE         where the copy is written\n"
        "  --library PATH  where the library will be, in an image; else it is the one of this machine.\n"
        "                  It has to be executable\n",
    .run = graft,
};
