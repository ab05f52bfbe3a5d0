# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck shell=sh
# What several tests let real programs do. Sourced after lib.sh, or by itself.

# make_repository FOLDER: a git repository with 200 commits, unpacked.
make_repository() {
	git init -q "$1"
	n=0
	while [ $n -lt 200 ]; do
		n=$((n + 1))
		printf 'commit refs/heads/main\ncommitter A <a@example.org> %s +0000\ndata 8\nnumber %s\n' \
			$((1700000000 + n)) $((n % 10))
		printf 'M 644 inline file%s\ndata <<END\n' $((n % 17))
		seq $n $((n + 400))
		printf 'END\n\n'
	done | git -C "$1" fast-import --quiet
	git -C "$1" symbolic-ref HEAD refs/heads/main
}

# load_lmdb FOLDER: 20,001 pairs, by way of the file "text".
load_lmdb() {
	{
		printf 'VERSION=3\nformat=print\ntype=btree\nmapsize=67108864\nHEADER=END\n'
		seq 100000 120000 | sed 's/.*/ key &\n value of & that is a little longer than its key/'
		echo DATA=END
	} >text
	mdb_load -f text "$1"
}

# sqlite_workload FILE [STATEMENT]: a table and an index in a database that is mapped, changed, compacted, checked
# and read. STATEMENT comes first.
sqlite_workload() {
	sqlite3 "$1" <<-END
		PRAGMA mmap_size = 268435456;
		PRAGMA page_size = 4096;
		${2:-}
		CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v BLOB);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
			INSERT INTO t SELECT i, printf('key %08d', i * 7919 % 20011), zeroblob(i % 300) FROM n;
		CREATE INDEX by_k ON t (k);
		SELECT count(*), sum(length(v)), min(k), max(k) FROM t;
		DELETE FROM t WHERE id % 3 = 0;
		VACUUM;
		PRAGMA integrity_check;
		SELECT * FROM t WHERE k LIKE '%777';
	END
}
