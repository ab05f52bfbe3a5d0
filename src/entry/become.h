/*
 * become: the calls by which a process becomes another program, another user, or gets another root or
 * other mounts.
 *
 * After any of them nobody may be left who can remove the record: another program does not know of
 * it, and a folder like /dev/shm lets only a file's owner remove it. So the record gives up its name
 * before the call (record_leave), and takes one again if the process goes on (record_return). Each
 * function answers as libc's of that name and goes on to the next one in the chain of libraries.
 * Async-signal-safe as far as libc's are; a vfork child changes nothing.
 */
#ifndef MAPHERD_BECOME_H
#define MAPHERD_BECOME_H

#include <stdarg.h>
#include <stdbool.h>
#include <sys/types.h>

/* Looks up what is next in the chain. For the constructor; what is called before it is looked up
 * when it is called. */
void become_resolve(void);

int become_execve(const char *path, char *const argv[], char *const envp[]);
int become_execv(const char *path, char *const argv[]);
int become_execvp(const char *file, char *const argv[]);
int become_execvpe(const char *file, char *const argv[], char *const envp[]);
int become_fexecve(int fd, char *const argv[], char *const envp[]);
int become_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);

/* The three that take the arguments one by one, the rest behind first: a NULL ends them, and for
 * execle the environment follows. They call execv, execvp and execve, as glibc's do (posix/execl.c). */
int become_execl(const char *path, const char *first, va_list rest);
int become_execlp(const char *file, const char *first, va_list rest);
int become_execle(const char *path, const char *first, va_list rest);

int become_setuid(uid_t uid);
int become_setreuid(uid_t real, uid_t effective);
int become_setresuid(uid_t real, uid_t effective, uid_t saved);
int become_chroot(const char *path);

/* After unshare(CLONE_NEWNS) the process has no record any more, unless MAPHERD_DIR asks for one. */
int become_unshare(int flags);
int become_setns(int fd, int kind);

/* The record's owner is not that user: a call after which the process has only such users gives it up. */
bool become_gives_up(uid_t user);

#endif
