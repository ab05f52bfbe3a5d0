/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * reach: see reach.h.
 *
 * From a command line to the file that the kernel loads, it goes as execvp(3) and
 * fs/binfmt_script.c do. Whether LD_PRELOAD brings the library in follows ld.so(8).
 */
#define _GNU_SOURCE
#include <config.h>

#include "command/lib/reach.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "command/lib/print.h"

/* ---- where the library is ---- */

#define LIBRARY "libmapherd.so"

static bool is_there(const char *candidate, char *path, size_t size)
{
    char real[PATH_MAX];
    if (!realpath(candidate, real) || access(real, R_OK) != 0 || strlen(real) >= size)
        return false;
    strcpy(path, real);
    return true;
}

/* The relative path from BINDIR to PKGLIBDIR: "../lib/mapherd". */
static void walk_to_library(char *walk, size_t size)
{
    const char *from = BINDIR, *to = PKGLIBDIR;
    size_t common = 0, len = 0;
    for (size_t i = 0; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            common = i + 1;
    walk[0] = '\0';
    if (from[common])
        len += (size_t)snprintf(walk, size, "../");
    for (const char *c = from + common; *c; c++)
        if (*c == '/')
            len += (size_t)snprintf(walk + len, size - len, "../");
    snprintf(walk + len, size - len, "%s", to + common);
}

const char *library_locate(char *path, size_t size)
{
    static char why[PATH_MAX + 100];
    char self[PATH_MAX], walk[PATH_MAX], candidate[3 * PATH_MAX];
    const char *given = getenv("MAPHERD_LIBRARY");
    if (given && *given) {
        snprintf(why, sizeof why, "MAPHERD_LIBRARY names %s, which cannot be read", given);
        return is_there(given, path, size) ? NULL : why;
    }
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = len > 0 ? memrchr(self, '/', (size_t)len) : NULL;
    if (slash) {
        *slash = '\0';
        walk_to_library(walk, sizeof walk);
        snprintf(candidate, sizeof candidate, "%s/%s/" LIBRARY, self, walk);
        if (is_there(candidate, path, size))
            return NULL;
        snprintf(candidate, sizeof candidate, "%s/.libs/" LIBRARY, self);
        if (is_there(candidate, path, size))
            return NULL;
    }
    if (is_there(PKGLIBDIR "/" LIBRARY, path, size))
        return NULL;
    return LIBRARY " is neither beside this command nor in " PKGLIBDIR
                   "; name it in MAPHERD_LIBRARY";
}

/* ---- ELF files ---- */

/* What a program's file says about how it will be loaded (elf(5)). */
struct elf {
    bool is_elf;
    int bits; /* 32 or 64; 0 if neither */
    bool little_endian;
    unsigned machine; /* EM_* */
    /* Read only if the file is of this command's own kind: */
    char loader[256]; /* PT_INTERP: the dynamic loader's path; "" if there is none */
    bool needs;       /* DT_NEEDED: it is linked with a library */
    bool go;          /* the note of Go's linker, with the id of the build */
    bool table;       /* PT_PHDR: a running program finds its parts by it */
    bool own_threads; /* PT_TLS with more than the word that Go has there: libc's */
};

#define HEADERS_MOST 256 /* program headers looked at: a real file has about a dozen */

static bool read_at(int fd, void *into, size_t len, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, into, len, (off_t)offset) == (ssize_t)len;
}

static void read_path_of_loader(int fd, const Elf64_Phdr *part, struct elf *e)
{
    if (part->p_filesz == 0 || part->p_filesz > sizeof e->loader ||
        !read_at(fd, e->loader, part->p_filesz, part->p_offset))
        e->loader[0] = '\0';
    e->loader[sizeof e->loader - 1] = '\0';
}

static bool has_needed(int fd, const Elf64_Phdr *part)
{
    enum { MOST = 1000 };
    Elf64_Dyn entry = { .d_tag = DT_NULL };
    for (uint64_t n = 0; n < MOST && n < part->p_filesz / sizeof entry; n++) {
        if (!read_at(fd, &entry, sizeof entry, part->p_offset + n * sizeof entry) ||
            entry.d_tag == DT_NULL)
            return false;
        if (entry.d_tag == DT_NEEDED)
            return true;
    }
    return false;
}

/* A part may hold several notes. */
static bool has_note_of_go(int fd, const Elf64_Phdr *part)
{
    enum { BUILD_ID = 4, MOST = 100 }; /* cmd/link/internal/ld/elf.go */
    static const char name[4] = "Go";
    struct {
        Elf64_Nhdr head;
        char name[sizeof name];
    } note;
    uint64_t at = part->p_offset, end = at + part->p_filesz;
    for (unsigned n = 0; n < MOST && at < end && read_at(fd, &note, sizeof note, at); n++) {
        if (note.head.n_type == BUILD_ID && note.head.n_namesz == sizeof name &&
            memcmp(note.name, name, sizeof name) == 0)
            return true;
        at += sizeof note.head + ((uint64_t)note.head.n_namesz + 3) / 4 * 4 +
              ((uint64_t)note.head.n_descsz + 3) / 4 * 4;
    }
    return false;
}

