/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * early: prints what the hooks answered in the IFUNC resolver of its library.
 */
#include "early.h"

#include <stdio.h>

int main(void)
{
    unsigned count;
    const struct early *answers = early_look(&count);
    for (unsigned i = 0; i < count; i++)
        printf("%u %ld\n", i, answers[i].answer);
    return count == 0;
}
