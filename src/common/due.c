/*
 * due: see due.h.
 */
#include "common/due.h"

unsigned due_word;
unsigned due_calls;
