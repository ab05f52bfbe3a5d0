/* The former names, for src/entry/gate.c, until the change that is on its way there has landed. */
#include "disk/overlays.h"

#define covers_claimed overlays_claimed
#define covers_wait overlays_wait
#define covers_after_fork overlays_after_fork
#define covers_take overlays_take
#define covers_drop overlays_drop
