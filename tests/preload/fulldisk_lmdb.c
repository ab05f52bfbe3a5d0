/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fulldisk_lmdb: stores into an LMDB environment that is written by way of its map.
 *
 *     fulldisk_lmdb FOLDER MIB
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int answer, const char *call)
{
    if (answer) {
        printf("%s: %s (%d)\n", call, mdb_strerror(answer), answer);
        exit(3);
    }
}

int main(int argc, char **argv)
{
    static char zeros[8192];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    if (argc != 3)
        return 2;
    size_t size = strtoul(argv[2], NULL, 10) << 20;
    must(mdb_env_create(&env), "mdb_env_create");
    must(mdb_env_set_mapsize(env, size), "mdb_env_set_mapsize");
    must(mdb_env_open(env, argv[1], MDB_WRITEMAP, 0600), "mdb_env_open");
    for (unsigned n = 0; n < size / 16384; n++) {
        MDB_val key = { sizeof n, &n }, value = { sizeof zeros, zeros };
        must(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
        must(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");
        must(mdb_put(txn, dbi, &key, &value, 0), "mdb_put");
        must(mdb_txn_commit(txn), "mdb_txn_commit");
    }
    puts("stored");
    return 0;
}
