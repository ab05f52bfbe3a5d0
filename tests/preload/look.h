/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * look: what a test program sees of its own maps, read from the kernel's list and nowhere else.
 */
#ifndef TESTS_LOOK_H
#define TESTS_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sight {
    long maps;    /* that count against vm.max_map_count */
    long of_file; /* maps of the file asked for */
    bool library; /* libmapherd.so is among them */
};

/* path: absolute, as /proc/self/maps prints it; NULL if no file is asked for. */
struct sight look(const char *path);

/* A line of /proc/self/status that is in kB, "VmLck:" for instance. */
long look_status(const char *field);

/* True if the map that holds addr has the flag, two letters of smaps' VmFlags line: "dc", "lo". */
bool look_flag(const void *addr, const char *flag);

/* The four letters of the map that holds addr ("rw-s"), and its file offset for addr. "" if no
 * map holds it. */
struct place {
    char letters[5];
    uint64_t offset;
    char path[512];
};
struct place look_place(const void *addr);

/* Ends the program with a message on stderr and status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
