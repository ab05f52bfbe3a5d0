/*
 * become: see become.h.
 *
 * A change of the effective user alone changes nothing here: it can be taken back, and some servers
 * make it for each request. What counts is a call after which the record's owner is neither the
 * real nor the effective nor the saved user of the process.
 */
#define _GNU_SOURCE
#include "entry/become.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "disk/spill.h"
#include "entry/gate.h"
#include "tell/recordfile.h"
#include "trace/record.h"

/* Leaves the spilled pages for `mapherd recover`, before the process becomes another program. */
static bool leave_spilled(void)
{
    return gate_open() && gate_is_ours() && spill_leave();
}

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

/* Looks next.name up. */
#define FIND(name) (*(void **)&next.name = dlsym(RTLD_NEXT, #name))

void become_resolve(void)
{
    FIND(execve);
    FIND(execv);
    FIND(execvp);
    FIND(execvpe);
    FIND(fexecve);
    FIND(execveat);
    FIND(setuid);
    FIND(setreuid);
    FIND(setresuid);
    FIND(chroot);
    FIND(unshare);
    FIND(setns);
}

/* After a call, where the process goes on. */
static int go_on(bool left, int answer)
{
    int error = errno;
    if (left)
        record_return();
    errno = error;
    return answer;
}

/* After an exec that failed. */
static int stay(bool spilled, int answer)
{
    int error = errno;
    if (spilled)
        spill_stay();
    errno = error;
    return answer;
}

/* No library after this one has the function. */
static int missing(void)
{
    errno = ENOSYS;
    return -1;
}

/* Makes the call, with the record's name taken away meanwhile if leaves is true. */
#define CALL_NEXT(leaves, name, ...)                                  \
    do {                                                              \
        if (!next.name && !FIND(name))                                \
            return missing();                                         \
        bool left = (leaves) && record_leave();                       \
        return go_on(left, next.name(__VA_ARGS__));                   \
    } while (0)

/* Makes an exec call, with the record's name taken away and the spilled pages left for recover. */
#define EXEC_NEXT(name, ...)                                          \
    do {                                                              \
        if (!next.name && !FIND(name))                                \
            return missing();                                         \
        bool spilled = leave_spilled(), left = record_leave();        \
        return stay(spilled, go_on(left, next.name(__VA_ARGS__)));    \
    } while (0)

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

int become_execl(const char *path, const char *first, va_list rest)
{
    char *argv[count_arguments(first, rest) + 1];
    va_list arguments;
    va_copy(arguments, rest);
    take_arguments(argv, first, &arguments);
    va_end(arguments);
    return become_execv(path, argv);
}

int become_execlp(const char *file, const char *first, va_list rest)
{
    char *argv[count_arguments(first, rest) + 1];
    va_list arguments;
    va_copy(arguments, rest);
    take_arguments(argv, first, &arguments);
    va_end(arguments);
    return become_execvp(file, argv);
}

int become_execle(const char *path, const char *first, va_list rest)
{
    char *argv[count_arguments(first, rest) + 1];
    va_list arguments;
    va_copy(arguments, rest);
    take_arguments(argv, first, &arguments);
    char *const *envp = va_arg(arguments, char *const *);
    va_end(arguments);
    return become_execve(path, argv, envp);
}

bool become_gives_up(uid_t user)
{
    return user != (uid_t)-1 && user != recordfile_owner();
}

int become_setuid(uid_t uid)
{
    CALL_NEXT(become_gives_up(uid), setuid, uid);
}

int become_setreuid(uid_t real, uid_t effective)
{
    CALL_NEXT(become_gives_up(real) && become_gives_up(effective), setreuid, real, effective);
}

int become_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    CALL_NEXT(become_gives_up(real) && become_gives_up(effective) && become_gives_up(saved), setresuid, real, effective, saved);
}

int become_chroot(const char *path)
{
    CALL_NEXT(true, chroot, path);
}

int become_unshare(int flags)
{
    if (!next.unshare && !FIND(unshare))
        return missing();
    bool left = (flags & CLONE_NEWNS) && record_leave();
    int answer = next.unshare(flags);
    if (answer == 0 && (flags & CLONE_NEWNS))
        record_forgo();
    return go_on(left && answer != 0, answer);
}

/* kind 0: fd may be of any kind of namespace. */
int become_setns(int fd, int kind)
{
    CALL_NEXT(!kind || (kind & CLONE_NEWNS), setns, fd, kind);
}
