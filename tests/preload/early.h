/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * early: what hooks answered before main.
 */
#ifndef EARLY_H
#define EARLY_H

struct early {
    long answer;
};
#define EARLY_MAX 500

/* early_lib.c */
extern struct early early_answers[EARLY_MAX];
extern unsigned early_count;
int early_picked(void);

/* early_user.c */
const struct early *early_look(unsigned *count);

#endif
