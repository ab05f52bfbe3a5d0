/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * linked: see linked.h.
 */
#define _GNU_SOURCE
#include "common/linked.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/libc.h"

/* The tables of one library. */
struct tables {
    uintptr_t base;
    const ElfW(Sym) * symbols;
    const char *names;
    const uint16_t *versions;   /* NULL: it has none */
    const uint32_t *gnu, *sysv; /* the two kinds of hash table; one may be NULL */
};

/* What is looked for, in which libraries, and how far the search has come. */
struct search {
    const struct linked_name *names;
    size_t n, missing;
    bool (*counts)(struct search *, const struct dl_phdr_info *, const struct tables *);
    uintptr_t vdso;   /* its address; 0: there is none */
    uintptr_t inside; /* an address in the library that counts */
    bool behind;      /* this library has been passed */
};

static uintptr_t distance(uintptr_t a, uintptr_t b)
{
    return a < b ? b - a : a - b;
}

/* glibc puts addresses there for most libraries. musl leaves the file's own values. A table is in
 * the same library as the entry, so it is the one that is nearer. */
static const void *address(const ElfW(Dyn) * entry, uintptr_t base)
{
    uintptr_t value = entry->d_un.d_ptr, here = (uintptr_t)entry;
    bool moved = distance(base + value, here) < distance(value, here);
    return (const void *)(moved ? base + value : value);
}

/* entry: the first one of the dynamic section, or NULL. */
static bool read_section(uintptr_t base, const ElfW(Dyn) * entry, struct tables *t)
{
    *t = (struct tables){ .base = base };
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        const void *at = address(entry, base);
        switch (entry->d_tag) {
        case DT_SYMTAB: t->symbols = at; break;
        case DT_STRTAB: t->names = at; break;
        case DT_VERSYM: t->versions = at; break;
        case DT_GNU_HASH: t->gnu = at; break;
        case DT_HASH: t->sysv = at; break;
        }
    }
    return t->symbols && t->names;
}

static bool read_tables(const struct dl_phdr_info *info, struct tables *t)
{
    const ElfW(Dyn) *entry = NULL;
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    return read_section(info->dlpi_addr, entry, t);
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0;
    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        hash ^= hash >> 24 & 0xf0;
    }
    return hash & 0x0fffffff;
}

/* Assembly may leave a function without a type. The highest bit of a version's number says that it
 * is not the default one. */
static bool is_function(const struct tables *t, uint32_t n, const char *name)
{
    const ElfW(Sym) *symbol = t->symbols + n;
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_value &&
           (type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC) &&
           !(t->versions && t->versions[n] >> 15) && strcmp(t->names + symbol->st_name, name) == 0;
}

/* The table: the numbers of buckets, of the first symbol in it, of the filter's words, and a shift;
 * the filter; the buckets; a hash for each symbol, whose lowest bit ends its chain. */
static uint32_t find_gnu(const struct tables *t, const char *name, uint32_t hash)
{
    enum { BITS = 8 * sizeof(uintptr_t) };
    const uint32_t *head = t->gnu;
    if (!head[0] || !head[2]) /* an empty table */
        return 0;
    const uintptr_t *filter = (const uintptr_t *)(head + 4);
    const uint32_t *buckets = (const uint32_t *)(filter + head[2]), *chain = buckets + head[0];
    uintptr_t word = filter[hash / BITS % head[2]];
    if (!(word >> hash % BITS & word >> (hash >> head[3]) % BITS & 1))
        return 0;
    uint32_t n = buckets[hash % head[0]];
    if (n < head[1])
        return 0;
    for (;; n++) {
        uint32_t other = chain[n - head[1]];
        if ((other | 1) == (hash | 1) && is_function(t, n, name))
            return n;
        if (other & 1)
            return 0;
    }
}

/* The table: the numbers of buckets and of symbols, the buckets, the next of each symbol. */
static uint32_t find_sysv(const struct tables *t, const char *name)
{
    const uint32_t *head = t->sysv, *chain = head + 2 + head[0];
    if (!head[0])
        return 0;
    for (uint32_t n = head[2 + sysv_hash(name) % head[0]]; n; n = chain[n])
        if (is_function(t, n, name))
            return n;
    return 0;
}

/* Asks the library which function it is, as the loader does (sysdeps/ARCH/dl-irel.h). */
static uintptr_t ask(uintptr_t resolver)
{
#if defined(__aarch64__)
    const uint64_t capabilities[] = { 3 * sizeof(uint64_t), getauxval(AT_HWCAP),
                                      getauxval(AT_HWCAP2) };
    uint64_t has_second = 1ULL << 62;
    return ((uintptr_t(*)(uint64_t, const uint64_t *))resolver)(capabilities[1] | has_second,
                                                                capabilities);
#else
    return ((uintptr_t(*)(void))resolver)();
#endif
}

