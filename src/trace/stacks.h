/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * stacks: the call stacks in the record, each once, with the modules and the Java frames in them.
 *
 * The caller holds record_lock, and there is a record. No function allocates. Element numbers, and
 * the form of a frame, are those of record.h.
 */
#ifndef MAPHERD_STACKS_H
#define MAPHERD_STACKS_H

#include <stddef.h>
#include <stdint.h>

/* Begins with no stack, in a new record. */
void stacks_start(void);

/*
 * Returns the index of a stack's word in STACK, and adds the stack if it is new. 0 without space.
 * pcs: n native frames as unwind.h gives them, innermost first. java: java_n elements of FRAME,
 * which are their callers. A stack that the record has already is found by a hash of its addresses.
 * So a library that was loaded where another had been is told from that one only where the
 * addresses differ.
 */
uint32_t stacks_add(const uintptr_t *pcs, size_t n, const uint32_t *java, size_t java_n);

/* Counts a mapping of a stack: one that was recorded, or one that was unmapped after lived_ms
 * milliseconds. stack may be 0. */
void stacks_count_made(uint32_t stack);
void stacks_count_unmapped(uint32_t stack, uint64_t lived_ms);

/* Sets the counts of all stacks to 0. */
void stacks_clear_counts(void);

/* A Java frame. The JVM identifies it by method and location; the other fields say what they
 * mean. */
struct java_frame {
    uint64_t method;
    int32_t location;
    const char *class_name, *name, *source; /* source may be NULL */
    int32_t line;                           /* 0: not known, -1: native */
};

/* The element of FRAME with these numbers of the JVM; 0 if the record has none. */
uint32_t stacks_find_frame(uint64_t method, int32_t location);

/* Adds a Java frame, of which the caller knows that the record does not have it, and returns its
 * element of FRAME. 0 without space. The texts are copied. */
uint32_t stacks_add_frame(const struct java_frame *f);

#endif
