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

/*
 * Looks for process id `pid` of a namespace (0: the one we are in). False if that cannot be told:
 * into other namespaces only root of the machine's first one sees. Else its id here is in *found,
 * or 0 if nobody has it; whether it is the same process, its start time says.
 */
bool maker_find(pid_t pid, uint64_t space, pid_t *found);

#endif
