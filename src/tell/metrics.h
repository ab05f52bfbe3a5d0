/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * metrics: a file of numbers for node_exporter's textfile collector.
 *
 * With MAPHERD_METRICS=DIR, every process keeps the file DIR/mapherd-PID.prom while it runs. In a
 * PID namespace other than the machine's first, the name is DIR/mapherd-NAMESPACE-PID.prom, and the
 * numbers have the label pid_namespace, so that containers can share a folder. Calls of the program
 * replace the file as a whole: at most once a second, and also when the upper bound of the count
 * has moved by a fiftieth of the limit, the pressure has changed, or what waits in the spill file
 * has about doubled or halved, or is 0 again (news_are_due, status.h).
 * `mapherd clean` removes the file of a process that was killed. A process that ends with pages in
 * its spill file leaves its file, because their data are missing until `mapherd recover`.
 *
 * No function waits or takes a lock, and none makes a call of the program fail: where the folder
 * cannot be written to, one line in the log says so.
 */
#ifndef MAPHERD_METRICS_H
#define MAPHERD_METRICS_H

#include <stdbool.h>

/* Writes the first file. program is its name, as in the log. For the constructor, after
 * log_start. */
void metrics_start(const char *program);

/* DUE_METRICS (common/due.h): writes the file, if there is one and it is time for that. The caller
 * holds no lock: a folder that hangs would keep the lock. Thread- and async-signal-safe. */
bool metrics_settle(void);

/* Lets the process have a file of its own. For a forked child, not for a vforked one. */
void metrics_after_fork(void);

/* Removes the file, or writes it a last time if pages are in the spill file. None is written from
 * here on: the process is about to end, or to forbid itself system calls. Does nothing in a child
 * that shares its parent's memory. */
void metrics_stop(void);

#endif
