/*
 * explain: why a call got ENOMEM or EAGAIN, in one line of the log.
 *
 * The kernel has one word for many causes. They are told apart right after the failure, in the order in
 * which mmap comes upon them: the map limit (kernel/canary.h), the address space, RLIMIT_MEMLOCK, a hole
 * in the range, RLIMIT_AS, RLIMIT_DATA, overcommit, the pool of huge pages, the spare maps that a move
 * wants. A cause is named only where the kernel, asked again in a way that changes nothing, says so, or
 * where its own numbers do not allow the call; else "cause not known", at debug level. A line names the
 * numbers, where they come from, and what to type; it comes at most once a cause and minute.
 */
#ifndef MAPHERD_EXPLAIN_H
#define MAPHERD_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

struct failed_call {
    const char *name; /* of the hook: "mmap" */
    long error;       /* -ENOMEM, -EAGAIN, -EPERM; 0: refused by the kernel, and honoured by us */
    size_t len;       /* the bytes it wanted; of mremap, those that it would have added */
    int prot, flags;  /* 0 where the call has none */
    uintptr_t addr;   /* where it begins, or of mmap's the hint; 0 where that does not matter */
};

/*
 * At the end of a call that failed, no lock held. Makes no map and asks for no memory; reads
 * small files of /proc, at most a few dozen times a second however often calls fail; reads
 * /proc/self/maps once a minute at most, for a number that a line names. errno
 * untouched; thread-safe; under 4 KiB of stack, most of it the log's.
 */
void explain_failure(const struct failed_call *call);

#endif
