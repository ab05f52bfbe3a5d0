/*
 * maker: the process that made a file, which may have been of another PID namespace.
 */
#ifndef MAPHERD_MAKER_H
#define MAPHERD_MAKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The inode number of a process's PID namespace; 0: it is not there, or may not be read. */
uint64_t maker_namespace(pid_t pid);

/* The inode number of our own PID namespace, also where /proc is another's; 0: it cannot be read. */
uint64_t maker_own_namespace(void);

/*
 * Looks for process id `pid` of a namespace (0: the one we are in). False if that cannot be told:
 * into other namespaces only root of the machine's first one sees, and a /proc that was mounted in
 * another namespace shows other ids; *found is 0 then. Else its id here is in *found,
 * or 0 if nobody has it; whether it is the same process, its start time says.
 */
bool maker_find(pid_t pid, uint64_t space, pid_t *found);

/*
 * Whether a process has an open file mapped or open for writing: the kernel's own answer, which counts
 * the processes of all namespaces. fd is open for reading alone. The kernel gives a read lease only
 * where nobody else can write to the file (fs/locks.c, check_conflicting_open). Not known: the user is
 * neither the file's owner nor root, or the filesystem gives leases otherwise (overlayfs, NFS, FUSE).
 * SIGIO is ignored from then on: it tells the holder of a lease that somebody waits for the file.
 */
enum file_use { FILE_USE_UNKNOWN, FILE_IN_USE, FILE_UNUSED };
enum file_use maker_file_use(int fd);

#endif
