/*
 * maker: the process that made a file.
 */
#define _GNU_SOURCE
#include "command/watch/maker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/mounts.h"

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

uint64_t maker_own_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

/* Process ids mean what /proc says: a /proc of another namespace than one's own tells nothing. */
static bool proc_is_ours(void)
{
    char self[32] = "";
    return readlink("/proc/self", self, sizeof self - 1) > 0 && atoi(self) == (int)getpid();
}

bool maker_find(pid_t pid, uint64_t space, pid_t *found)
{
    uint64_t here = maker_own_namespace();
    *found = 0;
    if (!proc_is_ours())
        return false;
    if (!space || space == here) {
        *found = pid;
        return true;
    }
    if (here != FIRST_PID_NAMESPACE || geteuid() != 0)
        return false;
    *found = find_in_containers(pid, space);
    return true;
}

static bool has_leases(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || fs.f_type == EXT4_SUPER_MAGIC ||
            fs.f_type == XFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC);
}

enum file_use maker_file_use(int fd)
{
    enum file_use use = FILE_USE_UNKNOWN;
    if (!has_leases(fd))
        return use;
    signal(SIGIO, SIG_IGN);
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
        use = FILE_UNUSED;
    else if (errno == EAGAIN)
        use = FILE_IN_USE;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return use;
}
