/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * debuginfo: see debuginfo.h.
 *
 * libdwfl finds the separate debug file (build id, .gnu_debuglink), libdw the compilation unit, the
 * inlined functions and the line. Where a file has no DWARF, its symbol table is used.
 */
#define _GNU_SOURCE
#include "command/leaks/debuginfo.h"

#include <unistd.h>

#ifdef HAVE_LIBDW

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "command/lib/enough.h"

/* ---- parts of the code, each of one entry: a function or a compilation unit ---- */

struct range {
    Dwarf_Addr start, end;
    Dwarf_Off entry;
};

struct ranges {
    struct range *at; /* by start, once they are sorted */
    size_t n, room;
};

static void ranges_add(struct ranges *r, Dwarf_Die *die)
{
    Dwarf_Addr base, start, end;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &start, &end)) > 0;) {
        r->at = enough_room(r->at, r->n, &r->room, sizeof *r->at);
        r->at[r->n++] = (struct range){ start, end, dwarf_dieoffset(die) };
    }
}

static void ranges_sort(struct ranges *r)
{
    if (r->n)
        qsort(r->at, r->n, sizeof *r->at, sorted_order);
}

/* The entry whose code has address. Returns it in die, or NULL if there is none. */
static Dwarf_Die *ranges_find(const struct ranges *r, Dwarf *dwarf, Dwarf_Addr address,
                              Dwarf_Die *die)
{
    size_t low = sorted_until(r->at, r->n, sizeof *r->at, address);
    return low && address < r->at[low - 1].end ? dwarf_offdie(dwarf, r->at[low - 1].entry, die)
                                               : NULL;
}

/* ---- the functions that an address lies in, by the tree of its compilation unit ---- */

/*
 * A unit has tens of thousands of entries, and libdw's dwarf_getscopes walks them for each address.
 * Here a unit is walked once. Then an address takes a search among its functions, and a walk inside
 * one of them.
 */

#define DEEPEST 64 /* no compiler nests so, but a broken file may */
#define SCOPES_MOST 64

struct unit {
    Dwarf_Off entry;
    struct ranges functions;
};

static void collect(struct ranges *functions, Dwarf_Die *parent, int depth)
{
    Dwarf_Die die;
    if (depth == DEEPEST || dwarf_child(parent, &die) != 0)
        return;
    do {
        if (dwarf_tag(&die) == DW_TAG_subprogram)
            ranges_add(functions, &die);
        if (dwarf_haschildren(&die))
            collect(functions, &die, depth + 1);
    } while (dwarf_siblingof(&die, &die) == 0);
}

/* units: the units that were asked about, a tree of tsearch(3). */
static const struct ranges *functions_of(void **units, Dwarf_Die *die)
{
    struct unit wanted = { .entry = dwarf_dieoffset(die) };
    struct unit **found = tfind(&wanted, units, sorted_order);
    if (found)
        return &(*found)->functions;
    struct unit *u = enough(calloc(1, sizeof *u));
    u->entry = wanted.entry;
    collect(&u->functions, die, 0);
    ranges_sort(&u->functions);
    enough(tsearch(u, units, sorted_order));
    return &u->functions;
}

static void free_unit(void *unit)
{
    free(((struct unit *)unit)->functions.at);
    free(unit);
}

/* The child that holds the address and is inlined there, or a block with such a one inside. */
static bool step_in(Dwarf_Die *parent, Dwarf_Addr address, Dwarf_Die *found, int depth)
{
    Dwarf_Die die;
    if (depth == DEEPEST || dwarf_child(parent, &die) != 0)
        return false;
    do {
        int tag = dwarf_tag(&die);
        bool is_inlined = tag == DW_TAG_inlined_subroutine;
        if ((!is_inlined && tag != DW_TAG_lexical_block) || dwarf_haspc(&die, address) <= 0)
            continue;
        *found = die;
        if (is_inlined || step_in(&die, address, found, depth + 1))
            return true;
    } while (dwarf_siblingof(&die, &die) == 0);
    return false;
}

