/*
 * symbols_text: a frame in words.
 */
#ifndef MAPHERD_COMMAND_SYMBOLS_TEXT_H
#define MAPHERD_COMMAND_SYMBOLS_TEXT_H

#include "command/lib/enough.h"
#include "command/leaks/symbols.h"

/* Sets name and text by the rest; they are kept in texts. */
void symbols_put_text(struct symbol *one, struct texts *texts);

#endif
