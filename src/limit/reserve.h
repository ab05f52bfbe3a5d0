/*
 * reserve: the last maps are not for files.
 *
 * At the limit it is an innocent that dies: a thread's stack, a guard page, a commit of the
 * JVM's heap. When only MAPHERD_RESERVE maps are left, new maps of files get what the kernel
 * would say shortly after, ENOMEM. FileChannel.map then collects garbage, which unmaps dropped
 * buffers, and tries once more (JDK: FileChannelImpl.mapInternal).
 *
 * Each such collection is a full one, and FileChannel.map tries once more and no more: any other errno,
 * and a second ENOMEM, is an exception. So of several threads that are refused one is told to
 * collect, and the others wait here, as does the second try, for what the collection gives back. A
 * JVM collects while they do: a thread in a native method holds up no safepoint. Another is told
 * when the last collection has given all it had, or three seconds later. A thread waits for ten
 * seconds at most, and half of that where nothing is given back; then it is told ENOMEM, as it
 * would have been at the limit.
 */
#ifndef MAPHERD_RESERVE_H
#define MAPHERD_RESERVE_H

#include <stddef.h>

/*
 * The answer to a file map of len bytes: 0 or -ENOMEM. In a JVM it may sleep, see above: no lock may
 * be held. Logs one line a minute. Thread-safe; in a handler that interrupted it on the same thread it
 * does not wait.
 */
long reserve_answer(size_t len);

/* In a forked child. */
void reserve_after_fork(void);

#endif