/* Returns the function, or NULL. Symbol 0 is none. */
static void *function_of(const struct tables *t, const char *name)
{
    uint32_t n = t->gnu ? find_gnu(t, name, gnu_hash(name)) : t->sysv ? find_sysv(t, name) : 0;
    if (!n)
        return NULL;
    const ElfW(Sym) *symbol = t->symbols + n;
    uintptr_t at = (symbol->st_shndx == SHN_ABS ? 0 : t->base) + symbol->st_value;
    return (void *)(ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC ? ask(at) : at);
}

/* ---- the list of what is loaded ---- */

typedef int visitor(struct dl_phdr_info *, size_t, void *);
typedef int iterate_function(visitor *, void *);

/* The list that the loader keeps for debuggers, by the entry DT_DEBUG of the program. NULL: the
 * program has none, or the loader was started as the program. */
static const struct link_map *find_list(void)
{
    const ElfW(Phdr) *part = (const void *)getauxval(AT_PHDR), *end = part + getauxval(AT_PHNUM);
    const ElfW(Dyn) *entry = NULL;
    uintptr_t base = 0;
    bool known = false;
    for (; part < end; part++) {
        if (part->p_type == PT_PHDR) { /* it comes before the others */
            base = getauxval(AT_PHDR) - part->p_vaddr;
            known = true;
        } else if (part->p_type == PT_DYNAMIC && known) {
            entry = (const void *)(base + part->p_vaddr);
        }
    }
    for (; entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_DEBUG && entry->d_un.d_ptr)
            return ((const struct r_debug *)entry->d_un.d_ptr)->r_map;
    return NULL;
}

/* libc's own dl_iterate_phdr. A program may have another one, which tells of less, for its own
 * unwinder. That one is called where libc's is not found. */
static iterate_function *find_iterate(void)
{
    static iterate_function *found;
    struct tables t;
    const struct link_map *map = found || !getauxval ? NULL : find_list();
    for (; map && !found; map = map->l_next)
        if (read_section(map->l_addr, map->l_ld, &t) && function_of(&t, "__errno_location"))
            *(void **)&found = function_of(&t, "dl_iterate_phdr");
    return found ? found : dl_iterate_phdr;
}

/* The kernel's own library, in which the loader finds nothing for others: since Linux 6.11 it has a
 * getrandom that takes other arguments than libc's. */
static bool is_vdso(const struct search *s, const struct dl_phdr_info *info)
{
    enum { NEAR = 4096 };
    return s->vdso && (uintptr_t)info->dlpi_phdr - s->vdso < NEAR;
}

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *s = context;
    struct tables t;
    (void)size;
    if (is_vdso(s, info) || !read_tables(info, &t) || !s->counts(s, info, &t))
        return 0;
    for (size_t i = 0; i < s->n; i++) {
        void **pointer = s->names[i].pointer;
        if (!*pointer && (*pointer = function_of(&t, s->names[i].name)))
            s->missing--;
    }
    return s->missing == 0;
}

static void search(struct search s)
{
    for (size_t i = 0; i < s.n; i++)
        *(void **)s.names[i].pointer = NULL;
    s.missing = s.n;
    s.vdso = getauxval ? getauxval(AT_SYSINFO_EHDR) : 0;
    iterate_function *iterate = find_iterate();
    if (iterate)
        iterate(look, &s);
}

/* ---- which libraries count ---- */

static bool has_address(const struct dl_phdr_info *info, uintptr_t at)
{
    uintptr_t here = at - info->dlpi_addr;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = info->dlpi_phdr + i;
        if (p->p_type == PT_LOAD && here - p->p_vaddr < p->p_memsz)
            return true;
    }
    return false;
}

static bool comes_after(struct search *s, const struct dl_phdr_info *info, const struct tables *t)
{
    (void)t;
    if (s->behind)
        return true;
    s->behind = has_address(info, (uintptr_t)comes_after);
    return false;
}

static bool is_any(struct search *s, const struct dl_phdr_info *info, const struct tables *t)
{
    (void)s, (void)info, (void)t;
    return true;
}

static bool is_around(struct search *s, const struct dl_phdr_info *info, const struct tables *t)
{
    (void)t;
    return has_address(info, s->inside);
}

/* Before glibc 2.34 its threads are in a library of their own, which has some functions again. */
static bool is_libc(struct search *s, const struct dl_phdr_info *info, const struct tables *t)
{
    static const char mark[] = "__errno_location";
    (void)s, (void)info;
    return function_of(t, mark) != NULL;
}

void linked_next_all(const struct linked_name *names, size_t n)
{
    search((struct search){ .names = names, .n = n, .counts = comes_after });
}

static void *search_one(const char *name, struct search s)
{
    void *found;
    s.names = &(struct linked_name){ name, &found };
    s.n = 1;
    search(s);
    return found;
}

void *linked_next(const char *name)
{
    return search_one(name, (struct search){ .counts = comes_after });
}

void *linked_any(const char *name)
{
    return search_one(name, (struct search){ .counts = is_any });
}

void *linked_libc(const char *name)
{
    return search_one(name, (struct search){ .counts = is_libc });
}

void linked_inside_all(uintptr_t address, const struct linked_name *names, size_t n)
{
    search((struct search){ .names = names, .n = n, .counts = is_around, .inside = address });
}
