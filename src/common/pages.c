/*
 * pages: see pages.h.
 */
#include "common/pages.h"

size_t page_size = 4096;
