/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* sites_plugin: with RTLD_DEEPBIND its mmap is that of libc, whatever was preloaded. */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>

void *plugin_map(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *plugin_map(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    return mmap(addr, len, prot, flags, fd, offset);
}

int plugin_unmap(void *addr, size_t len);
int plugin_unmap(void *addr, size_t len)
{
    return munmap(addr, len);
}
