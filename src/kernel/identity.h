/*
 * identity: which process this is, in words that outlive it: another process may get its id, but
 * not its start too.
 */
#ifndef MAPHERD_IDENTITY_H
#define MAPHERD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

/* When it started, in clock ticks since boot: field 22 of proc_pid_stat(5). 0 where it cannot be
 * read. It stays over execve. */
uint64_t identity_started(void);

/* The inode of its PID namespace; 0 where it cannot be read. */
uint64_t identity_pid_space(void);

/* What a small file of /proc holds, always ended by NUL: the length, or -errno. */
long identity_text(const char *path, char *text, size_t size);

#endif