static void read_parts(int fd, struct elf *e)
{
    Elf64_Ehdr head;
    if (!read_at(fd, &head, sizeof head, 0) || head.e_phentsize != sizeof(Elf64_Phdr))
        return;
    for (unsigned n = 0; n < head.e_phnum && n < HEADERS_MOST; n++) {
        Elf64_Phdr part;
        if (!read_at(fd, &part, sizeof part, head.e_phoff + n * sizeof part))
            return;
        if (part.p_type == PT_INTERP)
            read_path_of_loader(fd, &part, e);
        else if (part.p_type == PT_DYNAMIC)
            e->needs = has_needed(fd, &part);
        else if (part.p_type == PT_NOTE)
            e->go |= has_note_of_go(fd, &part);
        else if (part.p_type == PT_TLS)
            e->own_threads = part.p_memsz > sizeof(uint64_t);
        e->table |= part.p_type == PT_PHDR;
    }
}

/* Reads the head of the file. A file that is cut off or makes no sense is not ELF. */
static void elf_read(int fd, struct elf *e)
{
    /* The fields before e_version lie at the same places in both word sizes. */
    Elf32_Ehdr head;
    memset(e, 0, sizeof *e);
    if (!read_at(fd, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return;
    e->is_elf = true;
    e->bits = head.e_ident[EI_CLASS] == ELFCLASS64   ? 64
              : head.e_ident[EI_CLASS] == ELFCLASS32 ? 32
                                                     : 0;
    e->little_endian = head.e_ident[EI_DATA] == ELFDATA2LSB;
    e->machine = e->little_endian ? le16toh(head.e_machine) : be16toh(head.e_machine);
    if (e->bits == 64 && e->little_endian == (BYTE_ORDER == LITTLE_ENDIAN))
        read_parts(fd, e);
}

/* Whether both are for the same word size, byte order and machine. */
static bool elf_same_kind(const struct elf *a, const struct elf *b)
{
    return a->bits == b->bits && a->little_endian == b->little_endian && a->machine == b->machine;
}

/* "x86-64", "aarch64", ... or "machine 8". Valid until the next call. */
static const char *elf_machine(const struct elf *e)
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

/* ---- programs, and whether the library gets into them ---- */

#define SCRIPT_HEAD 256 /* the kernel's BINPRM_BUF_SIZE: it reads no more of a #! line */
#define SCRIPT_DEPTH 5  /* scripts whose interpreter is a script; more is ELOOP */

static bool is_startable(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || access(path, X_OK) != 0)
        return false;
    errno = EACCES;
    return S_ISREG(st.st_mode);
}

int program_find(const char *name, char path[PATH_MAX])
{
    const char *dirs = getenv("PATH");
    int error = ENOENT;
    if (strchr(name, '/')) {
        if (strlen(name) >= PATH_MAX)
            return ENAMETOOLONG;
        strcpy(path, name);
        return is_startable(path) ? 0 : errno;
    }
    if (!*name)
        return ENOENT;
    for (const char *dir = dirs ? dirs : "/bin:/usr/bin"; dir;) {
        int len = (int)strcspn(dir, ":");
        int wanted = snprintf(path, PATH_MAX, "%.*s%s%s", len, dir, len ? "/" : "", name);
        if (wanted < PATH_MAX && is_startable(path))
            return 0;
        if (wanted < PATH_MAX && errno == EACCES)
            error = EACCES;
        dir = dir[len] ? dir + len + 1 : NULL;
    }
    return error;
}

struct judge {
    struct elf library;
    int depth;
    char *why;
    size_t why_size;
};

static enum reach look(struct judge *j, const char *path);

/* Writes the reason to why. For another program than the one that the user named, its path comes
 * first. */
static void say_why(struct judge *j, const char *path, const char *text)
{
    if (j->depth)
        snprintf(j->why, j->why_size, "its interpreter %s %s", path, text);
    else
        snprintf(j->why, j->why_size, "it %s", text);
}

/*
 * ld.so ignores LD_PRELOAD where the kernel sets AT_SECURE (security/commoncap.c): where a program
 * runs as another user or group than its caller, or has capabilities and the caller is not root.
 */
static const char *secure_reason(int fd, const struct stat *st)
{
    struct statvfs fs;
    if ((fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOSUID) ||
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return NULL;
    if (st->st_mode & S_ISUID && st->st_uid != getuid())
        return "is setuid, and for such programs the system ignores preloaded libraries";
    if (st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getgid())
        return "is setgid, and for such programs the system ignores preloaded libraries";
    if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return "has file capabilities, and for such programs the system ignores preloaded libraries";
    return NULL;
}

/* The library redirects the calls of Go code on x86-64, but not beside musl (sites/go.h). */
static bool go_is_reached(const struct elf *e)
{
    return e->machine == EM_X86_64 && !strstr(e->loader, "ld-musl");
}

/* A static program in Go, without libc. */
static bool is_placeable(const struct elf *e)
{
    return !e->loader[0] && e->go && go_is_reached(e) && e->table && !e->own_threads;
}

static enum reach judge_elf(struct judge *j, const char *path, int fd, const struct elf *e)
{
    char text[400];
    struct stat st;
    if (!elf_same_kind(e, &j->library)) {
        snprintf(text, sizeof text, "is a %d-bit program for %s", e->bits, elf_machine(e));
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, ", the library is %d-bit for %s", j->library.bits,
                 elf_machine(&j->library));
        say_why(j, path, text);
        return REACH_NO;
    }
    const char *secure = fstat(fd, &st) == 0 ? secure_reason(fd, &st) : NULL;
    if (secure) {
        say_why(j, path, secure);
        return REACH_NO;
    }
    /* `ld-linux.so.2 PROGRAM` preloads too, and so does musl's. */
    bool is_loader =
        strncmp(base_name(path), "ld-linux", 8) == 0 || strncmp(base_name(path), "ld-musl", 7) == 0;
    if (is_placeable(e) &&
        (st.st_mode & (S_ISUID | S_ISGID) || fgetxattr(fd, "security.capability", NULL, 0) > 0)) {
        say_why(j, path, "has rights of its own, which it would lose where it is traced");
        return REACH_CHILDREN;
    }
    if (is_placeable(e))
        return REACH_PLACED;
    if (!e->loader[0] && !is_loader) {
        say_why(j, path, "is statically linked, and only the dynamic loader preloads libraries");
        return REACH_CHILDREN;
    }
    if (e->go && go_is_reached(e))
        return REACH_YES;
    if (e->go && !e->needs) {
        say_why(j, path, "is a Go program that makes its system calls without libc");
        return REACH_CHILDREN;
    }
    if (e->go) {
        say_why(j, path, "is a Go program, and Go code makes its system calls without libc");
        return REACH_PARTLY;
    }
    return REACH_YES;
}

/* The next word of a #! line, cut off with NUL; NULL at its end. */
static char *next_word(char **line)
{
    char *word = *line + strspn(*line, " \t");
    size_t len = strcspn(word, " \t");
    *line = word + len + (word[len] != '\0');
    word[len] = '\0';
    return len ? word : NULL;
}

/* env is what exec starts, so nothing is placed in what it becomes. */
static enum reach look_through_env(struct judge *j, const char *path)
{
    enum reach reach = look(j, path);
    if (reach != REACH_PLACED)
        return reach;
    say_why(j, path, "is statically linked, and env starts it");
    return REACH_CHILDREN;
}

/* In `#!/usr/bin/env NAME`, NAME is the program that counts. */
static enum reach look_behind_env(struct judge *j, char *words)
{
    char path[PATH_MAX];
    char *word;
    while ((word = next_word(&words)))
        if (word[0] != '-' && !strchr(word, '='))
            return program_find(word, path) == 0 ? look_through_env(j, path) : REACH_YES;
    return REACH_YES;
}

static enum reach look_at_script(struct judge *j, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *interpreter = next_word(&line);
    if (!interpreter)
        return look(j, "/bin/sh");
    enum reach reach = look(j, interpreter);
    const char *base = strrchr(interpreter, '/');
    if (reach == REACH_YES && base && strcmp(base, "/env") == 0)
        return look_behind_env(j, line);
    return reach;
}

static enum reach look_inside(struct judge *j, const char *path, int fd)
{
    char head[SCRIPT_HEAD + 1] = { 0 };
    struct elf e;
    elf_read(fd, &e);
    if (e.is_elf)
        return judge_elf(j, path, fd, &e);
    ssize_t len = pread(fd, head, SCRIPT_HEAD, 0);
    if (j->depth++ == SCRIPT_DEPTH || len < 0)
        return REACH_YES; /* the kernel will say what is wrong */
    if (strncmp(head, "#!", 2) == 0)
        return look_at_script(j, head + 2);
    return look(j, "/bin/sh"); /* as execvp does */
}

/* A file that cannot be read may be startable all the same. LD_PRELOAD does no harm there. */
static enum reach look(struct judge *j, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return REACH_YES;
    enum reach reach = look_inside(j, path, fd);
    close(fd);
    return reach;
}

enum reach program_reach(const char *path, const char *library, char *why, size_t why_size)
{
    struct judge j = { .why = why, .why_size = why_size };
    why[0] = '\0';
    int fd = open(library, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        elf_read(fd, &j.library);
        close(fd);
    }
    if (!j.library.is_elf) {
        snprintf(why, why_size, "%s is not a library", library);
        return REACH_NO;
    }
    return look(&j, path);
}

const char *program_of(int pid, char path[PATH_OF_PROGRAM])
{
    snprintf(path, PATH_OF_PROGRAM, "/proc/%d/exe", pid);
    return path;
}

bool program_is_go(const char *path)
{
    struct elf e;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    elf_read(fd, &e);
    close(fd);
    return e.is_elf && e.go && go_is_reached(&e);
}
