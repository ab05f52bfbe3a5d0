/*
 * quota: how much of a filesystem the owner of a file may still take.
 *
 * A filesystem may limit the space of a user, of a group and of a project (quotactl(2)); statfs(2)
 * tells of these limits only on some filesystems and for some folders. Thread- and async-signal-safe;
 * no lock is taken; the program's descriptor is used, and none is opened but for the moment in which
 * /proc/self/mountinfo is read (mounts.h), once a filesystem. Under 2 KiB of stack.
 */
#ifndef MAPHERD_QUOTA_H
#define MAPHERD_QUOTA_H

#include <stdint.h>
#include <sys/stat.h>

enum { QUOTA_KINDS = 3 };

/* A limit that is in force, in bytes. The soft limit where there is one: above it time runs out. */
struct quota {
    const char *whose; /* "user", "group", "project" */
    uint64_t limit, left;
};

/*
 * The limits for the file behind fd, whose fstat is st, on a filesystem of this type (statfs(2)). Returns how many there are (0 to
 * QUOTA_KINDS); -EPERM where there may be some that this process cannot ask for: the file is of
 * another owner, the kernel has no quotactl_fd(2) (before 5.14), or a seccomp filter is in force,
 * which might kill for that call, and the mount has quotas; or the filesystem is a btrfs with
 * qgroups, of which only root may ask.
 */
long quotas_of(int fd, const struct stat *st, long type, struct quota found[QUOTA_KINDS]);

#endif
