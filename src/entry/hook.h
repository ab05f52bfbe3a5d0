/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * hook: what the files that define libc's names have in common.
 *
 * Names are bound with asm labels, so that headers and _FILE_OFFSET_BITS cannot change them. Only
 * hooks.c, opens.c, buffers.c and direct.c define such names.
 */
#ifndef MAPHERD_HOOK_H
#define MAPHERD_HOOK_H

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "common/error.h"

#define EXPORT __attribute__((visibility("default")))

#define HOOK(name, type, parameters) EXPORT type hook_##name parameters __asm__(#name);
#include "entry/hooks.def"
#undef HOOK

/* Turns the kernel's answer into libc's: -1 and errno. */
static inline long answer_long(long answer)
{
    if (answer >= 0)
        return answer;
    error_set(-answer);
    return -1;
}

static inline int answer_int(long answer)
{
    return (int)answer_long(answer);
}

#endif
