/*
 * scopes: the functions that an address lies in, by the DWARF tree of its compilation unit.
 */
#ifndef MAPHERD_COMMAND_SCOPES_H
#define MAPHERD_COMMAND_SCOPES_H

#include <elfutils/libdw.h>
#include <stddef.h>

/* What is remembered of the units that were asked about; begin with { NULL }. */
struct scopes {
    void *units; /* a tree of tsearch */
};
void scopes_free(struct scopes *s);

#define SCOPES_MOST 64

/* The function whose code holds address, and those inlined there: scope[0] is the function,
 * scope[n - 1] the innermost. Returns n; 0: none. address is as in the unit's file. */
size_t scopes_find(struct scopes *s, Dwarf *dwarf, Dwarf_Die *unit, Dwarf_Addr address,
                   Dwarf_Die scope[SCOPES_MOST]);

#endif
