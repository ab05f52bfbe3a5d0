/*
 * reserve: the last maps are not for files.
 *
 * At the limit it is an innocent that dies: a thread's stack, a guard page, a commit of the
 * JVM's heap. When only MAPHERD_RESERVE maps are left, new maps of files get what the kernel
 * would say shortly after, ENOMEM. FileChannel.map then collects garbage, which unmaps dropped
 * buffers, and tries once more (JDK: FileChannelImpl.mapInternal).
 *
 * Each such collection is a full one, so an answer that makes a JVM collect comes only every few
 * seconds, unless the last one helped; in between it is EAGAIN, which fails the map at once. The
 * second try of the thread that was told to collect gets ENOMEM, as it would at the limit. What was
 * given back can be had at once: on a busy machine the buffers go slowly, while the JDK waits for a
 * tenth of a second and no longer.
 */
#ifndef MAPHERD_RESERVE_H
#define MAPHERD_RESERVE_H

#include <stddef.h>

/* The answer to a file map of len bytes: 0, or -ENOMEM or -EAGAIN. Logs one line a minute. */
long reserve_answer(size_t len);

/* In a forked child. */
void reserve_after_fork(void);

#endif
