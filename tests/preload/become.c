/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * become: maps enough to have a record, and then becomes another program, another user, or gets
 * another root.
 *
 *   become CALL              exec by CALL (execve, execv, ... execle, or syscall) of /bin/true
 *   become fails CALL        CALL of a program that is not there; then 64 further mappings; prints the
 *                            path of the record that it has then, and waits for the end of its input
 *   become vfork             a vfork child calls execve; prints its own record's path afterwards
 *   become user CALL         setuid, setreuid, setresuid (also by syscall) to 65534; the same output, no waiting
 *   become effective         seteuid to 65534 and back; the same
 *   become ends WAY          ends by return, exit, _exit, _Exit, quick_exit or syscall; seteuid and setfsuid: as another
 *                            user for the moment; execve: becomes /bin/true so. Prints the path first
 *   become root DIR          chroot to DIR; prints nothing
 *   become mounts WAY        unshare: gets a mount namespace with another /dev/shm in it; setns: goes to one,
 *                            says what lies in /dev/shm there, and comes back if WAY is return
 *   become mappings N        maps N pages, each of them a mapping, and ends
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what)
{
    perror(what);
    return 1;
}

/* n mappings that stay; their protections differ, so no two are one VMA or one call's. */
static void map(int n)
{
    for (int i = 0; i < n; i++)
        if (mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
            MAP_FAILED)
            exit(fail("mmap"));
}

/* The record as the kernel shows it: "PATH" or "PATH (deleted)", or "none". */
static void tell_record(void)
{
    char line[4096], path[4096] = "none\n";
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "/mapherd-") && strstr(line, ".record"))
            strcpy(path, strchr(line, '/'));
    if (maps)
        fclose(maps);
    fputs(path, stdout);
    fflush(stdout);
}

static int call_exec(const char *call, const char *program)
{
    char *argv[] = { (char *)program, "x", NULL }, *envp[] = { NULL };
    if (!strcmp(call, "execve"))
        return execve(program, argv, envp);
    if (!strcmp(call, "execv"))
        return execv(program, argv);
    if (!strcmp(call, "execvp"))
        return execvp(program, argv);
    if (!strcmp(call, "execvpe"))
        return execvpe(program, argv, envp);
    if (!strcmp(call, "execl"))
        return execl(program, program, "x", (char *)NULL);
    if (!strcmp(call, "execlp"))
        return execlp(program, program, "x", (char *)NULL);
    if (!strcmp(call, "execle"))
        return execle(program, program, "x", (char *)NULL, envp);
    if (!strcmp(call, "execveat"))
        return execveat(-100, program, argv, envp, 0);
    if (!strcmp(call, "syscall"))
        return (int)syscall(SYS_execve, program, argv, envp);
    if (!strcmp(call, "fexecve")) {
        FILE *file = fopen(program, "r");
        return fexecve(file ? fileno(file) : -1, argv, envp);
    }
    fprintf(stderr, "no call of that name: %s\n", call);
    exit(2);
}

static int change_user(const char *call)
{
    if (!strcmp(call, "setuid"))
        return setuid(65534);
    if (!strcmp(call, "setreuid"))
        return setreuid(65534, 65534);
    if (!strcmp(call, "syscall"))
        return (int)syscall(SYS_setresuid, 65534, 65534, 65534);
    return setresuid(65534, 65534, 65534);
}

static int end_by(const char *way)
{
    tell_record();
    if (!strcmp(way, "exit"))
        exit(0);
    if (!strcmp(way, "_exit"))
        _exit(0);
    if (!strcmp(way, "_Exit"))
        _Exit(0);
    if (!strcmp(way, "quick_exit"))
        quick_exit(0);
    if (!strcmp(way, "syscall"))
        syscall(SYS_exit_group, 0);
    if (!strcmp(way, "seteuid") || !strcmp(way, "execve"))
        return seteuid(65534) || (!strcmp(way, "execve") && call_exec("execve", "/bin/true"))
                   ? fail(way)
                   : 0;
    if (!strcmp(way, "setfsuid"))
        setfsuid(65534);
    return 0;
}

/* The rest of the process sees another /dev/shm. */
static int leave_mounts(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/dev/shm", "tmpfs", 0, NULL))
        return fail("a mount namespace");
    map(64);
    return 0;
}

/* Goes to the namespace of a child that has another /dev/shm. */
static int visit_mounts(bool comes_back)
{
    int ready[2], wait_for[2], here = open("/proc/self/ns/mnt", O_RDONLY);
    char path[64], byte;
    if (here < 0 || pipe(ready) || pipe(wait_for))
        return fail("pipe");
    pid_t child = fork();
    if (child == 0) {
        close(wait_for[1]);
        if (leave_mounts() || write(ready[1], "", 1) != 1)
            _exit(1);
        _exit(read(wait_for[0], &byte, 1) != 0);
    }
    close(ready[1]);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)child);
    int there = read(ready[0], &byte, 1) == 1 ? open(path, O_RDONLY) : -1;
    if (there < 0 || setns(there, CLONE_NEWNS))
        return fail("setns");
    map(64);
    if (system("ls /dev/shm") || (comes_back && setns(here, 0)))
        return fail("back");
    close(wait_for[1]);
    if (comes_back)
        tell_record();
    return waitpid(child, NULL, 0) != child;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *word = argc > 2 ? argv[2] : "";
    map(strcmp(what, "mappings") ? 100 : atoi(word));
    if (!strcmp(what, "mappings"))
        return 0;
    if (!strcmp(what, "fails")) {
        if (call_exec(word, "/nowhere/program") == 0)
            return fail("it is there");
        map(64);
        tell_record();
        while (getchar() != EOF)
            ;
        return 0;
    }
    if (!strcmp(what, "vfork")) {
        pid_t child = vfork();
        if (child == 0) {
            execve("/bin/true", (char *[]){ "true", NULL }, (char *[]){ NULL });
            _exit(1);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status)
            return fail("the child");
        tell_record();
        return 0;
    }
    if (!strcmp(what, "user") || !strcmp(what, "effective")) {
        if (!strcmp(what, "user") ? change_user(word) : seteuid(65534) || seteuid(0))
            return fail("another user");
        map(64);
        tell_record();
        return 0;
    }
    if (!strcmp(what, "ends"))
        return end_by(word);
    if (!strcmp(what, "mounts"))
        return !strcmp(word, "unshare") ? leave_mounts() : visit_mounts(!strcmp(word, "return"));
    if (!strcmp(what, "root")) {
        if (chroot(word) || chdir("/"))
            return fail("chroot");
        map(64);
        return 0;
    }
    call_exec(what, "/bin/true");
    return fail("exec");
}
