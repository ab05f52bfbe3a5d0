/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * become: see become.h.
 *
 * A change of the effective user alone changes nothing here: it can be taken back, and some servers
 * make it for each request. What counts is a call after which the record's owner is neither the
 * real nor the effective nor the saved user of the process.
 */
#define _GNU_SOURCE
#include "entry/become.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/linked.h"
#include "disk/spill.h"
#include "entry/gate.h"
#include "kernel/newer.h"
#include "limit/cold.h"
#include "tell/recordfile.h"
#include "trace/record.h"

/* The next functions in the chain of libraries. */
static struct {
    int (*execve)(const char *, char *const[], char *const[]);
    int (*execv)(const char *, char *const[]);
    int (*execvp)(const char *, char *const[]);
    int (*execvpe)(const char *, char *const[], char *const[]);
    int (*fexecve)(int, char *const[], char *const[]);
    int (*execveat)(int, const char *, char *const[], char *const[], int);
    int (*setuid)(uid_t);
    int (*setreuid)(uid_t, uid_t);
    int (*setresuid)(uid_t, uid_t, uid_t);
    int (*chroot)(const char *);
    int (*unshare)(int);
    int (*setns)(int, int);
} next;

static const struct linked_name names[] = {
    LINKED_MEMBER(next, execve),  LINKED_MEMBER(next, execv),    LINKED_MEMBER(next, execvp),
    LINKED_MEMBER(next, execvpe), LINKED_MEMBER(next, fexecve),  LINKED_MEMBER(next, execveat),
    LINKED_MEMBER(next, setuid),  LINKED_MEMBER(next, setreuid), LINKED_MEMBER(next, setresuid),
    LINKED_MEMBER(next, chroot),  LINKED_MEMBER(next, unshare),  LINKED_MEMBER(next, setns),
};

/* Looks next.name up. */
#define FIND(name) (*(void **)&next.name = linked_next(#name))

void become_resolve(void)
{
    LINKED_NEXT_ALL(names);
}

struct become_left become_leave(bool exec)
{
    bool spilled = exec && gate_open() && gate_is_ours() && spill_leave();
    return (struct become_left){ .spilled = spilled, .record = record_leave() };
}

void become_return(struct become_left left)
{
    int error = error_get();
    if (left.record)
        record_return();
    if (left.spilled)
        spill_stay();
    if (cold_tracks() && !gate_helpless() && gate_is_ours())
        cold_follow();
    error_set(error);
}

/* No library after this one has the function. */
static int missing(void)
{
    error_set(ENOSYS);
    return -1;
}

/* Makes the call, and before it leaves what has to be left, if leaves is true. */
#define CALL_NEXT(leaves, exec, name, ...)          \
    do {                                            \
        if (!next.name && !FIND(name))              \
            return missing();                       \
        struct become_left left = { false, false }; \
        if (leaves)                                 \
            left = become_leave(exec);              \
        int answer = next.name(__VA_ARGS__);        \
        become_return(left);                        \
        return answer;                              \
    } while (0)

#define EXEC_NEXT(name, ...) CALL_NEXT(true, true, name, __VA_ARGS__)
#define TURN_NEXT(leaves, name, ...) CALL_NEXT(leaves, false, name, __VA_ARGS__)

int become_execve(const char *path, char *const argv[], char *const envp[])
{
    EXEC_NEXT(execve, path, argv, envp);
}

int become_execv(const char *path, char *const argv[])
{
    EXEC_NEXT(execv, path, argv);
}

int become_execvp(const char *file, char *const argv[])
{
    EXEC_NEXT(execvp, file, argv);
}

int become_execvpe(const char *file, char *const argv[], char *const envp[])
{
    EXEC_NEXT(execvpe, file, argv, envp);
}

int become_fexecve(int fd, char *const argv[], char *const envp[])
{
    EXEC_NEXT(fexecve, fd, argv, envp);
}

int become_execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
    EXEC_NEXT(execveat, fd, path, argv, envp, flags);
}

/* The number of arguments, first among them. */
static size_t count_arguments(const char *first, va_list rest)
{
    size_t n = 0;
    va_list again;
    va_copy(again, rest);
    for (const char *argument = first; argument; argument = va_arg(again, const char *))
        n++;
    va_end(again);
    return n;
}

/* Fills argv, which has room for the NULL at the end. Afterwards rest is behind that NULL. */
static void take_arguments(char **argv, const char *first, va_list *rest)
{
    for (*argv = (char *)first; *argv; *argv = va_arg(*rest, char *))
        argv++;
}

/* Declares argv, an array on the caller's stack, and behind, the list after it (va_end). */
#define TAKE_ARGUMENTS(argv, behind, first, rest) \
    char *argv[count_arguments(first, rest) + 1]; \
    va_list behind;                               \
    va_copy(behind, rest);                        \
    take_arguments(argv, first, &behind)

int become_execl(const char *path, const char *first, va_list rest)
{
    TAKE_ARGUMENTS(argv, behind, first, rest);
    va_end(behind);
    return become_execv(path, argv);
}

int become_execlp(const char *file, const char *first, va_list rest)
{
    TAKE_ARGUMENTS(argv, behind, first, rest);
    va_end(behind);
    return become_execvp(file, argv);
}

int become_execle(const char *path, const char *first, va_list rest)
{
    TAKE_ARGUMENTS(argv, behind, first, rest);
    char *const *envp = va_arg(behind, char *const *);
    va_end(behind);
    return become_execve(path, argv, envp);
}

bool become_gives_up(uid_t user)
{
    return user != (uid_t)-1 && user != recordfile_owner();
}

int become_setuid(uid_t uid)
{
    TURN_NEXT(become_gives_up(uid), setuid, uid);
}

int become_setreuid(uid_t real, uid_t effective)
{
    TURN_NEXT(become_gives_up(real) && become_gives_up(effective), setreuid, real, effective);
}

int become_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    TURN_NEXT(become_gives_up(real) && become_gives_up(effective) && become_gives_up(saved),
              setresuid, real, effective, saved);
}

int become_chroot(const char *path)
{
    TURN_NEXT(true, chroot, path);
}

bool become_needs_one_thread(int flags)
{
    return flags & (CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
}

int become_unshare(int flags)
{
    if (!next.unshare && !FIND(unshare))
        return missing();
    struct become_left left = { false, false };
    if (flags & CLONE_NEWNS)
        left = become_leave(false);
    if (become_needs_one_thread(flags))
        cold_withdraw();
    int answer = next.unshare(flags);
    if (answer != 0)
        become_return(left);
    else if (flags & CLONE_NEWNS)
        record_forgo();
    return answer;
}

/* kind 0: fd may be of any kind of namespace. */
int become_setns(int fd, int kind)
{
    if (!kind || (kind & (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWTIME)))
        cold_withdraw(); /* they want a process without other threads */
    TURN_NEXT(!kind || (kind & CLONE_NEWNS), setns, fd, kind);
}
