/*
 * sigcalls: libc's signal functions.
 *
 * Each is its libc namesake: the same result and errno. For other signals than SIGBUS they are the
 * next ones in the chain of libraries, and before the constructor the kernel's own calls.
 */
#ifndef MAPHERD_SIGCALLS_H
#define MAPHERD_SIGCALLS_H

#include <signal.h>

/* For the constructor: looks up the next in the chain. */
void sigcalls_resolve(void);

/* libc's own sigaction, whatever else stands in the chain; NULL if it cannot be found. */
int (*sigcalls_libc(void))(int, const struct sigaction *, struct sigaction *);

typedef void sigcalls_handler(int sig);

int sigcalls_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
sigcalls_handler *sigcalls_signal(int sig, sigcalls_handler *handler);
sigcalls_handler *sigcalls_sysv_signal(int sig, sigcalls_handler *handler);
sigcalls_handler *sigcalls_sigset(int sig, sigcalls_handler *handler);
int sigcalls_sigignore(int sig);
int sigcalls_siginterrupt(int sig, int interrupt);
int sigcalls_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int sigcalls_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int sigcalls_sighold(int sig);
int sigcalls_sigrelse(int sig);
int sigcalls_sigblock(int mask);
int sigcalls_sigsetmask(int mask);

#endif
