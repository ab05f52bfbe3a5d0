/*
 * symbols: names for the frames of a record's stacks.
 *
 * The files that a process had mapped are read where it sees them (/proc/PID/root while it runs).
 * Where the build id of what lies there now is another than the record's, the file was replaced, and
 * nothing of it is named: it is said in the notes. Each frame is asked for once and then remembered.
 */
#ifndef MAPHERD_COMMAND_SYMBOLS_H
#define MAPHERD_COMMAND_SYMBOLS_H

#include "command/leaks/record.h"

/* One function. Texts are never NULL; what is not known is "" and 0. They come from files and
 * records: nobody has checked what is in them. */
struct symbol {
    const char *name;     /* "sync"; "libfoo.so+0x1f3", "0x7f0012345678" where it is not known */
    const char *text;     /* the whole line: "sync  store.c:12  (libfoo.so)",
                           * "com.example.Store.sync(Store.java:12)" */
    const char *function; /* demangled; "com.example.Store.sync" */
    const char *source;   /* file name of the source, as it was compiled; "Store.java" */
    int line;
    const char *module;   /* path of the program or library; "" for Java and JIT code */
    bool java;
    bool native;          /* a Java method that is native */
    bool own;             /* of libmapherd.so: no reader wants it */
    uint64_t address;     /* in the module, or in memory where there is none */
};

struct symbols;

/* pid: the process of the record as seen from here, if it runs, else 0. debug_dir: where separate
 * debug files are besides the usual places; may be NULL. r has to outlive it. */
struct symbols *symbols_new(const struct record *r, pid_t pid, const char *debug_dir);
void symbols_free(struct symbols *s);

/* What a frame of record_stack() stands for: innermost first, more than one where functions were
 * inlined. Never NULL, *n >= 1. Good until symbols_free. */
const struct symbol *symbols_frame(struct symbols *s, uint64_t frame, size_t *n);

/* Sentences about what could not be named and why, as far as symbols_frame has asked. */
const char *const *symbols_notes(const struct symbols *s, size_t *n);

#endif
