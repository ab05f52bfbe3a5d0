/*
 * debuginfo: see debuginfo.h.
 *
 * libdwfl finds the separate debug file (build id, .gnu_debuglink), libdw the compilation unit, the
 * inlined functions and the line. Where a file has no DWARF, its symbol table is used.
 */
#define _GNU_SOURCE
#include "command/leaks/debuginfo.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/leaks/scopes.h"
#include "command/lib/enough.h"

/* A part of the code and its compilation unit. */
struct range {
    Dwarf_Addr start, end;
    Dwarf_Off unit;
};

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
    struct range *ranges;
    size_t n, room;
    struct scopes scopes;
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
    scopes_free(&d->scopes);
    free(d->ranges);
    free(d->named);
    free(d);
}

size_t debuginfo_id(struct debuginfo *d, const unsigned char **id)
{
    GElf_Addr at;
    int len = dwfl_module_build_id(d->module, id, &at);
    return len > 0 ? (size_t)len : 0;
}

static void index_unit(struct debuginfo *d, Dwarf_Die *unit)
{
    Dwarf_Addr base, start, end;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(unit, at, &base, &start, &end)) > 0;) {
        d->ranges = enough_room(d->ranges, d->n, &d->room, sizeof *d->ranges);
        d->ranges[d->n++] = (struct range){ start, end, dwarf_dieoffset(unit) };
    }
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
                index_unit(d, unit);
        if (d->n)
            qsort(d->ranges, d->n, sizeof *d->ranges, sorted_order);
        d->indexed = true;
    }
    size_t low = sorted_until(d->ranges, d->n, sizeof *d->ranges, address);
    if (low == 0 || address >= d->ranges[low - 1].end)
        return NULL;
    return dwarf_offdie(dwarf, d->ranges[low - 1].unit, unit);
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
static bool find_scopes(struct debuginfo *d, Dwarf *dwarf, Dwarf_Die *unit, Dwarf_Addr address,
                        const char *symbol, debuginfo_each *each, void *context)
{
    Dwarf_Die scope[SCOPES_MOST];
    Dwarf_Line *innermost = dwarf_getsrc_die(unit, address);
    const char *source = innermost ? dwarf_linesrc(innermost, NULL, NULL) : NULL;
    int line = 0;
    if (innermost)
        dwarf_lineno(innermost, &line);
    size_t n = scopes_find(&d->scopes, dwarf, unit, address, scope);
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
        return find_scopes(d, dwarf, unit, place - bias, symbol, each, context);
    if (symbol)
        each(symbol, NULL, 0, context);
    return symbol != NULL;
}
