/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * touch: see touch.h.
 */
#define _GNU_SOURCE
#include "touch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "look.h"

static _Thread_local sigjmp_buf before_fault;

static void on_fault(int signal)
{
    (void)signal;
    siglongjmp(before_fault, 1);
}

void touch_start(void)
{
    struct sigaction action = { .sa_handler = on_fault };
    if (sigaction(SIGSEGV, &action, NULL) || sigaction(SIGBUS, &action, NULL))
        die("sigaction: %s", strerror(errno));
}

bool touch_reads(const volatile char *byte)
{
    if (sigsetjmp(before_fault, 1))
        return false;
    (void)*byte;
    return true;
}

bool touch_stores(volatile char *byte, char value)
{
    if (sigsetjmp(before_fault, 1))
        return false;
    *byte = value;
    return true;
}
