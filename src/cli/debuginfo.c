/*
 * debuginfo: the functions and source lines of one program or library, by elfutils.
 *
 * libdwfl finds the separate debug file (build id, .gnu_debuglink), libdw the compilation unit, the
 * inlined functions and the line; what has no DWARF has a symbol table.
 */
#define _GNU_SOURCE
#include "cli/debuginfo.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/enough.h"

/* A part of the code and its compilation unit. */
struct range {
    Dwarf_Addr start, end;
    Dwarf_Off unit;
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
    free(d->ranges);
    free(d);
}

size_t debuginfo_id(struct debuginfo *d, const unsigned char **id)
{
    GElf_Addr at;
    int len = dwfl_module_build_id(d->module, id, &at);
    return len > 0 ? (size_t)len : 0;
}

static int by_start(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return (a->start > b->start) - (a->start < b->start);
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
static Dwarf_Die *unit_by_ranges(struct debuginfo *d, Dwarf *dwarf, Dwarf_Addr address, Dwarf_Die *unit)
{
    if (!d->indexed) {
        Dwarf_Off next;
        size_t head;
        for (Dwarf_Off at = 0; dwarf_nextcu(dwarf, at, &next, &head, NULL, NULL, NULL) == 0; at = next)
            if (dwarf_offdie(dwarf, at + head, unit))
                index_unit(d, unit);
        if (d->n)
            qsort(d->ranges, d->n, sizeof *d->ranges, by_start);
        d->indexed = true;
    }
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (d->ranges[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= d->ranges[low - 1].end)
        return NULL;
    return dwarf_offdie(dwarf, d->ranges[low - 1].unit, unit);
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
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &number) == 0 && number <= INT32_MAX)
        *line = (int)number;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &file) != 0 ||
        dwarf_getsrcfiles(unit, &files, &n) != 0)
        return NULL;
    return dwarf_filesrc(files, file, NULL, NULL);
}

/* By the tree of the unit: the inlined functions and the one that holds them all. */
static bool find_scopes(Dwarf_Die *unit, Dwarf_Addr address, const char *symbol, debuginfo_each *each,
                        void *context)
{
    Dwarf_Die *scopes = NULL;
    int n = dwarf_getscopes(unit, address, &scopes), line = 0;
    bool found = false;
    const char *source = NULL;
    Dwarf_Line *innermost = dwarf_getsrc_die(unit, address);
    if (innermost) {
        source = dwarf_linesrc(innermost, NULL, NULL);
        dwarf_lineno(innermost, &line);
    }
    for (int i = 0; i < n && !found; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag == DW_TAG_inlined_subroutine) {
            each(function_name(&scopes[i]), source, line, context);
            line = 0;
            source = call_place(unit, &scopes[i], &line);
        } else if (tag == DW_TAG_subprogram) {
            const char *function = function_name(&scopes[i]);
            each(function ? function : symbol, source, line, context);
            found = true;
        }
    }
    free(scopes);
    if (!found && (source || line || symbol))
        each(symbol, source, line, context);
    return found || source || line || symbol;
}

bool debuginfo_find(struct debuginfo *d, uint64_t address, debuginfo_each *each, void *context)
{
    GElf_Off offset;
    GElf_Sym sym;
    Dwarf_Addr place = address + d->bias, bias = 0;
    const char *symbol = dwfl_module_addrinfo(d->module, place, &offset, &sym, NULL, NULL, NULL);
    Dwarf_Die place_for_unit, *unit = dwfl_module_addrdie(d->module, place, &bias);
    if (!unit) {
        Dwarf *dwarf = dwfl_module_getdwarf(d->module, &bias);
        unit = dwarf ? unit_by_ranges(d, dwarf, place - bias, &place_for_unit) : NULL;
    }
    if (unit)
        return find_scopes(unit, place - bias, symbol, each, context);
    if (symbol)
        each(symbol, NULL, 0, context);
    return symbol != NULL;
}
