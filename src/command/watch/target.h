/*
 * target: a running process that the command looks at.
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
    long maps;     /* VMAs that count against the limit */
    long limit;    /* vm.max_map_count, or -errno */
};

/* Sets the name of the process t->pid. False if there is no such process. */
bool target_name(struct target *t);

/* Takes the verb's one operand, a process id. Returns DONE, or, after a complaint, the status to
 * end with. */
int target_find(const struct verb *v, int operands, char **argv, struct target *t);

/* Reads the list of VMAs, counts those that count against the limit, and calls each with them.
 * Returns the number of lines, or -errno. 0: it is a thread of the kernel, or has ended. */
long target_count(struct target *t, void (*each)(const struct procmap *m, void *context),
                  void *context);

/* target_count, for the process that the user has named. Returns DONE, or FAILED after a
 * complaint. */
int target_read(struct target *t, void (*each)(const struct procmap *m, void *context),
                void *context);

/* The count as percent of the limit, rounded down; -1 if the limit is not known. */
long target_share(const struct target *t);

/* "calm", "raised", "high" or "full" (doc/design.md, section 4); "unknown". */
const char *target_pressure(const struct target *t);

/* Prints "70,213 maps of 65,530 (107 %): full". */
void target_print_count(const struct target *t);

/* Writes pid, name, maps, limit, share and pressure. */
void target_json(const struct target *t, struct json *j);

#endif
