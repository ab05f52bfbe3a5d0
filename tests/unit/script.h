/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * script: calls of all kinds to the engine over the fake kernel, each compared with what the
 * program may expect.
 *
 * The naive model knows for each page of the program which page of which file it shows, and how.
 * After every call the fake kernel must hold just that, whatever the library did on the way, and
 * what the library believes of its regions must be so. What does not hold ends the process by
 * SIGABRT. The calls and their arguments follow from numbers, which are random in test_engine.c
 * and a fuzzer's input in tests/fuzz/engine.c.
 */
#ifndef MAPHERD_SCRIPT_H
#define MAPHERD_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct script {
    uint32_t (*draw)(uint32_t n); /* a number below n */
    bool overlay;                 /* two mmaps side by side do not merge, as on overlayfs */
    bool sparse;                  /* the files have holes */
    int coalesce;                 /* COALESCE_... */
    bool broken;                  /* the model makes a mistake, to show that it is noticed */
    bool aloud;                   /* each call is written to standard error */
};

/* Begins with a world as new and FILES files. The script is copied. */
void script_begin(const struct script *s);

/* Makes a few calls, mostly one. */
void script_step(void);

/* Compares the model with the fake kernel, and the library's regions too. */
void script_compare(void);

/* Unmaps all that is left, after which nothing must be. */
void script_end(void);

/* Ends the process by SIGABRT if the condition does not hold. */
#define script_holds(what) ((what) ? (void)0 : script_fail(__FILE__, __LINE__, #what))
_Noreturn void script_fail(const char *file, int line, const char *what);

/* The descriptor of a file, n < SCRIPT_FILES. */
#define SCRIPT_FILES 4
int script_fd(int n);

#endif
