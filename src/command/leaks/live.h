/*
 * live: what a record says is mapped, together with what else can be known of it: of a process that
 * runs the kernel's own list of maps, of one that is gone which of its files are still there.
 */
#ifndef MAPHERD_COMMAND_LIVE_H
#define MAPHERD_COMMAND_LIVE_H

#include "command/leaks/record.h"
#include "command/leaks/symbols.h"

/* One map (VMA) of the kernel's list, in the order of addresses. */
struct live_map {
    uint64_t start, end, offset, device, inode;
    const char *path; /* as /proc/PID/maps has it */
    bool read, write, exec, shared;
    bool deleted;
    bool recorded; /* the record has a piece in it */
};

/* How the process ended, as far as the record and /proc tell. */
enum live_state { LIVE_RUNNING, LIVE_EXITED, LIVE_REPLACED, LIVE_KILLED, LIVE_UNKNOWN };

struct live {
    struct record *record;
    struct symbols *symbols;
    enum live_state state;
    pid_t pid;              /* of the process, as seen from here; 0: it does not run, or elsewhere */
    uint64_t now_ms;        /* the moment that is looked at: now, or when the process was last seen */
    bool joined;            /* with the kernel's list: maps, spans and unrecorded are known */
    struct live_map *maps;
    size_t map_count;       /* all that count against the limit */
    long limit;             /* vm.max_map_count: now, or as the record has it; <= 0: not known */
    long unrecorded;        /* maps that no piece of the record lies in */
    struct live_span {      /* of a piece: the maps it lies in, maps[first] up to, without, [behind] */
        uint32_t first, behind;
    } *spans;
    bool deleted_known;
    bool *deleted;          /* by element of FILE */
    void *texts;            /* its own */
};

/* Whether the word is a process id, and which. */
bool live_is_pid(const char *word, pid_t *pid);

/* operand: a process id, or the path of a record. false and *why, a sentence, if there is none. */
bool live_open(struct live *l, const char *operand, const char *debug_dir, const char **why);
void live_close(struct live *l);

/* The process of a record: its id as seen from here where it runs, else 0. */
enum live_state live_state_of(const struct record *r, pid_t *pid);

/* "running", "exited", "became another program", "was killed", "not known: another machine's". */
const char *live_state_text(enum live_state state);

/* The path of a file of the record with what the kernel says of it (deleted); "anonymous memory". */
const char *live_file(const struct live *l, uint32_t file);

#endif
