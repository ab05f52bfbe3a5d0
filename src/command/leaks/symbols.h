/*
 * symbols: names for the frames of a record's stacks.
 *
 * The files that the process had mapped are read as the process sees them (/proc/PID/root while it
 * runs). A file with another build id than the record has was replaced: its frames get no names,
 * and a note says so. Each frame is looked up once.
 */
#ifndef MAPHERD_COMMAND_SYMBOLS_H
#define MAPHERD_COMMAND_SYMBOLS_H

#include "command/leaks/record.h"

/* One function. No text is NULL; what is not known is "" or 0. The texts come from files and
 * records, and may hold any bytes. */
struct symbol {
    const char *name;     /* "sync"; "libfoo.so+0x1f3", "0x7f0012345678" where it is not known */
    const char *text;     /* the whole line: "sync  store.c:12  (libfoo.so)",
                           * "com.example.Store.sync(Store.java:12)" */
    const char *function; /* demangled; "com.example.Store.sync" */
    const char *source;   /* file name of the source, as it was compiled; "Store.java" */
    int line;
    const char *module; /* path of the program or library; "" for Java and JIT code */
    bool java;
    bool native;      /* a Java method that is native */
    bool own;         /* of libmapherd.so: not to be shown */
    uint64_t address; /* in the module, or in memory where there is none */
};

struct symbols;

/*
 * Begins to name the frames of r, which has to outlive the result. pid: the process as seen from
 * here if it runs, else 0. debug_dir: where separate debug files are besides the usual places; may
 * be NULL.
 */
struct symbols *symbols_new(const struct record *r, pid_t pid, const char *debug_dir);
void symbols_free(struct symbols *s);

/* The functions of a stack of the record, innermost first, without the library's own. *n: how many.
 * In memory of malloc; NULL if there is no such stack. The symbols are good until symbols_free. */
const struct symbol **symbols_stack(struct symbols *s, uint32_t stack, size_t *n);

/* *n sentences that say what could not be named and why, of the stacks that symbols_stack has
 * looked up. */
const char *const *symbols_notes(const struct symbols *s, size_t *n);

#endif
