/*
 * history: the counts of VMAs of processes, over the time that they have been watched.
 */
#ifndef MAPHERD_HISTORY_H
#define MAPHERD_HISTORY_H

#include "command/watch/processes.h"

enum { HISTORY_LEN = 512 };

struct history {
    pid_t pid;
    uint64_t started;
    bool seen; /* in the present round */
    size_t n;  /* the last HISTORY_LEN are kept */
    long maps[HISTORY_LEN];
    uint64_t ms[HISTORY_LEN];
};

struct histories {
    struct history *at;
    size_t n, room;
};

/* A round: history_begin, history_note for each process, and history_end, which forgets the
 * processes that are gone. */
void history_begin(struct histories *h);
void history_note(struct histories *h, const struct process *one, uint64_t now_ms);
void history_end(struct histories *h);

/* The history of a process; NULL if it was never noted. */
const struct history *history_of(const struct histories *h, const struct process *one);

/* How many counts are kept; the count, and its time in ms, that lies `back` places before the
 * last. */
size_t history_kept(const struct history *h);
long history_maps(const struct history *h, size_t back);
uint64_t history_ms(const struct history *h, size_t back);

/* The VMAs gained per minute, as the last minute shows. False while there are less than two
 * counts. */
bool history_pace(const struct history *h, long *a_minute);

#endif
