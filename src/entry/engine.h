/*
 * engine: the order of things.
 *
 * One function a call that the program makes; each returns what the kernel would: a value, or
 * -errno. It knows no symbols: hooks.c is one front end, another is possible. All are thread-safe
 * and, as far as the kernel's own calls are, async-signal-safe: a handler that interrupts the
 * library on its own thread passes straight to the kernel, and what it changed is forgotten by
 * the model. errno is not touched. engine_msync alone is a cancellation point. The gate (gate.h) comes before all.
 */
#ifndef MAPHERD_ENGINE_H
#define MAPHERD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "space/request.h"

long engine_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, off_t offset);
/* The same. q: just started (request_start); what becomes known of its file is left in it. */
long engine_map(struct map_request *q);
long engine_munmap(uintptr_t addr, size_t len);
long engine_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags, uintptr_t to);
long engine_mprotect(uintptr_t addr, size_t len, int prot);
long engine_pkey_mprotect(uintptr_t addr, size_t len, int prot, int pkey);
long engine_madvise(uintptr_t addr, size_t len, int advice);
long engine_mlock(uintptr_t addr, size_t len);
long engine_mlock2(uintptr_t addr, size_t len, unsigned flags);
long engine_munlock(uintptr_t addr, size_t len);
long engine_mincore(uintptr_t addr, size_t len, unsigned char *vec);
long engine_mlockall(int flags);
long engine_munlockall(void);
long engine_ftruncate(int fd, off_t len);

/* ask is the libc's own msync, which is a cancellation point: when the thread is cancelled in it, no
 * lock is held and nothing is half done. It returns as the kernel does. */
typedef long engine_ask(uintptr_t addr, size_t len, int flags);
long engine_msync(uintptr_t addr, size_t len, int flags, engine_ask *ask);

/* The process is about to end. In a vfork child nothing is done. */
void engine_exit(void);

/* It wants to end with this status: the one to end with. */
int engine_status(int status);

long engine_shmat(int id, uintptr_t addr, int flags);
long engine_flock(int fd, int operation);
/* set and before are the program's, to a struct rlimit; either may be NULL. */
long engine_prlimit(long pid, int resource, const void *set, void *before);
/*
 * What comes next is a seccomp filter made for the calls that this program makes, and it may kill for
 * others: true for a prctl (libseccomp sets no_new_privs by it, and the filter past libc) and for a
 * seccomp(2) that announces one. One without a filter only asks what the kernel can.
 */
bool engine_sandboxes(int option, unsigned long a);
bool engine_filters(unsigned long operation, unsigned long filter);
/* From here on everything passes through. Before the call that announces the filter. */
void engine_enter_sandbox(void);

#endif
