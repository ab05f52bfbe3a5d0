/*
 * library: where libmapherd.so is.
 */
#ifndef MAPHERD_COMMAND_LIBRARY_H
#define MAPHERD_COMMAND_LIBRARY_H

#include <stddef.h>

/*
 * Puts the library's absolute path into path. In this order: $MAPHERD_LIBRARY; beside this
 * command as installed (so that a moved tree works); in a build tree's .libs; where it was
 * configured to be. NULL, or a sentence that says why there is none.
 */
const char *library_locate(char *path, size_t size);

#endif
