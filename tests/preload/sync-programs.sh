#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck disable=SC2086 # a compiler may be several words: ccache gcc
# Stores that sync maps: LMDB with a writable map, tdb's transactions, RocksDB with mapped writes.
# Their results are the same under the library, with every word of MAPHERD_SYNC.
# shellcheck source=tests/lib.sh
. "$TESTS_SRC/lib.sh"
compiler=${CC:-cc}
command -v "${compiler%% *}" >/dev/null || skip "no C compiler"
folder=$scratch/here
mkdir "$folder"
if mount_fs ext4 400M; then folder=$mnt; else say "not on ext4: $why"; fi

# build NAME LIBRARY: a program from standard input; 1 where the library is not installed.
build() {
	${CC:-cc} -O1 -x c - -o "$scratch/$1" "-l$2" 2>"$scratch/cc.err" || {
		say "not run: $1 (no headers of lib$2)"
		return 1
	}
}

# each NAME COMMAND...: alone and with each word; what sum prints must be the same.
each() {
	what=$1
	shift
	for word in alone plain auto fast; do
		rm -rf "$folder/db"
		mkdir "$folder/db"
		case $word in
		alone) "$@" ;;
		*) MAPHERD_SYNC=$word preloaded "$@" ;;
		esac >"$scratch/out" 2>&1 || { cat "$scratch/out" >&2; fail "$what, $word"; }
		sum >"$scratch/sum.$word"
		[ -s "$scratch/sum.$word" ] || fail "$what, $word: there is no result"
		cmp -s "$scratch/sum.alone" "$scratch/sum.$word" || fail "$what, $word: another result than alone"
	done
	say "$what: the same alone and with plain, auto and fast"
}

if build lmdb lmdb <<'END_OF_C'; then
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#define MUST(call) do { if (call) return 1; } while (0)
int main(int argc, char **argv)
{
    MDB_env *env; MDB_txn *txn; MDB_dbi db;
    unsigned flags = MDB_WRITEMAP | (argc > 2 ? MDB_MAPASYNC : 0);
    MUST(mdb_env_create(&env)); MUST(mdb_env_set_mapsize(env, 64 << 20));
    MUST(mdb_env_open(env, argv[1], flags, 0600));
    for (int i = 0; i < 100; i++) {
        MUST(mdb_txn_begin(env, NULL, 0, &txn)); MUST(mdb_dbi_open(txn, NULL, 0, &db));
        for (int j = 0; j < 50; j++) {
            int k = (i * 7919 + j * 104729) % 5000; char bytes[100];
            memset(bytes, k, sizeof bytes); memcpy(bytes, &i, sizeof i);
            MDB_val key = { sizeof k, &k }, value = { sizeof bytes, bytes };
            MUST(mdb_put(txn, db, &key, &value, 0));
        }
        MUST(mdb_txn_commit(txn));
    }
    MUST(mdb_env_sync(env, 1)); mdb_env_close(env);
    return 0;
}
END_OF_C
	if command -v mdb_dump >/dev/null; then
		sum() { mdb_dump "$folder/db"; }
		each "LMDB with a writable map" "$scratch/lmdb" "$folder/db"
		each "LMDB with MDB_MAPASYNC" "$scratch/lmdb" "$folder/db" async
	else
		say "not run: lmdb (no mdb_dump)"
	fi
fi

# tdb's own torture test is in no package. The same idea: three processes store, append, delete and traverse,
# each with keys of its own, in transactions, in some that are given up, and without; and a check of the whole.
if build tdb tdb <<'END_OF_C'; then
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <tdb.h>
#include <unistd.h>
static int torture(const char *path, unsigned who)
{
    struct tdb_context *db = tdb_open(path, 50, TDB_DEFAULT, O_RDWR, 0600);
    unsigned random = who + 1;
    if (!db) return 1;
    for (int i = 0; i < 60; i++) {
        int together = i % 3;
        if (together && tdb_transaction_start(db)) return 2;
        for (int j = 0; j < 20; j++) {
            random = random * 1103515245 + 12345;
            unsigned k = (random >> 16 & 255) << 2 | who; unsigned char bytes[300];
            memset(bytes, (int)k, sizeof bytes);
            TDB_DATA key = { (unsigned char *)&k, sizeof k }, value = { bytes, (random >> 8 & 255) + 1 };
            int what = random >> 4 & 3;
            if (!what) tdb_delete(db, key);
            else if (what == 1 ? tdb_append(db, key, value) : tdb_store(db, key, value, TDB_REPLACE)) return 3;
        }
        if (together && (i % 5 == 4 ? tdb_transaction_cancel(db) : tdb_transaction_commit(db))) return 4;
        if (tdb_traverse_read(db, NULL, NULL) < 0) return 5;
    }
    return tdb_close(db) ? 6 : 0;
}
int main(int argc, char **argv)
{
    struct tdb_context *db = argc < 2 ? NULL : tdb_open(argv[1], 50, TDB_DEFAULT, O_RDWR | O_CREAT, 0600);
    int result, failed = 0;
    if (!db) return 1;
    tdb_close(db);
    for (unsigned who = 0; who < 3; who++)
        if (fork() == 0) _exit(torture(argv[1], who));
    while (wait(&result) > 0) failed |= result;
    db = tdb_open(argv[1], 50, TDB_DEFAULT, O_RDWR, 0600);
    return failed || !db || tdb_check(db, NULL, NULL) || tdb_close(db);
}
END_OF_C
	if command -v tdbdump >/dev/null; then
		sum() { tdbdump "$folder/db/t.tdb" | sort; }
		each "a torture of tdb" "$scratch/tdb" "$folder/db/t.tdb"
	else
		say "not run: tdb (no tdbdump)"
	fi
fi

if command -v db_bench >/dev/null && command -v ldb >/dev/null; then
	sum() { ldb --db="$folder/db" scan --hex 2>/dev/null; }
	each "RocksDB" db_bench --db="$folder/db" --benchmarks=fillseq,compact --num=5000 --mmap_write=1 \
		--mmap_read=1 --compression_type=none --seed=1 --threads=1 --compression_ratio=1
else
	say "not run: RocksDB (no db_bench and ldb)"
fi
