/*
 * library: where libmapherd.so is.
 */
#ifndef MAPHERD_COMMAND_LIBRARY_H
#define MAPHERD_COMMAND_LIBRARY_H

#include <stddef.h>

/*
 * Puts the library's absolute path into path, which has size bytes. It is looked for in this order:
 * where $MAPHERD_LIBRARY says; beside this command as installed, so that a moved tree works; in the
 * .libs of a build tree; where it was configured to be. Returns NULL, or a sentence that says why
 * there is none.
 */
const char *library_locate(char *path, size_t size);

#endif
