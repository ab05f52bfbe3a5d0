#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# A spill file's pages go where they belong, and nowhere else.
# shellcheck disable=SC2154 # mnt and why are lib.sh's
. "$TESTS_SRC/lib.sh"
. "$TESTS_SRC/cli/cli.sh"
make_spill() { "$TESTS_BIN/tests/cli/spillmake" "$@" || fail "spillmake $*"; }
scratch=$(cd "$scratch" && pwd -P)
file=$scratch/file
spill=$scratch/mapherd-spill.made.1.x
gone=pid=999999999

# new_file: 20 pages and a half; page 3 is full of 'q', the rest is a hole.
new_file() {
	truncate -s 0 "$file"
	truncate -s 83968 "$file"
	head -c 4096 /dev/zero | tr '\0' q | dd of="$file" bs=4096 seek=3 conv=notrunc status=none
}
# page N: the first character of that page, and how many different ones it has.
page() {
	dd if="$file" bs=4096 skip="$1" count=1 status=none | tr '\0' 0 | fold -w 1 | sort | uniq -c | awk '{ printf "%s%s", $2, $1 }'
}
has_page() { [ "$(page "$1")" = "$2" ] || fail "page $1 holds $(page "$1") and not $2"; }
same_as() { cmp -s "$file" "$1" || fail "the file was written to"; }

misuse "no spill file is named" recover

# The plain case; page 0 was not stored to, page 5 is there already, page 1 is not in the spill file.
new_file
head -c 4096 /dev/zero | tr '\0' e | dd of="$file" bs=4096 seek=5 conv=notrunc status=none
make_spill "$spill" "$gone" file="$file" 0=00 2=b0 3=cq 4=d0 5=e0
cp "$file" "$scratch/before"
cp "$spill" "$scratch/spill"
for flags in -n --dry-run; do
	expect 0 "$MAPHERD" recover $flags "$spill"
	silent err
	out_has "3 pages, 12,288 bytes would be written: 8192+12288"
	same_as "$scratch/before"
done
expect 0 "$MAPHERD" recover --keep "$spill"
out_has "made[999999999]"
out_has "3 pages, 12,288 bytes written: 8192+12288"
out_has "the spill file is kept"
has_page 0 04096
has_page 2 b4096
has_page 3 c4096
has_page 4 d4096
has_page 5 e4096
cmp -s "$spill" "$scratch/spill" || fail "the spill file was changed"
[ "$(stat -c %s "$file")" = 83968 ] || fail "the file has another length"
# Again: everything is there, and the spill file goes.
expect 0 "$MAPHERD" recover "$spill"
out_has "nothing to write"
[ ! -e "$spill" ] || fail "an empty spill file is kept"

# Its process was killed while it made it: it says so, and goes. Another file of no bytes is none.
unfinished() {
	"$@"
	expect 0 "$MAPHERD" recover -n "$spill"
	out_has "its process was killed while it made this file; nothing was stored in it yet"
	expect 0 "$MAPHERD" recover "$spill"
	out_has "the spill file is removed"
	[ ! -e "$spill" ] || fail "an unfinished spill file is kept"
}
rm -f "$spill"
unfinished truncate -s 0 "$spill"
unfinished truncate -s 1M "$spill"
: >"$scratch/none"
expect 1 "$MAPHERD" recover "$scratch/none"
err_has "too short"

# The half page at the end, and what is behind the end.
new_file
make_spill "$spill" "$gone" file="$file" file_start=65536 3=x0 4=y0
expect 0 "$MAPHERD" recover --keep "$spill"
out_has "2 pages, 6,144 bytes"
has_page 20 y2048
[ "$(stat -c %s "$file")" = 83968 ] || fail "the half page made the file longer"
truncate -s 80000 "$file"
truncate -s 77824 "$file"
expect 1 "$MAPHERD" recover "$spill"
err_has "77,824 bytes long now"
has_page 18 04096
expect 1 "$MAPHERD" recover --force "$spill"
out_has "past the end of the file: 77824+8192"
[ "$(stat -c %s "$file")" = 77824 ] || fail "--force made the file longer"
[ -e "$spill" ] || fail "the spill file went with pages that are nowhere else"

# Changed since: nothing of this file is written, of the other all.
new_file
cp "$file" "$scratch/other"
make_spill "$spill" "$gone" file="$file" 2=b0 3=c0 file="$scratch/other" 6=z0 file="$file" file_start=65536 0=k0
cp "$file" "$scratch/before"
expect 1 "$MAPHERD" recover "$spill"
err_has "it has been changed since, in 1 place (at 12288); nothing of it was written"
same_as "$scratch/before"
out_has "$scratch/other: 1 page, 4,096 bytes written: 24576+4096"
[ -e "$spill" ] || fail "the spill file went too early"
expect 0 "$MAPHERD" recover --force "$spill"
out_has "over what had been changed since: 12288+4096"
has_page 2 b4096
has_page 3 c4096
has_page 16 k4096

