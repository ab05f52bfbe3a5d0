#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# The main job on tmpfs.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/chunks.sh"

chunks_on tmpfs 1G 70000
