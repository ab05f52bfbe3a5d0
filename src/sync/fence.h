/*
 * fence: no store through a map of this file is half way.
 *
 * A thread in the fault of its first store to a page has changed the file's ctime perhaps, and not
 * yet made the page dirty. It holds its map for reading until it has. An advice that changes the
 * map takes it for writing, and so waits for all such threads; the advice is then put back.
 */
#ifndef MAPHERD_FENCE_H
#define MAPHERD_FENCE_H

#include <stdbool.h>

#include "space/files.h"

/*
 * True: every store to f through this process's maps that had begun its fault before the call has
 * made its page dirty. False: not known, because the maps of the file are not all known, are too
 * many, or the kernel refused. Maps of files that the model cannot tell apart from f count as f's.
 * Model lock held, over two calls to the kernel a map, none of which does I/O of its own.
 */
bool fence_file(const struct file *f);

#endif
