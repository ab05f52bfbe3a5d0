/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * place: files whose names another user may have chosen. To open a device or a FIFO may do
 * something or wait, so the place is taken first (O_PATH, which does neither), looked at with
 * fstat, and the file is opened by it only if it is what was expected.
 */
#ifndef MAPHERD_PLACE_H
#define MAPHERD_PLACE_H

#include <stdbool.h>

/* A last component that is a symbolic link: is followed, or the link itself is the place. */
enum place_link { PLACE_FOLLOW, PLACE_LINK_ITSELF };

/* Returns a descriptor of the place, or -1 with errno. */
int place_open(const char *path, enum place_link link);

/* As with PLACE_LINK_ITSELF, but with ELOOP where one of the folders is a symbolic link
 * (RESOLVE_NO_SYMLINKS of openat2(2)). Before Linux 5.6 those are followed. */
int place_open_straight(const char *path);

/* Opens what is at the place, with these flags besides O_NONBLOCK, O_NOCTTY and O_CLOEXEC. Returns
 * a descriptor, or -1 with errno. The place stays open. */
int place_enter(int place, int flags);

#endif
