/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * remedy: see remedy.h.
 */
#define _GNU_SOURCE
#include "kernel/remedy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/brief.h"
#include "kernel/mounts.h"
#include "kernel/procmaps.h"
#include "kernel/sys.h"

#define ADVICE_LEAST 1048576L

/* The kubelet mounts the first two into each pod that has a service account, and the third one into
 * each whose manifest does not name another (terminationMessagePath). */
static const char *const of_pods[] = { "/run/secrets/kubernetes.io",
                                       "/var/run/secrets/kubernetes.io", "/dev/termination-log" };
/* Docker, Podman and CRI-O, systemd (systemd.io/CONTAINER_INTERFACE), LXC. */
static const char *const of_containers[] = { "/.dockerenv", "/run/.containerenv",
                                             "/run/systemd/container", "/dev/.lxc-boot-id" };

/* Whether a file can be opened so: 0 or -errno. It is asked so, because a seccomp filter that the
 * program was started with may kill for access(2), and programs open files. */
static long opens(const char *path, int flags)
{
    long fd = brief_open(path, flags, 0);
    if (fd < 0)
        return fd;
    brief_close((int)fd);
    return 0;
}

static bool has_one(const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (opens(paths[i], O_PATH) >= 0)
            return true;
    return false;
}

/* The owner of the machine's settings has no name in a user namespace, and shows as another. */
static bool is_of_others(void)
{
    struct stat st;
    long fd = brief_open(PROCMAPS_LIMIT_PATH, O_RDONLY, 0);
    bool foreign = fd >= 0 && sys_fstat((int)fd, &st) == 0 && st.st_uid != 0;
    if (fd >= 0)
        brief_close((int)fd);
    return foreign;
}

/* Nobody who sees this /proc/sys may write to it. */
static bool is_locked(void)
{
    return mounts_read_only(PROCMAPS_LIMIT_PATH) || is_of_others();
}

/* The files alone are no proof: a virtual machine may be made of a container's image. */
enum host remedy_host(void)
{
    if (!is_locked())
        return HOST_MACHINE;
    if (has_one(of_pods, sizeof of_pods / sizeof *of_pods))
        return HOST_POD;
    if (has_one(of_containers, sizeof of_containers / sizeof *of_containers))
        return HOST_CONTAINER;
    return HOST_MACHINE;
}

const char *remedy_where(const char *setting)
{
    long answer = opens(setting, O_WRONLY); /* to open it changes nothing */
    if (answer != -EACCES && answer != -EROFS)
        return "";
    switch (remedy_host()) {
    case HOST_POD: return " on the node of this pod (its securityContext cannot)";
    case HOST_CONTAINER: return " on the host of this container";
    default: break;
    }
    /* A service with ProtectKernelTunables, or a container that says nothing of it. */
    return is_locked() ? " as root, outside of this service or container" : " as root";
}

long remedy_limit(long wanted, long set)
{
    long value = ADVICE_LEAST;
    while (value < INT_MAX && (value < wanted || value <= set))
        value *= 2;
    return value < INT_MAX ? value : INT_MAX;
}
