/*
 * fence: no store through a mapping of this file is half way.
 *
 * In the fault of its first store to a page, a thread may have changed the file's ctime and not yet
 * made the page dirty. It holds its VMA's lock for reading until it has. madvise that changes the
 * VMA's advice takes that lock for writing, and so waits for all such threads. The fence changes
 * the advice of each VMA and changes it back.
 */
#ifndef MAPHERD_FENCE_H
#define MAPHERD_FENCE_H

#include <stdbool.h>

#include "space/files.h"

/*
 * Returns true if every store to f, through mappings of this process, whose fault had begun before
 * the call has made its page dirty. Returns false if that is not known, because not all mappings of
 * the file are known, they are too many, or the kernel refused an advice. Mappings of files that
 * the model cannot tell from f count as f's. Model lock held; makes two system calls for each VMA,
 * none of which does I/O.
 */
bool fence_file(const struct file *f);

#endif
