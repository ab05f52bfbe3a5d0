/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * symbol: one line of a call stack.
 */
#ifndef MAPHERD_COMMAND_SYMBOL_H
#define MAPHERD_COMMAND_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    bool jit;         /* the name is of the map file of a JIT */
    size_t folded;    /* it stands for so many frames of an interpreter; else 0 */
    uint64_t address; /* in the module, or in memory where there is none */
};

#endif
