/*
 * record_check: makes what was read of a record file fit to be used: nothing in it points where
 * nothing is.
 */
#ifndef MAPHERD_COMMAND_RECORD_CHECK_H
#define MAPHERD_COMMAND_RECORD_CHECK_H

#include "command/leaks/record.h"

/* What a sentence about a record is written into; returns NULL. */
void *record_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *record_problem(void);

/* Bytes of an element of a kind (words of STACK, characters of TEXT); 0 for what readers pass by. */
size_t record_element(unsigned kind);

/* Whether the head is one, and all parts that it speaks of lie apart from each other. len: how much
 * of it was read. false: record_refuse() was told. */
bool record_check_head(const struct mapherd_record_head *h, size_t len);

/* Ends texts, drops events that were just being written, and sorts them. */
void record_check_events(struct record *r, struct mapherd_record_event *events, size_t n);
size_t record_check_top(struct mapherd_record_top *top, size_t n);
void record_check_modules(struct mapherd_record_module *modules, size_t n);

/* Checks pieces and stacks: n pieces as read; those that are left are r's, by address, none over
 * another. May move them to other memory (of malloc). false: no memory. */
bool record_check_pieces(struct record *r, size_t n);

#endif
