/*
 * zeros: a part of a mapped file that cannot be had reads as zeros, and whoever syncs the file is
 * told EIO. The file's own map comes back as soon as the file covers the part again.
 */
#ifndef MAPHERD_ZEROS_H
#define MAPHERD_ZEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/covers.h"

/* Lays zeros over the page, and where the file has ended over all that follows it in the map.
 * -EAGAIN: try the instruction again; other errors: nothing has changed. Cover lock held. */
long zeros_lay(const struct fault_page *p);

/* Puts files back that cover more than they did. Takes the cover lock; cheap where there is none. */
void zeros_settle(void);

/* EIO where the range has zeros that the program may store to: what it did store there is lost, and no
 * fault tells. Takes the model lock. */
int zeros_error(uintptr_t start, uintptr_t end);

#endif
