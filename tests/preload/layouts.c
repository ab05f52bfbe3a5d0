/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * layouts: where the members are of what programs give to the hooks. The library is compiled with
 * one libc's headers and runs with the other: musl.sh compares what both say.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>

#define SIZE(type) printf("%s %zu\n", #type, sizeof(type))
#define PLACE(type, member) printf("%s.%s %zu\n", #type, #member, offsetof(type, member))

static void of_signals(void)
{
    SIZE(struct sigaction);
    PLACE(struct sigaction, sa_handler);
    PLACE(struct sigaction, sa_mask);
    PLACE(struct sigaction, sa_flags);
#if defined(__x86_64__)
    PLACE(struct sigaction, sa_restorer);
#endif
    SIZE(sigset_t);
    SIZE(siginfo_t);
    PLACE(siginfo_t, si_code);
    PLACE(siginfo_t, si_addr);
    PLACE(ucontext_t, uc_sigmask);
    PLACE(ucontext_t, uc_stack);
    PLACE(ucontext_t, uc_mcontext);
    printf("%d %d %d %d\n", SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK, SIGSTKFLT);
    printf("%x %x %x %x %x\n", SA_ONSTACK, SA_RESTART, SA_SIGINFO, SA_NODEFER,
           (unsigned)SA_RESETHAND);
}

/* The two lengths of a message have 32 or 64 bits (entry/buffers.c). */
static void of_messages(void)
{
    SIZE(struct iovec);
    SIZE(struct msghdr);
    PLACE(struct msghdr, msg_name);
    PLACE(struct msghdr, msg_namelen);
    PLACE(struct msghdr, msg_iov);
    PLACE(struct msghdr, msg_iovlen);
    PLACE(struct msghdr, msg_control);
    PLACE(struct msghdr, msg_controllen);
    PLACE(struct msghdr, msg_flags);
    SIZE(struct mmsghdr);
    PLACE(struct mmsghdr, msg_len);
    SIZE(socklen_t);
}

int main(void)
{
    of_signals();
    of_messages();
    SIZE(struct pollfd);
    SIZE(nfds_t);
    SIZE(struct rlimit);
    SIZE(struct timespec);
    SIZE(off_t);
    SIZE(mode_t);
    SIZE(uid_t);
    SIZE(struct stat);
    PLACE(struct stat, st_ino);
    PLACE(struct stat, st_size);
    return 0;
}
