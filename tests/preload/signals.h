/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * signals: what a program can see of SIGBUS. Every scene runs in a process of its own and prints
 * what it sees; signals.sh compares that with the library and without.
 */
#ifndef PRELOAD_SIGNALS_H
#define PRELOAD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line, written at once. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The kernel's eight bytes of a set. */
uint64_t bits(const sigset_t *set);
sigset_t set_of(int first, ...); /* ends with 0 */
uint64_t mask_now(void);
void say_action(const char *when);

/* A map of which the second page lies past the end of its file, and the way to mend it. */
struct broken {
    volatile char *at; /* the page that faults */
    int fd;
};
extern struct broken broken;
void break_file(bool shared);
void mend_file(void);

/* Runs a scene in a child and tells how it ended. */
typedef void scene_function(void);
void play(const char *what, scene_function *scene);

/* The three files of scenes. */
void play_actions(void);
void play_faults(void);
void play_sent(void);
void play_poison(void);
void play_huge(void); /* HUGE_FOLDER in the environment: a hugetlbfs */

/* Returns only if somebody takes the fault, which kills where the kernel decides alone. */
void fault_while_blocked(void);

void fault_without_handler(void);

/* Bytes of an alternate stack that a fault takes, its small handler included: a store behind the end of
 * the file, or into a hole of it where the filesystem is full. size: of the stack; what overflows it is
 * counted all the same. */
size_t stack_used(const char *path, bool full, size_t size);

/* Stores behind the end of a file, as often, and leaves its handler by siglongjmp. */
void fault_again(const char *path, unsigned times);

/* Stores to a page of a file on an xfs that it shuts down. */
void fault_of_stopped_disk(const char *path);

/* Loads from behind the end of a file, and ends in that way. Returns the status to end with. */
int leave_after_zeros(const char *path, const char *way);

/* What a program that this one executes finds. */
void look_at_inheritance(void);
extern const char *own_path;

#endif
