/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* Calls about the whole process: fork and its kin, mlockall, prctl. */
#define _GNU_SOURCE
#include "driver.h"

#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void wait_for(pid_t child)
{
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        status = -1;
    say("= child ended with %#x\n", (unsigned)status);
}

void step_fork(void)
{
    unsigned count = pick(12);
    bool plain = percent(50);
    say("fork, %u steps in the child\n", count);
    say_flush();
    handles_placing(); /* what a library prepares for the child */
    pid_t child = way->fork();
    if (child == 0) {
        handles_refresh_all(); /* MADV_DONTFORK */
        look_everywhere();
        steps_of_child(count);
        look_everywhere();
        say_flush();
        if (plain)
            _exit((int)(step_now % 100));
        _Exit((int)(step_now % 100));
    }
    wait_for(child);
}

/* A vfork child has the parent's memory: what it maps is the parent's. */
void step_vfork(void)
{
    static char *volatile made;
    if (handles_full()) {
        step_munmap();
        return;
    }
    say("vfork, the child maps\n");
    handles_placing();
    pid_t child = vfork();
    if (child == 0) {
        made = way->mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED)
            _exit(1);
        *(volatile uint64_t *)(made + page) = step_now;
        way->mprotect(made + 2 * page, page, PROT_NONE);
        way->munmap(made, page);
        _exit(7);
    }
    wait_for(child);
    struct handle *h = handles_add(made, 3 * page);
    handles_refresh(h);
    say("= h%d bytes %016lx\n", (int)(h - handles), (unsigned long)look_bytes(h));
}

void step_spawn(void)
{
    char *argv[] = { "true", NULL };
    pid_t child = -1;
    say("spawn\n");
    if (posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ))
        child = -1;
    wait_for(child);
}

/* Short: all of the process, what the library adds included, gets resident. */
void step_lock_all(void)
{
    if (handles_full()) {
        step_munmap();
        return;
    }
    int flags = percent(20) ? 0x80 : percent(50) ? MCL_CURRENT : MCL_FUTURE;
    say("mlockall %d", flags);
    say_result(CALL(way->mlockall(flags)));
    if (flags == MCL_FUTURE)
        step_mmap();
    say("munlockall");
    say_result(CALL(way->munlockall()));
}

void step_prctl(void)
{
    int option = percent(50) ? PR_GET_DUMPABLE : 99999;
    say("prctl %d", option);
    int got = CALL(way->prctl(option, 0L, 0L, 0L, 0L));
    int error = errno;
    say(" returns %d", got);
    errno = error;
    say_result(got < 0);
}
