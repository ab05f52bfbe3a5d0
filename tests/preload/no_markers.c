/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * no_markers: runs a command on a kernel that knows no guard markers (before Linux 6.13): a
 * seccomp filter answers EINVAL to MADV_GUARD_INSTALL and MADV_GUARD_REMOVE.
 *
 *   no_markers COMMAND...
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "look.h"

#define GUARD_INSTALL 102
#define GUARD_REMOVE 103
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

static void refuse_markers(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + LOW_HALF),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GUARD_INSTALL, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GUARD_REMOVE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
        die("no seccomp filter: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage: no_markers COMMAND...");
    refuse_markers();
    if (madvise(NULL, 0, GUARD_INSTALL) != -1 || errno != EINVAL || madvise(NULL, 0, MADV_NORMAL))
        die("the filter does not do what it should");
    execvp(argv[1], argv + 1);
    die("cannot run %s: %s", argv[1], strerror(errno));
}
