/* The former name, for src/entry/gate.c, until the change that is on its way there has landed. */
#include "herd/retained.h"

#define held_after_fork retained_after_fork
