/*
 * model: what the library believes the program has mapped, and the lock around it.
 *
 * regions.h, files.h and windows.h are only called with the model lock held. The belief is kept by
 * one rule: a range leaves the model before it leaves the kernel, and enters it after the kernel
 * has made it. So what is in the model is mapped, and another thread that is given a freed
 * address by the kernel never finds the old owner's entry there. What is not in the model is
 * unknown and is left alone: forgetting is always safe.
 */
#ifndef MAPHERD_MODEL_H
#define MAPHERD_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lock.h"

/*
 * The model lock. Waits and takes it: true. False at once in a signal handler that interrupted the
 * lock's owner on its own thread: that call passes straight to the kernel, and what it changes is
 * noted with model_unseen. Async-signal-safe.
 */
bool model_take(void);

/*
 * Releases it; nothing else can. What handlers noted meanwhile is forgotten by the model first, so
 * that nobody takes it for what it was.
 */
void model_drop(void);

/* This thread holds it: a handler has interrupted the owner. */
bool model_mine(void);

/* A handler that was refused the lock changes this range. */
void model_unseen(uintptr_t start, uintptr_t end);

/* In a forked child: the lock was held at the fork, by a thread that may not be here; and the lock
 * as new. */
bool model_left_taken(void);
void model_after_fork(void);

#endif
