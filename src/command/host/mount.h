/*
 * mount: which filesystem a folder is on.
 */
#ifndef MAPHERD_MOUNT_H
#define MAPHERD_MOUNT_H

#include <stddef.h>

/* The type as in /proc/self/mountinfo ("ext4", "overlay", "fuse.sshfs"); "unknown". */
void mount_type(const char *folder, char *type, size_t size);

#endif
