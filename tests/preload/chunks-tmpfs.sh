#!/bin/sh
# The main job on tmpfs.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/chunks.sh"

chunks_on tmpfs 1G 70000