/*
 * Finds the function whose code has address, and the functions inlined there: scope[0] is the
 * function, scope[n - 1] the innermost one. Returns n; 0 if there is none. address: as in the
 * unit's file.
 */
static size_t scopes_find(void **units, Dwarf *dwarf, Dwarf_Die *unit, Dwarf_Addr address,
                          Dwarf_Die scope[SCOPES_MOST])
{
    size_t n = 1;
    if (!ranges_find(functions_of(units, unit), dwarf, address, scope))
        return 0;
    while (n < SCOPES_MOST && step_in(&scope[n - 1], address, &scope[n], 0))
        n++;
    return n;
}

/* ---- one file ---- */

/* A function of the symbol table. */
struct named {
    Dwarf_Addr start, size;
    const char *name;
};

struct debuginfo {
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwfl_Callbacks callbacks;
    char *folders;
    Dwarf_Addr bias; /* what libdwfl adds to the file's addresses */
    bool indexed;    /* ranges are known; made where the compiler wrote no .debug_aranges */
    struct ranges ranges;
    void *units;         /* see functions_of */
    bool listed;         /* the symbol table is in named: libdwfl walks it for each address */
    struct named *named; /* by start, the longer first */
    size_t n_named, named_room;
};

bool debuginfo_built(void)
{
    return true;
}

struct debuginfo *debuginfo_open(int fd, const char *path, const char *folders)
{
    struct debuginfo *d = enough(calloc(1, sizeof *d));
    d->folders = (char *)(uintptr_t)folders;
    d->callbacks = (Dwfl_Callbacks){
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &d->folders,
    };
    d->dwfl = dwfl_begin(&d->callbacks);
    if (d->dwfl)
        d->module = dwfl_report_offline(d->dwfl, path, path, fd);
    if (!d->module)
        close(fd);
    if (d->module && dwfl_report_end(d->dwfl, NULL, NULL) == 0 &&
        dwfl_module_getelf(d->module, &d->bias))
        return d;
    debuginfo_close(d);
    return NULL;
}

void debuginfo_close(struct debuginfo *d)
{
    if (!d)
        return;
    if (d->dwfl)
        dwfl_end(d->dwfl);
    tdestroy(d->units, free_unit);
    free(d->ranges.at);
    free(d->named);
    free(d);
}

size_t debuginfo_id(struct debuginfo *d, const unsigned char **id)
{
    GElf_Addr at;
    int len = dwfl_module_build_id(d->module, id, &at);
    return len > 0 ? (size_t)len : 0;
}

/* The unit of an address where there is no .debug_aranges, as clang has it. address and unit are
 * the debug file's. */
static Dwarf_Die *unit_by_ranges(struct debuginfo *d, Dwarf *dwarf, Dwarf_Addr address,
                                 Dwarf_Die *unit)
{
    if (!d->indexed) {
        Dwarf_Off next;
        size_t head;
        for (Dwarf_Off at = 0; dwarf_nextcu(dwarf, at, &next, &head, NULL, NULL, NULL) == 0;
             at = next)
            if (dwarf_offdie(dwarf, at + head, unit))
                ranges_add(&d->ranges, unit);
        ranges_sort(&d->ranges);
        d->indexed = true;
    }
    return ranges_find(&d->ranges, dwarf, address, unit);
}

static int by_place(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->size != b->size ? (a->size > b->size ? -1 : 1) : strcmp(a->name, b->name);
}

