/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * pages: see pages.h.
 */
#include "common/pages.h"

size_t page_size = 4096;