# One page twice.
new_file
make_spill "$spill" "$gone" file="$file" 2=b0 file="$file" 2=c0
expect 1 "$MAPHERD" recover "$spill"
err_has "two different pages for offset 8192"
make_spill "$spill" "$gone" file="$file" 2=b0 file="$file" 2=b0
expect 0 "$MAPHERD" recover "$spill"
has_page 2 b4096

# JSON says the same.
if command -v python3 >/dev/null; then
	new_file
	make_spill "$spill" "$gone" file="$file" 0=00 2=b0 3=c0
	expect 1 "$MAPHERD" recover --json "$spill"
	[ "$(field 0 files 0 result) $(field 0 files 0 changed 0 offset) $(field 0 removed)" = "refused 12288 false" ] ||
		fail "JSON: $(cat "$scratch/out")"
	expect 0 "$MAPHERD" recover --json --force "$spill"
	[ "$(field 0 files 0 result) $(field 0 files 0 ranges 0 offset) $(field 0 files 0 bytes_written) $(field 0 files 0 pages_unchanged) $(field 0 removed)" = "written 8192 8192 1 true" ] ||
		fail "JSON: $(cat "$scratch/out")"
else
	say "not shown, for want of python3: the JSON"
fi

# The spill file ends where the last page does, and may have a slot that nothing was stored to yet.
new_file
make_spill "$spill" "$gone" file="$file" 2=b0 file="$file" file_start=65536 cut=1064960
expect 0 "$MAPHERD" recover "$spill"
has_page 2 b4096

# Another file of that name, no file, what is no file, and nothing that needs one.
new_file
make_spill "$spill" "$gone" file="$file" ino=1 2=b0
cp "$file" "$scratch/before"
expect 1 "$MAPHERD" recover "$spill"
err_has "another file has that name now"
same_as "$scratch/before"
expect 0 "$MAPHERD" recover --force --keep "$spill"
has_page 2 b4096
make_spill "$spill" "$gone" file="$file" dev=77 4=b0
expect 0 "$MAPHERD" recover "$spill"
out_has "its device has another number now"
make_spill "$spill" "$gone" file="$scratch/nothere" 2=b0
expect 1 "$MAPHERD" recover --force "$spill"
err_has "No such file"
[ ! -e "$scratch/nothere" ] || fail "a file was made"
make_spill "$spill" "$gone" file="$scratch/nothere" 2=bb
expect 0 "$MAPHERD" recover "$spill"
make_spill "$spill" "$gone" file="$scratch/nothere (deleted)" 2=b0
expect 1 "$MAPHERD" recover "$spill"
err_has "--force gives its pages up"
expect 0 "$MAPHERD" recover --force "$spill"
[ ! -e "$spill" ] || fail "what belongs nowhere is kept"
# As the kernel shows a newline, and as a name that has a backslash.
plain=$file
file="$scratch/a
b"
new_file
make_spill "$spill" "$gone" file="$file" 2=b0 path="$scratch/a\\012b"
expect 0 "$MAPHERD" recover "$spill"
has_page 2 b4096
file="$scratch/a\\012b"
new_file
make_spill "$spill" "$gone" file="$file" 2=b0
expect 0 "$MAPHERD" recover "$spill"
has_page 2 b4096
file=$plain
mkfifo "$scratch/fifo"
ln -s "$file" "$scratch/link"
for odd in "$scratch/fifo" "$scratch" /dev/null "$scratch/link"; do
	make_spill "$spill" "$gone" file="$odd" 2=b0
	expect 1 "$MAPHERD" recover --force "$spill"
	err_has "no regular file"
done

# A folder that was moved away, with a link to another one in its place.
mkdir "$scratch/folder"
file=$scratch/folder/file
new_file
make_spill "$spill" "$gone" file="$file" 2=b0
mv "$scratch/folder" "$scratch/moved"
ln -s moved "$scratch/folder"
cp "$file" "$scratch/before"
expect 1 "$MAPHERD" recover "$spill"
err_has "symbolic link"
same_as "$scratch/before"
expect 0 "$MAPHERD" recover --force "$spill"
has_page 2 b4096
file=$plain

# While its process lives, or anybody has the file or the spill file open for writing.
new_file
started() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20; }
make_spill "$spill" pid=$$ start_time="$(started $$)" file="$file" 2=b0
expect 1 "$MAPHERD" recover "$spill"
err_has "its process still runs"
make_spill "$spill" pid=$$ start_time=1 file="$file" 2=b0
expect 0 "$MAPHERD" recover --dry-run "$spill"
if [ "$(stat -f -c %T "$scratch")" != overlayfs ]; then
	exec 4<>"$spill"
	expect 1 "$MAPHERD" recover "$spill"
	err_has "a process still uses it"
	exec 4>&- 4<>"$file"
	expect 1 "$MAPHERD" recover "$spill"
	err_has "has it open for writing"
	exec 4>&-
else
	say "not on overlay: leases, which tell who has a file open"
fi
expect 0 "$MAPHERD" recover "$spill"
has_page 2 b4096

