/*
 * quota: how much of a filesystem the owner of a file may still take.
 *
 * A filesystem may limit the space of a user, of a group and of a project (quotactl(2)). statfs(2)
 * shows these limits only on some filesystems and for some folders, so the kernel is asked for
 * them.
 */
#ifndef MAPHERD_QUOTA_H
#define MAPHERD_QUOTA_H

#include <stdint.h>
#include <sys/stat.h>

enum { QUOTA_KINDS = 3 };

/* A limit that is in force, in bytes. It is the soft limit where there is one, because the time of
 * grace runs out above it. */
struct quota {
    const char *whose; /* "user", "group", "project" */
    uint64_t limit, left;
};

/*
 * Finds the limits for the file behind fd. st is its fstat, and type its filesystem's (statfs(2)).
 * Returns how many there are, 0 to QUOTA_KINDS; or -EPERM if there may be some that this process
 * cannot ask for:
 *
 *   - The mount has quotas, and the file is of another owner, the kernel has no quotactl_fd(2)
 *     (before Linux 5.14), or a seccomp filter is in force, which might kill for that call.
 *   - The filesystem is a btrfs with qgroups, of which only root may ask.
 *
 * Reads /proc/self/mountinfo once for each filesystem (mounts.h), and opens nothing else. Takes no
 * lock; thread- and async-signal-safe; uses less than 2 KiB of stack.
 */
long quotas_of(int fd, const struct stat *st, long type, struct quota found[QUOTA_KINDS]);

#endif
