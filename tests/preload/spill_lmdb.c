/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * spill_lmdb: processes that share an LMDB database (WRITEMAP, not synced).
 *
 *   spill_lmdb DIR make                 an empty database, on the disk
 *   spill_lmdb DIR write NAME UNTIL     commits 4 entries at a time, and prints "NAME N" for each commit,
 *                                       until the file UNTIL exists
 *   spill_lmdb DIR read UNTIL           reads all entries, again and again, until then; says wrong=N
 *   spill_lmdb DIR check <LINES         of the commits named by the lines, says missing= and wrong=
 */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES 4
#define VALUE 640

static MDB_env *env;
static MDB_dbi dbi;

static void must(int error, const char *what)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", what, mdb_strerror(error));
        exit(9);
    }
}

static void open_database(const char *dir, unsigned flags)
{
    MDB_txn *txn;
    must(mdb_env_create(&env), "mdb_env_create");
    must(mdb_env_set_mapsize(env, 256UL << 20), "mdb_env_set_mapsize");
    must(mdb_env_open(env, dir, flags, 0600), "mdb_env_open");
    must(mdb_txn_begin(env, NULL, flags & MDB_RDONLY, &txn), "mdb_txn_begin");
    must(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");
    must(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void fill(char *value, const char *key)
{
    unsigned state = 2166136261u;
    for (const char *at = key; *at; at++)
        state = (state ^ (unsigned char)*at) * 16777619u;
    for (size_t i = 0; i < VALUE; i++)
        value[i] = (char)((state = state * 1103515245u + 12345u) >> 16);
}

static int is_right(const MDB_val *key, const MDB_val *value)
{
    char name[64] = "", due[VALUE];
    memcpy(name, key->mv_data, key->mv_size < 63 ? key->mv_size : 63);
    fill(due, name);
    return value->mv_size == VALUE && memcmp(value->mv_data, due, VALUE) == 0;
}

static void write_until(const char *who, const char *until)
{
    char key[64], value[VALUE];
    for (unsigned n = 0; access(until, F_OK) != 0; n++) {
        MDB_txn *txn;
        must(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
        for (unsigned i = 0; i < ENTRIES; i++) {
            snprintf(key, sizeof key, "%s:%u:%u", who, n, i);
            fill(value, key);
            MDB_val k = { strlen(key), key }, v = { VALUE, value };
            must(mdb_put(txn, dbi, &k, &v, 0), "mdb_put");
        }
        must(mdb_txn_commit(txn), "mdb_txn_commit");
        printf("%s %u\n", who, n);
        fflush(stdout);
        usleep(2000);
    }
    while (mdb_env_sync(env, 1) != 0)
        usleep(100000);
}

static long count_wrong(void)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    long wrong = 0;
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
    must(mdb_cursor_open(txn, dbi, &cursor), "mdb_cursor_open");
    int error;
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        wrong += !is_right(&key, &value);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    if (error != MDB_NOTFOUND)
        fprintf(stderr, "mdb_cursor_get: %s\n", mdb_strerror(error));
    return wrong + (error != MDB_NOTFOUND);
}

static int read_until(const char *until)
{
    long wrong = 0;
    for (; access(until, F_OK) != 0; usleep(5000))
        wrong += count_wrong();
    printf("wrong=%ld\n", wrong);
    return wrong != 0;
}

static int check(void)
{
    char line[64], key[128];
    long missing = 0, commits = 0, wrong = count_wrong();
    MDB_txn *txn;
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
    while (fgets(line, sizeof line, stdin)) {
        char who[32];
        unsigned n;
        if (!strchr(line, '\n') || sscanf(line, "%31s %u", who, &n) != 2)
            continue; /* it was killed while it wrote the line */
        commits++;
        for (unsigned i = 0; i < ENTRIES; i++) {
            snprintf(key, sizeof key, "%s:%u:%u", who, n, i);
            MDB_val k = { strlen(key), key }, v;
            missing += mdb_get(txn, dbi, &k, &v) != 0;
        }
    }
    printf("commits=%ld missing=%ld wrong=%ld\n", commits, missing, wrong);
    return missing || wrong;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    if (strcmp(what, "make") == 0) {
        open_database(argv[1], 0);
        mdb_env_close(env);
        return 0;
    }
    if (strcmp(what, "write") == 0 && argc == 5) {
        open_database(argv[1], MDB_WRITEMAP | MDB_MAPASYNC);
        write_until(argv[3], argv[4]);
        mdb_env_close(env);
        return 0;
    }
    open_database(argv[1], MDB_RDONLY);
    return strcmp(what, "read") == 0 && argc == 4 ? read_until(argv[3]) : check();
}
