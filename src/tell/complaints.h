/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * complaints: what is wrong with the options, told once.
 *
 * A shell script that starts thirty programs gives all of them the same environment. So a process
 * is silent if its parent process has told the same: if the kernel shows that the parent was
 * started with the same MAPHERD_ variables and the same LD_PRELOAD, is none that MAPHERD_ONLY or
 * MAPHERD_SKIP leaves out, and writes its lines to the same standard error. Nothing is left behind
 * for the children: not a variable, which a program would see, nor a file. Where the kernel does
 * not show it, the process tells it once more.
 *
 * All functions are for the constructor, and the environment is that of the start.
 */
#ifndef MAPHERD_COMPLAINTS_H
#define MAPHERD_COMPLAINTS_H

/* Keeps a complaint (options_complain) until it can be told: the options say where lines go. */
void complaints_add(const char *line);

/* Writes what was kept to the log, unless the parent process has told it. After log_start. */
void complaints_tell(char *const *environment);

#endif
