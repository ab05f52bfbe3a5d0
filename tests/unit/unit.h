/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * unit.h: what every unit test includes first.
 */
#ifndef MAPHERD_UNIT_H
#define MAPHERD_UNIT_H

/* cmocka asks for these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fakesys.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* A setup for cmocka: the fake kernel as new. Using it is also what makes the linker take the fake
 * before the library's own sys.o. */
static inline int fresh_kernel(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

#define UNIT(test) cmocka_unit_test_setup(test, fresh_kernel)

#endif
