/*
 * latency: how long the program waited for its msyncs.
 *
 * The numbers go to the status block. A sync that took MAPHERD_SYNC_SLOW milliseconds or longer is
 * one line: file, range, time, and what was dirty when it began; at most one a second. No lock is
 * taken.
 */
#ifndef MAPHERD_LATENCY_H
#define MAPHERD_LATENCY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One msync that goes to the kernel. */
struct synced {
    uintptr_t addr;
    size_t len;
    int fd;          /* that may be its file's; -1 if the file is not known */
    dev_t dev;
    ino_t ino;
    uint64_t offset; /* in the file, where that is known */
    long dirty;      /* pages; negative: not known */
    uint64_t began;  /* CLOCK_MONOTONIC, ns */
};

/* Before the kernel is asked: sets dirty and began. */
void latency_begin(struct synced *s);

/* It has answered. Returns the nanoseconds it took. */
uint64_t latency_end(const struct synced *s, long answer);

#endif
