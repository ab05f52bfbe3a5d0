/*
 * ledger: what the program has mapped and who mapped it, piece by piece: LIVE of the record.
 *
 * The program's view, not the kernel's: what mapherd has merged, holds back or maps for itself does
 * not show here. record_lock held; the record is there.
 */
#ifndef MAPHERD_LEDGER_H
#define MAPHERD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mapherd/record.h"

/* Pieces that were taken out, in the order of their addresses; 0: none. */
typedef uint32_t ledger_chain;

/* A new record: nothing is known yet. */
void ledger_start(void);

/* A mapping of [start, end): number, thread and so on as in what, but for its place and order. What
 * was believed to be there is gone. False, and counted as lost, without space. */
bool ledger_add(uintptr_t start, uintptr_t end, const struct mapherd_record_mapping *what);

/* The piece at addr, or NULL. */
const struct mapherd_record_mapping *ledger_find(uintptr_t addr);

/* Takes [start, end) out. */
ledger_chain ledger_cut(uintptr_t start, uintptr_t end);

/* Puts back what was old_len bytes at start and is new_len bytes at to now: less is left out, and
 * by more the piece at the end grows. */
void ledger_put(ledger_chain chain, uintptr_t start, size_t old_len, uintptr_t to, size_t new_len);

/* It is gone. */
void ledger_drop(ledger_chain chain);

/* How many pieces there are. Also without the lock. */
uint32_t ledger_pieces(void);

/* Everything is. */
void ledger_clear(void);

/* The file's element of FILE; 0 without space. fd: open on it. */
uint32_t ledger_file(const struct stat *st, int fd);

#endif
