/*
 * pages: see pages.h.
 */
#include "base/pages.h"

size_t page_size = 4096;
