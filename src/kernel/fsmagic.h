/*
 * fsmagic: the magic numbers of filesystems (statfs(2)) that linux/magic.h of older kernels lacks.
 */
#ifndef MAPHERD_FSMAGIC_H
#define MAPHERD_FSMAGIC_H

#include <linux/magic.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif
#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif

#endif
