/*
 * quota: a question to the kernel for each kind of quota, and the mount's options where it may not
 * be asked. See quota.h.
 */
#define _GNU_SOURCE
#include "disk/quota.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/quota.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "common/fmt.h"
#include "kernel/mounts.h"
#include "kernel/sys.h"

#define DEVICES 16
#define UNIT 1024 /* of a limit, in bytes (linux/quota.h, QIF_DQBLKSIZE) */

/* Filesystems whose mount was looked at. device 0: this place is empty. */
static struct {
    uint64_t device;
    int quotas; /* LOOK: not yet */
} mounts[DEVICES];
enum { LOOK, ABSENT, PRESENT };

/* The mount has quotas by its line in mountinfo, or that cannot be found out. */
static bool mount_has_quotas(dev_t device)
{
    /* With more filesystems than places, the others are looked at each time. */
    int unused = LOOK, *known = &unused;
    for (unsigned i = 0; i < DEVICES; i++) {
        uint64_t seen = 0;
        if (__atomic_compare_exchange_n(&mounts[i].device, &seen, (uint64_t)device, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
            seen == (uint64_t)device) {
            known = &mounts[i].quotas;
            break;
        }
    }
    if (__atomic_load_n(known, __ATOMIC_RELAXED) == LOOK) {
        struct mount_words mount;
        bool none = mounts_describe(device, NULL, &mount) && !mount.quotas;
        __atomic_store_n(known, none ? ABSENT : PRESENT, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(known, __ATOMIC_RELAXED) == PRESENT;
}

/* The project of the file; 0: it has none, and so no limit. */
static uint32_t project_of(int fd)
{
    struct fsxattr attributes;
    return sys_ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0 ? 0 : attributes.fsx_projid;
}

/* True: the limit is known; q->limit is 0 if there is none. */
static bool ask(int fd, unsigned kind, uint32_t id, struct quota *q)
{
    struct if_dqblk block = { .dqb_valid = 0 };
    long answer = sys_quotactl_fd(fd, QCMD((unsigned)Q_GETQUOTA, kind), (int)id, &block);
    q->limit = 0;
    if (answer < 0) /* ESRCH, EINVAL: quotas of this kind are off; ENOENT: it has none */
        return answer != -EPERM && answer != -EACCES && answer != -ENOSYS;
    uint64_t limit = block.dqb_bsoftlimit ? block.dqb_bsoftlimit : block.dqb_bhardlimit;
    q->limit = limit * UNIT;
    q->left = q->limit > block.dqb_curspace ? q->limit - block.dqb_curspace : 0;
    return true;
}

/* /sys has a folder for this btrfs, and no folder for qgroups in it (Linux 5.9). */
static bool has_no_qgroups(int fd)
{
    struct btrfs_ioctl_fs_info_args info = { .flags = 0 };
    char path[80];
    size_t at = fmt(path, sizeof path, "/sys/fs/btrfs/");
    if (sys_ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
        return false;
    for (unsigned i = 0; i < sizeof info.fsid; i++)
        at += fmt(path + at, sizeof path - at, "%s%x%x",
                  i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", (unsigned)info.fsid[i] >> 4,
                  (unsigned)info.fsid[i] & 15);
    struct stat st;
    if (sys_stat(path, &st) < 0)
        return false;
    fmt(path + at, sizeof path - at, "/qgroups");
    return sys_stat(path, &st) == -ENOENT;
}

long quotas_of(int fd, const struct stat *st, long type, struct quota found[QUOTA_KINDS])
{
    if (type == BTRFS_SUPER_MAGIC)
        return has_no_qgroups(fd) ? 0 : -EPERM;
    static const char *const names[QUOTA_KINDS] = { "user", "group", "project" };
    const uint32_t ids[QUOTA_KINDS] = { st->st_uid, st->st_gid, project_of(fd) };
    bool filtered = sys_prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0, known = true;
    long n = 0;
    for (unsigned kind = 0; kind < QUOTA_KINDS; kind++) {
        if (kind == PRJQUOTA && !ids[kind])
            continue;
        bool told = !filtered && ask(fd, kind, ids[kind], &found[n]);
        known &= told;
        found[n].whose = names[kind];
        n += told && found[n].limit;
    }
    return known || !mount_has_quotas(st->st_dev) ? n : -EPERM;
}
