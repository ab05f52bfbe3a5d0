/*
 * processes: all the processes of the machine that may be looked at.
 */
#ifndef MAPHERD_PROCESSES_H
#define MAPHERD_PROCESSES_H

#include <stdint.h>

#include "command/watch/holding.h"
#include "command/watch/target.h"
#include "mapherd/mapherd.h"

struct process {
    struct target target;
    const char *user;
    uint64_t started; /* ticks since boot: with the process id it names a process for good */
    bool preloaded;   /* the library is in it */
    bool told;        /* and its block could be read */
    struct mapherd_status block;
    struct holding most; /* who holds the most; maps 0: not asked for */
};

struct processes {
    struct process *at; /* nearest to their limit first */
    size_t n, room;
    long unreadable; /* how many there are besides */
};

/* Reads every process's list of maps once. holders: also who holds the most. What p held goes. */
void processes_read(struct processes *p, bool holders);

/* One process: false if it is not there, has no maps or may not be read. */
bool process_read(struct process *one, pid_t pid, struct holding *most, size_t *n_most);

/* When a process started, in ticks since boot; 0: it is not there. */
uint64_t process_started(pid_t pid);

/* Maps gained a minute, as its library knows; false where there is none or it does not know. */
bool process_pace(const struct process *one, long *a_minute);

/* pid, name, maps, limit, share, pressure, user, preloaded, growth and who holds the most. */
void process_json(const struct process *one, struct json *j, const char *key);

#endif
