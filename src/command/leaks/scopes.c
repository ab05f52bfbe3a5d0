/*
 * scopes: see scopes.h.
 *
 * A unit has tens of thousands of entries, and libdw's dwarf_getscopes walks them for each address.
 * Here a unit is walked once. Then an address takes a search among its functions, and a walk inside
 * one of them.
 */
#define _GNU_SOURCE
#include "command/leaks/scopes.h"

#include <dwarf.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>

#include "command/lib/enough.h"

#define DEEPEST 64 /* no compiler nests so, but a broken file may */

struct function {
    Dwarf_Addr start, end;
    Dwarf_Off entry;
};

struct unit {
    Dwarf_Off entry;
    struct function *at; /* by start */
    size_t n, room;
};

static int by_entry(const void *left, const void *right)
{
    const struct unit *a = left, *b = right;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

static void add_function(struct unit *u, Dwarf_Die *die)
{
    Dwarf_Addr base, start, end;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &start, &end)) > 0;) {
        u->at = enough_room(u->at, u->n, &u->room, sizeof *u->at);
        u->at[u->n++] = (struct function){ start, end, dwarf_dieoffset(die) };
    }
}

static void collect(struct unit *u, Dwarf_Die *parent, int depth)
{
    Dwarf_Die die;
    if (depth == DEEPEST || dwarf_child(parent, &die) != 0)
        return;
    do {
        if (dwarf_tag(&die) == DW_TAG_subprogram)
            add_function(u, &die);
        if (dwarf_haschildren(&die))
            collect(u, &die, depth + 1);
    } while (dwarf_siblingof(&die, &die) == 0);
}

static const struct unit *unit_of(struct scopes *s, Dwarf_Die *die)
{
    struct unit wanted = { .entry = dwarf_dieoffset(die) };
    struct unit **found = tfind(&wanted, &s->units, by_entry);
    if (found)
        return *found;
    struct unit *u = enough(calloc(1, sizeof *u));
    u->entry = wanted.entry;
    collect(u, die, 0);
    if (u->n)
        qsort(u->at, u->n, sizeof *u->at, sorted_order);
    enough(tsearch(u, &s->units, by_entry));
    return u;
}

static void free_unit(void *unit)
{
    free(((struct unit *)unit)->at);
    free(unit);
}

void scopes_free(struct scopes *s)
{
    tdestroy(s->units, free_unit);
    s->units = NULL;
}

static const struct function *function_at(const struct unit *u, Dwarf_Addr address)
{
    size_t low = sorted_until(u->at, u->n, sizeof *u->at, address);
    return low && address < u->at[low - 1].end ? &u->at[low - 1] : NULL;
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

size_t scopes_find(struct scopes *s, Dwarf *dwarf, Dwarf_Die *unit, Dwarf_Addr address,
                   Dwarf_Die scope[SCOPES_MOST])
{
    const struct function *f = function_at(unit_of(s, unit), address);
    size_t n = 0;
    if (!f || !dwarf_offdie(dwarf, f->entry, &scope[n++]))
        return 0;
    while (n < SCOPES_MOST && step_in(&scope[n - 1], address, &scope[n], 0))
        n++;
    return n;
}