static void list_symbols(struct debuginfo *d)
{
    d->listed = true;
    int n = dwfl_module_getsymtab(d->module);
    for (int i = 1; i < n; i++) {
        GElf_Sym sym;
        GElf_Addr start;
        GElf_Word section;
        const char *name =
            dwfl_module_getsym_info(d->module, i, &sym, &start, &section, NULL, NULL);
        int type = GELF_ST_TYPE(sym.st_info);
        if (!name || !*name || *name == '$' /* aarch64's own */ || section == SHN_UNDEF ||
            (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
            continue;
        d->named = enough_room(d->named, d->n_named, &d->named_room, sizeof *d->named);
        d->named[d->n_named++] = (struct named){ start, sym.st_size, name };
    }
    if (d->n_named)
        qsort(d->named, d->n_named, sizeof *d->named, by_place);
}

/* The symbol that holds place, or one of no size that it comes after. */
static const char *symbol_at(struct debuginfo *d, Dwarf_Addr place)
{
    if (!d->listed)
        list_symbols(d);
    size_t low = sorted_until(d->named, d->n_named, sizeof *d->named, place);
    /* Of those that begin before it, a few may have ended, inside one that has not. */
    for (size_t back = 0; back < 16 && back < low; back++) {
        const struct named *at = &d->named[low - 1 - back];
        if (place - at->start >= at->size)
            continue;
        while (at > d->named && at[-1].start == at->start)
            at--; /* of several names always the same */
        return at->name;
    }
    return low && d->named[low - 1].size == 0 ? d->named[low - 1].name : NULL;
}

static const char *attribute_text(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static const char *function_name(Dwarf_Die *die)
{
    const char *linker = attribute_text(die, DW_AT_linkage_name);
    if (!linker)
        linker = attribute_text(die, DW_AT_MIPS_linkage_name);
    return linker ? linker : dwarf_diename(die);
}

/* Where an inlined function was called. */
static const char *call_place(Dwarf_Die *unit, Dwarf_Die *die, int *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word file = 0, number = 0;
    Dwarf_Files *files;
    size_t n;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &number) == 0 &&
        number <= INT32_MAX)
        *line = (int)number;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &file) != 0 ||
        dwarf_getsrcfiles(unit, &files, &n) != 0)
        return NULL;
    return dwarf_filesrc(files, file, NULL, NULL);
}

/* By the tree of the unit: the inlined functions and the one that holds them all. */
static bool find_in_unit(struct debuginfo *d, Dwarf *dwarf, Dwarf_Die *unit, Dwarf_Addr address,
                         const char *symbol, debuginfo_each *each, void *context)
{
    Dwarf_Die scope[SCOPES_MOST];
    Dwarf_Line *innermost = dwarf_getsrc_die(unit, address);
    const char *source = innermost ? dwarf_linesrc(innermost, NULL, NULL) : NULL;
    int line = 0;
    if (innermost)
        dwarf_lineno(innermost, &line);
    size_t n = scopes_find(&d->units, dwarf, unit, address, scope);
    for (size_t i = n; i > 1; i--) {
        each(function_name(&scope[i - 1]), source, line, context);
        line = 0;
        source = call_place(unit, &scope[i - 1], &line);
    }
    const char *function = n ? function_name(&scope[0]) : NULL;
    if (!function)
        function = symbol;
    if (function || source || line)
        each(function, source, line, context);
    return n > 1 || function || source || line;
}

bool debuginfo_find(struct debuginfo *d, uint64_t address, debuginfo_each *each, void *context)
{
    Dwarf_Addr place = address + d->bias, bias = 0;
    const char *symbol = symbol_at(d, place);
    Dwarf *dwarf = dwfl_module_getdwarf(d->module, &bias);
    Dwarf_Die place_for_unit, *unit = NULL;
    if (dwarf) {
        unit = dwfl_module_addrdie(d->module, place, &bias);
        if (!unit)
            unit = unit_by_ranges(d, dwarf, place - bias, &place_for_unit);
    }
    if (unit)
        return find_in_unit(d, dwarf, unit, place - bias, symbol, each, context);
    if (symbol)
        each(symbol, NULL, 0, context);
    return symbol != NULL;
}

#else /* without elfutils nothing is known of any file */

bool debuginfo_built(void)
{
    return false;
}

struct debuginfo *debuginfo_open(int fd, const char *path, const char *folders)
{
    (void)path;
    (void)folders;
    close(fd);
    return NULL;
}

void debuginfo_close(struct debuginfo *d)
{
    (void)d;
}

size_t debuginfo_id(struct debuginfo *d, const unsigned char **id)
{
    (void)d;
    (void)id;
    return 0;
}

bool debuginfo_find(struct debuginfo *d, uint64_t address, debuginfo_each *each, void *context)
{
    (void)d;
    (void)address;
    (void)each;
    (void)context;
    return false;
}

#endif
