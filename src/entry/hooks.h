/*
 * hooks: see hooks.c. The table of the names is hooks.def.
 */
#ifndef MAPHERD_HOOKS_H
#define MAPHERD_HOOKS_H

/* Looks up what must stay in the chain. For the constructor; before it, system calls serve. */
void hooks_resolve(void);

#endif
