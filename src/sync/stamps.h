/*
 * stamps: has a file been stored to since?
 *
 * A store to a clean page of a shared map faults, and the filesystem changes the file's ctime in
 * that fault (page_mkwrite). Where the kernel's timestamps are multigrain (Linux 6.13; ext4, xfs,
 * btrfs), a ctime that was read never stays the same through such a change: reading it asks for a
 * fine one next time. Elsewhere it may stand still for a tick, and says nothing. doc/sync.md has
 * the argument. Nothing here takes a lock.
 */
#ifndef MAPHERD_STAMPS_H
#define MAPHERD_STAMPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stamp {
    dev_t dev;
    ino_t ino;
    int64_t sec, nsec; /* the file's ctime */
    int64_t wall;      /* how far the wall clock was ahead of the monotonic one, ns */
    uint64_t at_ms;    /* when it was read */
};

/*
 * The stamp of the file behind fd; false where it would say nothing: not that file any more, a
 * filesystem whose stamps are not known to be multigrain, or a kernel that is seen to have none
 * (asked once a process, of a file of its own that lives for that moment).
 */
bool stamp_read(int fd, dev_t dev, ino_t ino, struct stamp *s);

/* The stamp of the same file again, where the filesystem is not to be asked for: was has been read
 * with stamp_read. */
bool stamp_reread(int fd, const struct stamp *was, struct stamp *s);

/* Nothing has stored between the two: same file, same ctime, and the wall clock has not jumped.
 * A stamp is good for STAMP_LIFE_MS. */
bool stamp_same(const struct stamp *before, const struct stamp *now);
#define STAMP_LIFE_MS 60000

#endif
