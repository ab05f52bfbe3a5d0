/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * memory_calls: what is needed to make the calls of memory_calls.def.
 */
#ifndef TESTS_MEMORY_CALLS_H
#define TESTS_MEMORY_CALLS_H

#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* stdio.h may have macros of these names. */
#undef fread_unlocked
#undef fwrite_unlocked

/* Programs call these if they were compiled with _FORTIFY_SOURCE. No header declares them. */
extern ssize_t __read_chk(int, void *, size_t, size_t),
    __pread_chk(int, void *, size_t, off_t, size_t),
    __pread64_chk(int, void *, size_t, off_t, size_t), __recv_chk(int, void *, size_t, size_t, int),
    __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
extern int __poll_chk(struct pollfd *, nfds_t, int, size_t),
    __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
extern size_t __fread_chk(void *, size_t, size_t, size_t, FILE *),
    __fread_unlocked_chk(void *, size_t, size_t, size_t, FILE *);

/* Memory in three parts, of which the second is empty, and two messages of these parts. */
struct split {
    struct iovec parts[3];
    struct mmsghdr messages[2];
};

static inline void split_memory(struct split *split, void *buf, size_t len)
{
    size_t half = len / 2;
    struct msghdr header = { .msg_iov = split->parts, .msg_iovlen = 3 };
    split->parts[0] = (struct iovec){ buf, half };
    split->parts[1] = (struct iovec){ NULL, 0 };
    split->parts[2] = (struct iovec){ (char *)buf + half, len - half };
    split->messages[0] = split->messages[1] = (struct mmsghdr){ .msg_hdr = header };
}

#endif
