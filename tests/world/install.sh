#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that the table of programs names, as root or through sudo, and says which there are not. It is run by hand;
# world.sh installs nothing.
#
#   tests/world/install.sh [NAME...]    (all programs, if none is named)
set -eu
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=examples/packages.sh
. "$source_dir/examples/packages.sh"
# shellcheck source=tests/world/programs.sh
. "$source_dir/tests/world/programs.sh"

# shellcheck disable=SC2086 # a list of words
[ $# != 0 ] || set -- $world_names
wanted=""
for program in "$@"; do
	for need in $(needs_of "$program"); do
		case $need in
		*/*) ;;
		*) wanted="$wanted $need" ;;
		esac
	done
done
there=""
# shellcheck disable=SC2086 # a list of words
for package in $(printf '%s\n' $wanted | sort -u); do
	if LC_ALL=C apt-cache policy "$package" | grep -q 'Candidate: [^(]'; then
		there="$there $package"
	else
		printf 'apt has no package %s\n' "$package" >&2
	fi
done
# shellcheck disable=SC2086 # a list of words
need_packages $there
