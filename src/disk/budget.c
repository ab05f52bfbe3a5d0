/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * budget: a sum for each filesystem. See budget.h.
 */
#define _GNU_SOURCE
#include "disk/budget.h"

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
#include "tell/options.h"
#include "tell/status.h"

#define ACCOUNTS 32

/* What this process has allocated and, as far as is known, not used. */
static struct account {
    uint64_t device; /* 0: this place is empty */
    uint64_t ahead;  /* in bytes */
} accounts[ACCOUNTS];

/* With more filesystems than places, the others share the last one. */
static struct account *account_of(dev_t device)
{
    for (unsigned i = 0; i < ACCOUNTS - 1; i++) {
        uint64_t seen = 0;
        if (__atomic_compare_exchange_n(&accounts[i].device, &seen, (uint64_t)device, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
            seen == (uint64_t)device)
            return &accounts[i];
    }
    return &accounts[ACCOUNTS - 1];
}

static void narrow(struct budget_room *room, uint64_t size, uint64_t left, const char *quota)
{
    uint64_t keep = (uint64_t)options_share(options.prealloc_keep, (int64_t)size);
    uint64_t above = left > keep ? left - keep : 0;
    if (above < room->above)
        room->above = above;
    if (left < room->left) {
        room->left = left;
        room->quota = quota;
    }
}

bool budget_room(int fd, const struct stat *st, const struct sys_space *space,
                 struct budget_room *room)
{
    struct quota quotas[QUOTA_KINDS];
    *room = (struct budget_room){ UINT64_MAX, UINT64_MAX, NULL };
    narrow(room, space->size, space->free, NULL);
    long n = quotas_of(fd, st, space->type, quotas);
    for (long i = 0; i < n; i++)
        narrow(room, quotas[i].limit, quotas[i].left, quotas[i].whose);
    return n >= 0;
}

/* Without what this process has taken, so much more would lie above the line. */
static uint64_t left_of(uint64_t ahead, const struct budget_room *room)
{
    uint64_t share =
        (uint64_t)options_share(options.prealloc_share, (int64_t)(room->above + ahead));
    uint64_t left = share > ahead ? share - ahead : 0;
    return left < room->above ? left : room->above;
}

uint64_t budget_left(dev_t device, const struct budget_room *room)
{
    return left_of(__atomic_load_n(&account_of(device)->ahead, __ATOMIC_RELAXED), room);
}

bool budget_take(dev_t device, uint64_t bytes, const struct budget_room *room)
{
    struct account *a = account_of(device);
    uint64_t ahead = __atomic_load_n(&a->ahead, __ATOMIC_RELAXED);
    do {
        if (bytes > left_of(ahead, room))
            return false;
    } while (!__atomic_compare_exchange_n(&a->ahead, &ahead, ahead + bytes, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    STATUS_ADD(allocated_ahead, bytes);
    return true;
}

void budget_return(dev_t device, uint64_t bytes)
{
    __atomic_sub_fetch(&account_of(device)->ahead, bytes, __ATOMIC_RELAXED);
    STATUS_ADD(allocated_ahead, -bytes);
}

/* ---- quotas ---- */

/* The kernel is asked for each kind of quota; where it may not be, the options of the mount tell
 * whether there are any. */

#define MOUNTS 16
#define UNIT 1024 /* of a limit, in bytes (linux/quota.h, QIF_DQBLKSIZE) */

/* Filesystems whose mount was looked at. device 0: this place is empty. */
static struct {
    uint64_t device;
    int quotas; /* LOOK: not yet */
} mounts[MOUNTS];
enum { LOOK, ABSENT, PRESENT };

/* The mount has quotas by its line in mountinfo, or that cannot be found out. */
static bool mount_has_quotas(dev_t device)
{
    /* With more filesystems than places, the others are looked at each time. */
    int unused = LOOK, *known = &unused;
    for (unsigned i = 0; i < MOUNTS; i++) {
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
