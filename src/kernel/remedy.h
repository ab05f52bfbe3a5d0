/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * remedy: what to type on this host against a limit of the kernel.
 *
 * The settings below /proc/sys/vm belong to the whole machine: no namespace has its own. A
 * container sees those of its host, and mostly may not change them. In a pod of Kubernetes even
 * securityContext.sysctls cannot, which takes namespaced settings only.
 *
 * Every function is thread- and async-signal-safe, and allocates nothing.
 */
#ifndef MAPHERD_REMEDY_H
#define MAPHERD_REMEDY_H

enum host { HOST_MACHINE, HOST_CONTAINER, HOST_POD };

/* Returns where this process is. A container is what may not write to /proc/sys, whoever asks, and
 * has a file that engines, systemd or Kubernetes put there. */
enum host remedy_host(void);

/* Returns the words for who may set this file of /proc/sys, and where, to stand behind "to raise
 * it": "", " as root", " on the host of this container". They are static. */
const char *remedy_where(const char *setting);

/*
 * Returns the value of vm.max_map_count to advise for a process that wants so many VMAs, where the
 * limit is set to that many now: a power of two, more than is set, and at least 1048576. Fedora 39,
 * Ubuntu 24.04, Arch and others set that from the start, and Elasticsearch asks for it: nobody
 * lowers a limit by this advice, wherever the command is typed. The kernel keeps an int, whose
 * highest value is the most that is advised.
 */
long remedy_limit(long wanted, long set);

#endif
