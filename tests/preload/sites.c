/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * sites: calls that pass no symbol. sites.sh runs this.
 *
 *   sites handle|syscall|PLUGIN FILE CHUNKS   maps that many chunks of 64 KiB of the file
 *   sites SCENE                               one of the scenes below
 *
 * PLUGIN is a path of a library that has its own way to mmap and munmap (sites_plugin.c).
 */
#define _GNU_SOURCE
#include "sites.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "look.h"
#include "mapherd/mapherd.h"

struct past past;

void find_past(void)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (!libc)
        die("libc has no handle");
#define FIND(name) (*(void **)&past.name = dlsym(libc, #name))
    FIND(mmap), FIND(munmap), FIND(mprotect), FIND(madvise), FIND(posix_madvise), FIND(mremap);
    FIND(mlock), FIND(munlock), FIND(mincore), FIND(pkey_mprotect), FIND(fork), FIND(_Fork);
    FIND(syscall);
    if (!past.mmap || !past.syscall || !past.fork)
        die("libc has no mmap");
}

long seen_calls(void)
{
    const struct mapherd_status *(*status)(void);
    *(void **)&status = dlsym(RTLD_DEFAULT, "mapherd_status");
    return status ? (long)status()->calls : -1;
}

/* ---- chunks ---- */

enum { CHUNK = 1 << 16 };

static void *(*map)(void *, size_t, int, int, int, off_t);
static int (*unmap)(void *, size_t);

static void *map_by_number(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    return (void *)past.syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

static int unmap_by_number(void *addr, size_t len)
{
    return (int)past.syscall(SYS_munmap, addr, len);
}

static void choose(const char *way)
{
    map = past.mmap;
    unmap = past.munmap;
    if (strcmp(way, "syscall") == 0) {
        map = map_by_number;
        unmap = unmap_by_number;
    } else if (strcmp(way, "handle") != 0) {
        void *plugin = dlopen(way, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
        if (!plugin)
            die("%s", dlerror());
        *(void **)&map = dlsym(plugin, "plugin_map");
        *(void **)&unmap = dlsym(plugin, "plugin_unmap");
    }
}

/* Each chunk has the bytes of its part of the file. */
static void play_chunks(const char *way, const char *path, long chunks)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, chunks * CHUNK) != 0)
        die("%s: %s", path, strerror(errno));
    choose(way);
    char **at = calloc((size_t)chunks, sizeof *at);
    if (!at)
        die("no memory");
    long before = look(NULL).maps;
    for (long i = 0; i < chunks; i++) {
        at[i] = map(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, i * CHUNK);
        if (at[i] == MAP_FAILED) {
            printf("chunk %ld: %s\n", i, strerror(errno));
            exit(2);
        }
    }
    long more = look(NULL).maps - before;
    for (long i = 0; i < chunks; i += 100) {
        char byte = 0;
        at[i][7] = (char)(i / 100 + 1);
        if (pread(fd, &byte, 1, i * CHUNK + 7) != 1 || byte != (char)(i / 100 + 1))
            die("chunk %ld is not its part of the file", i);
    }
    for (long i = 0; i < chunks; i++)
        if (unmap(at[i], CHUNK) != 0)
            die("munmap of chunk %ld: %s", i, strerror(errno));
    printf("%ld chunks: %ld maps more, %ld after\n", chunks, more, look(NULL).maps - before);
}

/* ---- what libc maps for itself ---- */

static void *idle(void *unused)
{
    return unused;
}

/* The library sees the stacks of threads and large pieces of malloc. */
static void play_own(void)
{
    enum { EACH = 50 };
    pthread_t threads[EACH];
    void *pieces[EACH];
    long before = seen_calls();
    for (int i = 0; i < EACH; i++) {
        pieces[i] = malloc(4 << 20);
        if (pthread_create(&threads[i], NULL, idle, NULL) != 0 || !pieces[i])
            die("no thread or no memory");
    }
    long seen = seen_calls() - before;
    for (int i = 0; i < EACH; i++) {
        pthread_join(threads[i], NULL);
        free(pieces[i]);
    }
    printf("%ld calls seen for %d stacks and pieces\n", seen, EACH);
}

/* What mapherd stat says of it. */
static void play_left(void)
{
    const struct mapherd_status *(*status)(void);
    *(void **)&status = dlsym(RTLD_DEFAULT, "mapherd_status");
    if (!status)
        die("the library is not in the process");
    printf("sites=%lu left=%lu\n", (unsigned long)status()->sites,
           (unsigned long)status()->sites_left);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*play)(void);
    } scenes[] = {
        { "own", play_own },       { "registers", play_registers }, { "steps", play_steps },
        { "unwind", play_unwind }, { "stack", play_stack },         { "bytes", play_bytes },
        { "forks", play_forks },   { "cancel", play_cancel },       { "left", play_left },
    };
    find_past();
    if (argc == 4) {
        play_chunks(argv[1], argv[2], atol(argv[3]));
        return 0;
    }
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        if (argc == 2 && strcmp(argv[1], scenes[i].name) == 0) {
            scenes[i].play();
            return 0;
        }
    }
    die("usage: see sites.c");
}
