/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * interpreters: an interpreter's own frames in a stack.
 *
 * The native stack of a script is mostly the functions by which the interpreter calls itself. They
 * say nothing of the script. So each run of them becomes one line that says how many they are. What
 * the script has called, and code that the interpreter's map file names, stays.
 */
#ifndef MAPHERD_COMMAND_INTERPRETERS_H
#define MAPHERD_COMMAND_INTERPRETERS_H

#include "command/leaks/symbol.h"
#include "command/lib/enough.h"

enum interpreter { INTERPRETER_CPYTHON, INTERPRETER_RUBY, INTERPRETER_PERL, INTERPRETERS };

struct interpreters {
    struct interpreter_seen {
        const char *module; /* the program or library with its frames; NULL: it has none */
        bool scripts;       /* a map file names functions of scripts */
    } seen[INTERPRETERS];
    /* The lines that stand for frames, each once. */
    struct numbers lines;
    struct symbol **symbols;
    size_t room;
    struct texts texts;
};

/* Replaces the runs in a stack of n functions, innermost first, and returns how many lines are
 * left. fold: false only looks which interpreters there are. The new ones are good until
 * interpreters_free. */
size_t interpreters_fold(struct interpreters *in, const struct symbol **at, size_t n, bool fold);
void interpreters_free(struct interpreters *in);

/* A sentence about how scripts of an interpreter that was seen get named, in memory of malloc; NULL
 * where they are, or none was seen. */
char *interpreters_hint(const struct interpreters *in, enum interpreter which);

#endif
