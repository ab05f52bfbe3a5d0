/*
 * explain: why a call got ENOMEM or EAGAIN, in one line of the log.
 *
 * The kernel has one word for seven causes. They are told apart by the numbers it keeps, asked
 * right after the failure, in this order: the map limit (model/canary.h), RLIMIT_AS, RLIMIT_DATA,
 * RLIMIT_MEMLOCK, overcommit, the pool of huge pages, the address space. A line names the numbers,
 * where they come from, and what to type; it comes at most once a cause and minute. A cause is
 * named only where its numbers do not allow the call; else "cause not known", at debug level.
 */
#ifndef MAPHERD_EXPLAIN_H
#define MAPHERD_EXPLAIN_H

#include <stddef.h>

struct failed_call {
    const char *name; /* of the hook: "mmap" */
    long error;       /* -ENOMEM, -EAGAIN, -EPERM; 0: refused by the kernel, and honoured by us */
    size_t len;       /* the bytes it wanted; of mremap, those that it would have added */
    int prot, flags;  /* 0 where the call has none */
};

/*
 * At the end of a call that failed, no lock held. Makes no map and asks for no memory; reads
 * small files of /proc, at most a few dozen times a second however often calls fail; reads
 * /proc/self/maps for want of another cause of a call of 1 GiB or more, once a minute. errno
 * untouched; thread-safe; under 4 KiB of stack, most of it the log's.
 */
void explain_failure(const struct failed_call *call);

#endif
