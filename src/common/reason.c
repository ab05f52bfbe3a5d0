/*
 * reason: words for the errors that a user can mend. All others are "the kernel refuses".
 */
#include "common/reason.h"

#include <errno.h>

const char *reason_of(long error)
{
    switch (error) {
    case ENOSPC: return "there is no space for it";
    case EDQUOT: return "the quota is used up";
    case EFBIG: return "the limit on the size of files is in the way (ulimit -f)";
    case EEXIST: return "something is there already";
    case ELOOP: return "a symbolic link is there";
    case ENOENT:
    case ENOTDIR: return "no such folder";
    case EACCES:
    case EPERM:
    case EROFS: return "it may not be written to";
    case EOPNOTSUPP: return "its filesystem cannot allocate space in advance";
    case EMFILE:
    case ENFILE: return "no descriptor is left";
    case ENOMEM: return "no memory, or no map, is left for it";
    default: return "the kernel refuses";
    }
}
