/*
 * peek: finds an exported symbol in another process and reads what is there.
 *
 * All of it is read from the process's memory, not from the library's file: the file may have been
 * replaced since, or lie in another mount namespace. The process may hold anything there: each
 * read is bounded, each loop too, and what does not fit is "not a mapherd library".
 */
#define _GNU_SOURCE
#include "command/watch/peek.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PARTS_MOST = 64, DYNAMIC_MOST = 256, CHAIN_MOST = 4096 };

static const char symbol_name[] = "mapherd_status_block";

bool peek_is_library(const struct procmap *m)
{
    static const char name[] = "/libmapherd.so";
    const char *found = strstr(m->path, name);
    const char *behind = found ? found + sizeof name - 1 : NULL;
    return found && (!*behind || strcmp(behind, " (deleted)") == 0);
}

/* A library in another process. */
struct image {
    int memory; /* /proc/PID/mem */
    uint64_t base;
    uint64_t symbols, strings, hash; /* addresses of its dynamic tables */
};

static bool read_at(const struct image *im, uint64_t at, void *into, size_t len)
{
    return at <= INT64_MAX && pread(im->memory, into, len, (off_t)at) == (ssize_t)len;
}

/* ld.so has added the base to the addresses of some tables, not of all. */
static uint64_t absolute(const struct image *im, uint64_t address)
{
    return address < im->base ? im->base + address : address;
}

static bool read_dynamic(struct image *im, uint64_t at)
{
    for (int n = 0; n < DYNAMIC_MOST; n++) {
        Elf64_Dyn entry;
        if (!read_at(im, at + (uint64_t)n * sizeof entry, &entry, sizeof entry))
            return false;
        switch (entry.d_tag) {
        case DT_NULL: return im->symbols && im->strings && im->hash;
        case DT_SYMTAB: im->symbols = absolute(im, entry.d_un.d_ptr); break;
        case DT_STRTAB: im->strings = absolute(im, entry.d_un.d_ptr); break;
        case DT_GNU_HASH: im->hash = absolute(im, entry.d_un.d_ptr); break;
        }
    }
    return false;
}

static bool find_tables(struct image *im)
{
    Elf64_Ehdr head;
    if (!read_at(im, im->base, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    for (int n = 0; n < head.e_phnum && n < PARTS_MOST; n++) {
        Elf64_Phdr part;
        if (!read_at(im, im->base + head.e_phoff + (uint64_t)n * sizeof part, &part, sizeof part))
            return false;
        if (part.p_type == PT_DYNAMIC)
            return read_dynamic(im, im->base + part.p_vaddr);
    }
    return false;
}

static bool is_wanted(const struct image *im, uint32_t index, uint64_t *address)
{
    Elf64_Sym symbol;
    char name[sizeof symbol_name];
    if (!read_at(im, im->symbols + (uint64_t)index * sizeof symbol, &symbol, sizeof symbol) ||
        !read_at(im, im->strings + symbol.st_name, name, sizeof name) ||
        memcmp(name, symbol_name, sizeof name) != 0)
        return false;
    *address = im->base + symbol.st_value;
    return symbol.st_shndx != SHN_UNDEF;
}

/* The dynamic loader's own look-up, by DT_GNU_HASH. */
static bool find_symbol(const struct image *im, uint64_t *address)
{
    struct {
        uint32_t buckets, first, bloom_words, bloom_shift;
    } table;
    uint32_t wanted = 5381, index, hash;
    for (const char *c = symbol_name; *c; c++)
        wanted = wanted * 33 + (unsigned char)*c;
    if (!read_at(im, im->hash, &table, sizeof table) || !table.buckets)
        return false;
    uint64_t buckets = im->hash + sizeof table + (uint64_t)table.bloom_words * 8;
    uint64_t chains = buckets + (uint64_t)table.buckets * 4;
    if (!read_at(im, buckets + (uint64_t)(wanted % table.buckets) * 4, &index, sizeof index))
        return false;
    for (int n = 0; n < CHAIN_MOST && index >= table.first; n++, index++) {
        if (!read_at(im, chains + (uint64_t)(index - table.first) * 4, &hash, sizeof hash))
            return false;
        if ((hash | 1) == (wanted | 1) && is_wanted(im, index, address))
            return true;
        if (hash & 1)
            return false;
    }
    return false;
}

static const char *read_block(const struct image *im, struct mapherd_status *status)
{
    static const char foreign[] = "what is loaded there is not this mapherd's library";
    const size_t head = offsetof(struct mapherd_status, state);
    uint64_t at;
    memset(status, 0, sizeof *status);
    if (!find_symbol(im, &at) || !read_at(im, at, status, head))
        return foreign;
    if (status->magic == 0)
        return "the library has not started yet";
    if (status->magic != MAPHERD_STATUS_MAGIC || status->size < head)
        return foreign;
    if (status->version != MAPHERD_STATUS_VERSION)
        return "its library is of another version than this command";
    size_t len = status->size < sizeof *status ? status->size : sizeof *status;
    return read_at(im, at, status, len) ? NULL : foreign;
}

const char *peek_status(pid_t pid, uint64_t base, struct mapherd_status *status)
{
    struct image im = { .base = base };
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    im.memory = open(path, O_RDONLY | O_CLOEXEC);
    if (im.memory < 0)
        return errno == EACCES || errno == EPERM
                   ? "its memory may not be read; that takes its user or CAP_SYS_PTRACE"
                   : strerror(errno);
    const char *why = find_tables(&im) ? read_block(&im, status)
                                       : "what is loaded there is not a mapherd library";
    close(im.memory);
    return why;
}
