/*
 * symbols_text: a frame in words.
 */
#ifndef MAPHERD_CLI_SYMBOLS_TEXT_H
#define MAPHERD_CLI_SYMBOLS_TEXT_H

#include "cli/enough.h"
#include "cli/symbols.h"

/* Sets name and text by the rest; they are kept in texts. */
void symbols_put_text(struct symbol *one, struct texts *texts);

#endif
