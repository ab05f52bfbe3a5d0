#!/bin/sh
# The main job on btrfs.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/chunks.sh"

chunks_on btrfs 1G 500
