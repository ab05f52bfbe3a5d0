#!/bin/sh
# The main job on xfs.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/chunks.sh"

chunks_on xfs 1G 500
