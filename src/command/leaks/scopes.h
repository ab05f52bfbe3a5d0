/*
 * scopes: the functions that an address lies in, by the DWARF tree of its compilation unit.
 */
#ifndef MAPHERD_COMMAND_SCOPES_H
#define MAPHERD_COMMAND_SCOPES_H

#include <elfutils/libdw.h>
#include <stddef.h>

/* What is known of the compilation units that were asked about. Begins as { NULL }. */
struct scopes {
    void *units; /* a tree of tsearch */
};
void scopes_free(struct scopes *s);

#define SCOPES_MOST 64

/*
 * Finds the function whose code has address, and the functions inlined there: scope[0] is the
 * function, scope[n - 1] the innermost one. Returns n; 0 if there is none. address: as in the
 * unit's file.
 */
size_t scopes_find(struct scopes *s, Dwarf *dwarf, Dwarf_Die *unit, Dwarf_Addr address,
                   Dwarf_Die scope[SCOPES_MOST]);

#endif
