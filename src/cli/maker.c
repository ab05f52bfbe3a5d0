/*
 * maker: the process that made a file.
 */
#define _GNU_SOURCE
#include "cli/maker.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PID_NAMESPACE 4026531836UL

uint64_t maker_namespace(pid_t pid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* The id of a process in the innermost of its namespaces: the last number of NSpid. */
static int inner_pid(pid_t pid)
{
    char path[64], line[256];
    int inner = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "NSpid:", 6) == 0)
            inner = atoi(strrchr(line, '\t') ? strrchr(line, '\t') : line);
    if (f)
        fclose(f);
    return inner;
}

/* From the first PID namespace every process can be seen. */
static pid_t find_in_containers(pid_t wanted, uint64_t space)
{
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *entry; proc && !found && (entry = readdir(proc));) {
        pid_t pid = (pid_t)atoi(entry->d_name); /* 0 for what is no process */
        if (pid > 0 && maker_namespace(pid) == space && inner_pid(pid) == wanted)
            found = pid;
    }
    if (proc)
        closedir(proc);
    return found;
}

bool maker_find(pid_t pid, uint64_t space, pid_t *found)
{
    uint64_t here = maker_namespace(getpid());
    *found = pid;
    if (!space || space == here)
        return true;
    if (here != FIRST_PID_NAMESPACE || geteuid() != 0)
        return false;
    *found = find_in_containers(pid, space);
    return true;
}
