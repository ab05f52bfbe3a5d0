/*
 * become: maps enough to have a record, and then becomes another program, another user, or gets
 * another root.
 *
 *   become CALL              exec by CALL (execve, execv, ... execle) of /bin/true
 *   become fails CALL        CALL of a program that is not there; then 64 further mappings; prints the
 *                            path of the record that it has then, and waits for the end of its input
 *   become vfork             a vfork child calls execve; prints its own record's path afterwards
 *   become user CALL         setuid, setreuid or setresuid to 65534; the same output, no waiting
 *   become effective         seteuid to 65534 and back; the same
 *   become root DIR          chroot to DIR; prints nothing
 *   become mappings N        maps N pages, each of them a mapping, and ends
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
        if (mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
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
    return setresuid(65534, 65534, 65534);
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
    if (!strcmp(what, "root")) {
        if (chroot(word) || chdir("/"))
            return fail("chroot");
        map(64);
        return 0;
    }
    call_exec(what, "/bin/true");
    return fail("exec");
}
