/*
 * mounts: which filesystem a file is on, in words for a log line.
 *
 * Read from /proc/self/mountinfo (proc_pid_mountinfo(5)). Async-signal-safe; 1 KiB of stack; for
 * the moment of the reading it has a descriptor open (kernel/high.h).
 */
#ifndef MAPHERD_MOUNTS_H
#define MAPHERD_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mount_words {
    char type[24];   /* "ext4"; longer ones are cut */
    char point[256]; /* where it is mounted; longer ones are cut */
    uint64_t size;   /* bytes; 0 where the filesystem tells none */
    uint64_t free;   /* bytes that an ordinary user may still take */
    bool quotas;     /* the options of the filesystem name quotas ("usrquota", "prjquota") */
};

/*
 * The mount that a file is on, by its device (fstat's st_dev) and its path; path may be NULL. Of
 * several mounts of one device it is that which the path lies under. Where no mount has the device
 * (btrfs and overlayfs show another one than fstat), the path alone decides. False if nothing is
 * found, and for what is on no mount: memfds, System V segments.
 */
bool mounts_describe(dev_t dev, const char *path, struct mount_words *out);

/* How more space comes to be there: a clause to follow a ';', "" where there is nothing to say. */
const char *mounts_remedy(const struct mount_words *words);

/* "1.5 GiB", rounded down. */
struct size_words {
    char text[24];
};
struct size_words size_in_words(uint64_t bytes);

#endif
