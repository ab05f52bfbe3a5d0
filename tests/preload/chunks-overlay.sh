#!/bin/sh
# The main job on overlay.
. "${TESTS_SRC:?run by make check}/lib.sh"
. "$TESTS_SRC/preload/chunks.sh"

chunks_on overlay "" 500
