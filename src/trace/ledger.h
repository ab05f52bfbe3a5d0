/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * ledger: what the program has mapped, piece by piece: the LIVE elements of the record (record.h).
 *
 * A piece is a mapping, or the part of it that is left after another part was unmapped. The ledger
 * has the program's view, not the kernel's: mappings that are one VMA are still pieces of their
 * own, what is retained counts as unmapped, and the library's own mappings are missing.
 *
 * The caller holds record_lock, and there is a record, if nothing else is said. Addresses and
 * lengths are page-aligned, in bytes. Without space for a new element a piece, or a part of it, is
 * counted as lost (head.lost).
 */
#ifndef MAPHERD_LEDGER_H
#define MAPHERD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mapherd/record.h"

/* The time as pieces have it (born_ms): ms since 1970. Needs no lock. */
uint64_t ledger_now_ms(void);

/* Pieces that were taken out of the ledger, in the order of their addresses; 0: none. */
typedef uint32_t ledger_chain;

/* Begins an empty ledger in a new record. */
void ledger_start(void);

/*
 * Adds a piece [start, end), which is a mapping of its own. Its order is new; all else is as in
 * what, of which start, end, left and right are not used. Pieces that lie in the range are dropped
 * first. False if there was no space.
 */
bool ledger_add(uintptr_t start, uintptr_t end, const struct mapherd_record_mapping *what);

/* The piece that addr lies in, or NULL. */
const struct mapherd_record_mapping *ledger_find(uintptr_t addr);

/* Takes [start, end) out of the ledger, cutting pieces that reach beyond it. The result is for
 * ledger_put or ledger_drop. Readers of the record do not see it meanwhile. */
ledger_chain ledger_cut(uintptr_t start, uintptr_t end);

/*
 * Puts a chain back that was cut from the old_len bytes at start and is now the new_len bytes at
 * to. Where new_len is less than old_len, the end is left out; where it is more, the last piece
 * grows.
 */
void ledger_put(ledger_chain chain, uintptr_t start, size_t old_len, uintptr_t to, size_t new_len);

/* Releases the pieces of a chain: they are unmapped. */
void ledger_drop(ledger_chain chain);

/* The number of pieces, those in chains among them. Needs no lock. */
uint32_t ledger_pieces(void);

/* Releases all pieces, but for those in chains, which belong to the threads that have cut them. */
void ledger_clear(void);

/* The element of FILE for the file that fd is open on; st: its fstat. Adds it if it is new. 0
 * without space. */
uint32_t ledger_file(const struct stat *st, int fd);

#endif
