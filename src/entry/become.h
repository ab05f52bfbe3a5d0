/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * become: libc's calls by which a process becomes another program or another user, or gets another
 * root or other mounts.
 *
 * After such a call the process may be unable to remove its record: another program does not know
 * of it, and in a folder like /dev/shm only the owner of a file may remove it. So the record gives
 * up its name before the call (record_leave), and takes a name again if the process goes on
 * (record_return). Before an exec, spilled pages are left for `mapherd recover` in the same way.
 *
 * Each function goes on to the next one of its name in the chain of libraries, and answers as
 * libc's does, with errno. It is async-signal-safe as far as libc's is. In a vfork child, the
 * record and the spilled pages of the parent stay as they are. No lock may be held.
 */
#ifndef MAPHERD_BECOME_H
#define MAPHERD_BECOME_H

#include <stdarg.h>
#include <stdbool.h>
#include <sys/types.h>

/* Looks up the next functions in the chain. For the constructor. A function that is called
 * earlier looks its own next one up, and fails with ENOSYS if there is none. */
void become_resolve(void);

int become_execve(const char *path, char *const argv[], char *const envp[]);
int become_execv(const char *path, char *const argv[]);
int become_execvp(const char *file, char *const argv[]);
int become_execvpe(const char *file, char *const argv[], char *const envp[]);
int become_fexecve(int fd, char *const argv[], char *const envp[]);
int become_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);

/* execl, execlp and execle: rest has the arguments after first, up to a NULL; for execle the
 * environment follows. They call execv, execvp and execve, as glibc's do (posix/execl.c). */
int become_execl(const char *path, const char *first, va_list rest);
int become_execlp(const char *file, const char *first, va_list rest);
int become_execle(const char *path, const char *first, va_list rest);

int become_setuid(uid_t uid);
int become_setreuid(uid_t real, uid_t effective);
int become_setresuid(uid_t real, uid_t effective, uid_t saved);
int become_chroot(const char *path);

/* After unshare(CLONE_NEWNS) the process has no record any more, unless MAPHERD_DIR asks for
 * one: its mounts are its own, and the folder of the records may be another one at any time. */
int become_unshare(int flags);
int become_setns(int fd, int kind);

/* Whether the kernel refuses unshare(2) with these flags to a process with other threads. */
bool become_needs_one_thread(int flags);

/*
 * What such a call makes the process leave, by whatever way it is made (direct.c makes it as a
 * system call). become_leave takes the record's name away, and before an exec it writes back what
 * is spilled and leaves the rest to `mapherd recover`. become_return undoes that, after a call that
 * failed or with which the process goes on. Both keep errno.
 */
struct become_left {
    bool spilled, record;
};
struct become_left become_leave(bool exec);
void become_return(struct become_left left);

/*
 * Whether the user is another one than the record's owner. A call after which all of the process's
 * users are such gives up the right to remove the record. -1, which leaves a user as it is, is
 * none.
 */
bool become_gives_up(uid_t user);

#endif
