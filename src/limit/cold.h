/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * cold: more live file mappings than vm.max_map_count allows.
 *
 * A mapping of a file that was not used lately is made cold: a part of the placeholder takes the
 * place of its VMA. The placeholder is an empty memfd, mapped shared at a file offset that is the
 * address, so that the kernel merges neighbouring parts whatever files they stand for. The first
 * access raises SIGBUS, and the file is mapped again at its place: it is warm. The instruction runs
 * on. The pages stay those of the file: what is stored is in the page cache, and other processes,
 * truncation, write-back and msync mean what they mean without mapherd.
 *
 * A keeper (kernel/keepers.h) holds the open file of each mapping that may become cold, from its
 * mmap on. That begins at the level "raised" of the pressure (space/pressure.h), or at once with
 * MAPHERD_COLD=on. Mappings become cold near the level "high".
 *
 * Which mappings: shared ones, and private ones that were never writable, of regular files on local
 * filesystems; on overlayfs with MAPHERD_COLD=on only (coldwhich.h). Not those that are executable,
 * locked, in a window (space/windows.h), under an overlay, of DAX or huge pages, or that have a
 * flag or advice which cannot be given back.
 *
 * The lock of this file is the last in the order of locks, and is held with signals blocked. So a
 * handler of the program that interrupts the library under any other lock can touch a cold mapping.
 * All functions are thread- and async-signal-safe, and errno stays as it was. Where nothing may
 * become cold, a function costs one load.
 */
#ifndef MAPHERD_COLD_H
#define MAPHERD_COLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit/coldcount.h"
#include "space/request.h"

struct region;

/* Lets mappings become cold, if MAPHERD_COLD does. handled: the library has the handler of SIGBUS.
 * For the constructor. */
void cold_start(bool handled);

/* The request was mapped at this address, in no window. Holds its file, if the mapping may become
 * cold. The caller has no lock. */
void cold_mapped(struct map_request *q, uintptr_t at);

/*
 * A fault at this address, BUS_ADRERR. True: the mapping was cold and is warm, or another thread
 * has just made it so; the instruction is to be tried again. False: the fault is of another kind,
 * or the file could not be mapped again. For the handler of SIGBUS, in any state of the library.
 */
bool cold_fault(uintptr_t addr);

/* ---- the program's calls ---- */

/* Makes what is cold in the range warm. For a call about to read or write the memory there. */
void cold_reach(const void *at, size_t len);

/* cold_begin_use is cold_reach, and nothing in the range becomes cold before cold_end_use for the
 * same range, by the same thread. Returns false if cold_end_use need not be called: nothing there
 * may become cold, or the calls of too many threads are noted. A call that is left by a jump or by
 * cancellation stays noted: what it used stays warm. */
bool cold_begin_use(uintptr_t start, uintptr_t end);
void cold_end_use(uintptr_t start, uintptr_t end);

/* True if a mapping in the range is cold: after cold_begin_use, one that could not be made warm. */
bool cold_in(uintptr_t start, uintptr_t end);

/* cold_end_use after a call that changes the range (entry/call.h): with answer 0 the mappings lose
 * the REGION_ bits clear and get the bits set, and with an error they stay warm for good. */
void cold_end_change(uintptr_t start, uintptr_t end, long answer, uint32_t clear, uint32_t set);

/* Before a call that unmaps or replaces the range: takes out what is known of it. cold_gone: the
 * call has succeeded; the files are closed when it returns. cold_stays: it has failed. */
struct region *cold_cut(uintptr_t start, uintptr_t end);
void cold_gone(struct region *cut);
void cold_stays(struct region *cut);

/* The kernel has placed a new mapping in the range, which was free: what was there went by a call
 * that no hook saw. */
void cold_replaced(uintptr_t start, uintptr_t end);

/* Makes the mappings in the range warm for good: before mremap. */
void cold_forgo(uintptr_t start, uintptr_t end);

/* As cold_forgo, for all mappings of a file, which is named as the kernel's list of VMAs shows it:
 * before pages of it go to a spill file. */
void cold_forgo_file(dev_t dev, ino_t ino);

/* The program has called mlockall with (on) or without MCL_FUTURE. While it is in force no new
 * mapping may become cold. Takes no lock. */
void cold_lock_future(bool on);

/* Makes all mappings warm for good, as far as the limit allows, and lets no mapping become cold any
 * more: before userfaultfd, a sandbox, and calls that a process with threads may not make. */
void cold_withdraw(void);

/* The calling thread is about to end by exit(2). True: the process has to end instead, because no
 * thread but those of the library would be left. */
bool cold_thread_ends(void);

/* The program is about to set its hard RLIMIT_NOFILE to this. Has the files received that are on
 * their way to the threads of the library, which may be able to receive none then. Where the limit
 * is lower than the number of files, cold_withdraw: a forked child could not receive them. */
void cold_limit_files(uint64_t hard);

/* The program has changed its users: the threads of the library have the same from now on. */
void cold_follow(void);

/* ---- the limit ---- */

/* Makes mappings cold until the reserve (limit/reserve.h) refuses none. False: that is not
 * possible. The caller has no lock. */
bool cold_makes_room(void);

/* DUE_COLD (common/due.h): makes mappings cold, if it is time for that. The caller has no lock. */
bool cold_settle(void);

/* ---- fork ---- */

/* Around a fork, with signals blocked: no thread is changing a mapping meanwhile.
 * cold_fork_ended is for the parent and for the child. */
void cold_before_fork(void);
void cold_fork_ended(void);

/* In a forked child, before cold_fork_ended. Where the fork ran no handlers, a thread that the
 * child does not have may have been changing a mapping: then what is cold stays so, and faults. */
void cold_after_fork(void);

#endif
