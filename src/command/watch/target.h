/*
 * target: a running process that is looked at.
 */
#ifndef MAPHERD_TARGET_H
#define MAPHERD_TARGET_H

#include <sys/types.h>

#include "command/lib/print.h"
#include "command/lib/verb.h"
#include "kernel/procmaps.h"

struct target {
    pid_t pid;
    char name[64]; /* as ps shows it */
    long maps;     /* that count against the limit */
    long limit;    /* vm.max_map_count, or -errno */
};

/* Sets the name; false if there is no such process. */
bool target_name(struct target *t);

/* The verb's one operand, a process id. DONE, or it has complained and tells how to end. */
int target_find(const struct verb *v, int operands, char **argv, struct target *t);

/* Reads the list of maps, counts and hands on what counts. Returns the lines, or -errno; 0 for
 * threads of the kernel and what has ended. */
long target_count(struct target *t, void (*each)(const struct procmap *m, void *context),
                  void *context);

/* target_count for the one process that the user named: DONE, or FAILED with a complaint. */
int target_read(struct target *t, void (*each)(const struct procmap *m, void *context),
                void *context);

/* Percent of the limit, rounded down; -1 if the limit is not known. */
long target_share(const struct target *t);

/* calm, raised, high or full (doc/design.md, the limit); "unknown". */
const char *target_pressure(const struct target *t);

/* "70,213 maps of 65,530 (107 %): full" */
void target_print_count(const struct target *t);

/* pid, name, maps, limit, share and pressure. */
void target_json(const struct target *t, struct json *j);

#endif
