/*
 * maker: the process that made a file. It may be in another PID namespace.
 */
#ifndef MAPHERD_MAKER_H
#define MAPHERD_MAKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The inode number of a process's PID namespace. 0: there is no such process, or it may not be
 * looked at. */
uint64_t maker_namespace(pid_t pid);

/* The inode number of this command's PID namespace, also where /proc is another namespace's. 0:
 * it cannot be read. */
uint64_t maker_own_namespace(void);

/*
 * Looks for the process that has id `pid` in a PID namespace; space 0 is this command's own. True:
 * *found is its id here, or 0 if there is none. Whether it is still the same process, its start
 * time tells. False: that cannot be known, and *found is 0. Only root in the machine's first
 * namespace sees into other ones, and a /proc that was mounted in another namespace shows other
 * ids.
 */
bool maker_find(pid_t pid, uint64_t space, pid_t *found);

/*
 * Whether a process has the file of fd mapped or open for writing. fd is open for reading only. The
 * kernel answers, and counts the processes of all namespaces: it gives a read lease only where no
 * one else can write to the file (fs/locks.c, check_conflicting_open). FILE_USE_UNKNOWN: the user
 * is neither the owner of the file nor root, or the filesystem has other rules for leases
 * (overlayfs, NFS, FUSE). From the first call on the process ignores SIGIO, by which the kernel
 * tells the holder of a lease that another process waits.
 */
enum file_use { FILE_USE_UNKNOWN, FILE_IN_USE, FILE_UNUSED };
enum file_use maker_file_use(int fd);

#endif
