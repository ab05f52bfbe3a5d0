/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * coverage: a part of the library that is built for `make coverage`, and of no other.
 *
 * libgcov writes the counts in a destructor. A process that calls _exit or quick_exit runs none: the
 * hooks end it by sys_exit_group, which is wrapped here (ld --wrap). A child that shares the memory
 * of another process writes nothing, nor a thread that is not the first: it may have no memory of
 * libc's for threads.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "kernel/sys.h"

void __gcov_dump(void);
_Noreturn void __real_sys_exit_group(int status);
_Noreturn void __wrap_sys_exit_group(int status);

static long self;

static void note_self(void)
{
    self = sys_getpid();
}

__attribute__((constructor)) static void start(void)
{
    note_self();
    pthread_atfork(NULL, NULL, note_self);
}

_Noreturn void __wrap_sys_exit_group(int status)
{
    if (sys_getpid() == self && sys_gettid() == self)
        __gcov_dump();
    __real_sys_exit_group(status);
}
