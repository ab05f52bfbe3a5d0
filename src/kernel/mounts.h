/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mounts: the filesystem that a file is on, in words for a log line.
 *
 * The source is /proc/self/mountinfo (proc_pid_mountinfo(5)). Every function is thread- and
 * async-signal-safe. mounts_describe uses 1 KiB of stack, and opens a descriptor for a moment
 * (brief.h).
 */
#ifndef MAPHERD_MOUNTS_H
#define MAPHERD_MOUNTS_H

#include <linux/magic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What linux/magic.h of older kernels lacks (statfs(2)). */
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif
#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif

struct mount_words {
    char type[24];   /* "ext4"; cut if longer */
    char point[256]; /* where it is mounted; cut if longer */
    uint64_t size;   /* bytes; 0 where the filesystem does not say */
    uint64_t free;   /* bytes that an ordinary user may still allocate */
    bool read_only;  /* the mount is; its filesystem may be writable elsewhere */
    bool quotas;     /* the options of the filesystem name quotas ("usrquota", "prjquota") */
};

/*
 * Describes the mount that a file is on, by its device (fstat's st_dev) and its path, which may be
 * NULL. Of several mounts of one device, it is the one that the path lies under. Where no mount has
 * the device, the path alone decides: btrfs and overlayfs show another device than fstat. False if
 * no mount is found, and for a file on none: a memfd or a System V segment.
 */
bool mounts_describe(dev_t dev, const char *path, struct mount_words *out);

/* True if the mount that the path lies under is read-only. It only opens and reads mountinfo, which
 * the seccomp filters of programs allow that explain nothing else. */
bool mounts_read_only(const char *path);

/* Returns how the filesystem can get more space, as a clause to follow a ';', or "". The text is
 * static. */
const char *mounts_remedy(const struct mount_words *words);

struct size_words {
    char text[24];
};

/* Returns a number of bytes in words, rounded down: "1.5 GiB". */
struct size_words size_in_words(uint64_t bytes);

#endif