# What is no spill file, or a damaged one.
bad() {
	text=$1
	shift
	new_file
	cp "$file" "$scratch/before"
	make_spill "$spill" "$@"
	for flags in --keep --force; do
		expect 1 "$MAPHERD" recover $flags "$spill"
		err_has "$text"
	done
	same_as "$scratch/before"
}
bad "too short" cut=80
bad "no spill file" magic=NOSPILL file="$file" 2=b0
bad "another order of bytes" byte_order=0x04030201 file="$file" 2=b0
bad "its version is 2" version=2 file="$file" 2=b0
bad "a page of 3 bytes" page_size=3 file="$file" 2=b0
bad "a page of 0 bytes" page_size=0 file="$file" 2=b0
bad "a page of 2147483648 bytes" page_size=0x80000000 file="$file" 2=b0
bad "names no file" file="$file" 2=b0 path=relative
bad "names no file" file="$file" 2=b0 path_len=3073
bad "names no file" file="$file" 2=b0 path_len=0
bad "names no file" file="$file" 2=b0 path_len=3000
bad "no range of a file" file="$file" 2=b0 file_start=1
bad "no range of a file" file="$file" 2=b0 len=0
bad "no range of a file" file="$file" 2=b0 file_start=0x7ffffffffffff000 len=0x7ffffffffffff000
bad "no range of a file" file="$file" 2=b0 file_start=0xfffffffffffff000
bad "lies between pages" file="$file" 2=b0 data_at=1048577
bad "points where no pages can be" file="$file" 2=b0 sums_at=0
bad "points where no pages can be" file="$file" 2=b0 data_at=0xfffffffffffff000
bad "ends at" file="$file" 2=b0 data_at=0x7ffffffffff00000
bad "ends at" file="$file" 2=b0 len=0x1000000000000000
bad "ends at" file="$file" 2=b0 cut=1060864
bad "ends at" file="$file" 2=b0 cut=1060870
bad "ends at" file="$file" 2=b0 cut=5000
"$TESTS_BIN/tests/cli/spillmake" "$spill" "$gone" file="$file" 2=b0
printf '\377\377\377\377' | dd of="$spill" bs=1 seek=20 conv=notrunc status=none
expect 1 "$MAPHERD" recover "$spill"
err_has "slots make no sense"

# Whose it is: one that others may write to, a link, no file at all.
make_spill "$spill" "$gone" file="$file" 2=b0
chmod 0666 "$spill"
expect 1 "$MAPHERD" recover "$spill"
err_has "others than its owner may write to it"
chmod 0600 "$spill"
ln -sf "$spill" "$scratch/link"
expect 1 "$MAPHERD" recover "$scratch/link"
err_has "symbolic link"
expect 1 "$MAPHERD" recover "$scratch/fifo"
err_has "no regular file"
expect 1 "$MAPHERD" recover "$scratch/nowhere"
err_has "No such file"
if [ "$(id -u)" = 0 ]; then
	# With the rights of its owner, even for root.
	chmod 0755 "$scratch"
	chmod 0644 "$file"
	chown 65534 "$spill"
	cp "$file" "$scratch/before"
	expect 1 "$MAPHERD" recover "$spill"
	err_has "Permission denied"
	same_as "$scratch/before"
	chown 65534 "$file"
	expect 0 "$MAPHERD" recover --keep "$spill"
	has_page 2 b4096
	if command -v setpriv >/dev/null; then
		chmod 0644 "$spill"
		expect 1 setpriv --reuid=65533 --clear-groups "$MAPHERD" recover "$spill"
		err_has "it belongs to another user"
	else
		say "not shown here: the spill file of another user (no setpriv)"
	fi
	rm "$spill" "$file"
else
	say "not shown here: the spill file of another user (needs root)"
fi

# A folder: every spill file in it, and nothing else.
new_file
mkdir "$scratch/dir"
make_spill "$scratch/dir/mapherd-spill.a.1.x" "$gone" file="$file" 2=b0
make_spill "$scratch/dir/mapherd-spill.b.2.y" "$gone" file="$file" 4=d0
make_spill "$scratch/dir/other" "$gone" file="$file" 6=d0
expect 0 "$MAPHERD" recover "$scratch/dir"
has_page 2 b4096
has_page 4 d4096
has_page 6 04096
[ "$(ls "$scratch/dir")" = other ] || fail "left in the folder: $(ls "$scratch/dir")"
expect 0 "$MAPHERD" recover "$scratch/dir"
silent out

# A full disk: nothing of it is written, and the number of bytes that are missing is told.
if mount_fs tmpfs 1M; then
	file="$(cd "$mnt" && pwd -P)/full"
	truncate -s 65536 "$file"
	make_spill "$spill" "$gone" file="$file" 0=a0 1=b0 2=c0 3=d0
	head -c 2M /dev/zero >"$mnt/stuffing" 2>/dev/null || true
	truncate -s "$(($(stat -c %s "$mnt/stuffing") - 4096))" "$mnt/stuffing"
	expect 1 "$MAPHERD" recover "$spill"
	err_has "No space left on device: about 12,288 bytes more are needed; nothing of it was written"
	has_page 0 04096
	rm "$mnt/stuffing"
	expect 0 "$MAPHERD" recover "$spill"
	has_page 3 d4096
else
	say "not shown here: tmpfs (a full one): $why"
fi
