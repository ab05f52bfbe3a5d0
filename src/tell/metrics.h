/*
 * metrics: a file of numbers for node_exporter's textfile collector.
 *
 * MAPHERD_METRICS=DIR has every process keep DIR/mapherd-PID.prom while it runs; in a PID
 * namespace other than the machine's first it is DIR/mapherd-NAMESPACE-PID.prom, and the numbers
 * have a label pid_namespace, so that containers may share a folder. The file is replaced whole,
 * from within the program's own calls: at most once a second, and besides when the count has
 * moved by a fiftieth of the limit or the pressure has changed. What a process leaves behind that
 * was killed is cleaned by `mapherd clean`.
 *
 * Nothing here waits or holds a lock, and nothing of it fails the program: a folder that cannot be
 * written to is one line in the log.
 */
#ifndef MAPHERD_METRICS_H
#define MAPHERD_METRICS_H

/* In the constructor, after log_start. program: as in the log. Writes the first file. */
void metrics_start(const char *program);

/* At the end of every call, no lock held: writes if it is due. Thread- and signal-safe. */
void metrics_tick(void);

/* In a forked child, not in a vforked one: from here on it keeps a file of its own. */
void metrics_after_fork(void);

/* The process is about to end, or may soon call the kernel no more: removes its file, and writes
 * none any more. In a child that shares its parent's memory it does nothing. */
void metrics_stop(void);

#endif
