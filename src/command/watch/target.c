/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * target: see target.h. All is seen through /proc.
 */
#define _GNU_SOURCE
#include "command/watch/target.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/mounts.h"
#include "kernel/procstat.h"

/* ---- one process ---- */

bool target_name(struct target *t)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)t->pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(t->name, sizeof t->name, f))
        t->name[0] = '\0';
    fclose(f);
    t->name[strcspn(t->name, "\n")] = '\0';
    return true;
}

int target_find(const struct verb *v, int operands, char **argv, struct target *t)
{
    char *end;
    if (operands != 1)
        return misused(v, operands ? "one process at a time" : "no process is named; give its id");
    errno = 0;
    long pid = strtol(argv[0], &end, 10);
    if (errno || *end || argv[0][0] < '0' || argv[0][0] > '9' || pid < 1 || pid > INT_MAX)
        return misused(v, "'%s' is not a process id: a number from 1 on", argv[0]);
    memset(t, 0, sizeof *t);
    t->pid = (pid_t)pid;
    t->limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (!target_name(t)) {
        if (access("/proc/self/comm", R_OK) != 0)
            complain("/proc is not mounted; nothing is known of any process without it");
        else
            complain("there is no process %ld", pid);
        return FAILED;
    }
    return DONE;
}

struct scan {
    struct target *target;
    void (*each)(const struct procmap *m, void *context);
    void *context;
};

static bool take_map(const struct procmap *m, void *context)
{
    struct scan *r = context;
    if (procmaps_counts(m)) {
        r->target->maps++;
        if (r->each)
            r->each(m, r->context);
    }
    return true;
}

long target_count(struct target *t, void (*each)(const struct procmap *m, void *context),
                  void *context)
{
    static char buf[1 << 16];
    struct scan r = { t, each, context };
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)t->pid);
    t->maps = 0;
    return procmaps_scan(path, buf, sizeof buf, take_map, &r);
}

int target_read(struct target *t, void (*each)(const struct procmap *m, void *context),
                void *context)
{
    long lines = target_count(t, each, context);
    if (lines == -EACCES || lines == -EPERM)
        complain("the maps of process %d may not be read; that takes its user or CAP_SYS_PTRACE",
                 (int)t->pid);
    else if (lines < 0)
        complain("/proc/%d/maps: %s", (int)t->pid, strerror((int)-lines));
    else if (lines == 0)
        complain("process %d has no maps: it has ended, or is a thread of the kernel", (int)t->pid);
    return lines > 0 ? DONE : FAILED;
}

long target_threads(const struct target *t)
{
    char path[64];
    struct procstat threads = { .label = "Threads" };
    snprintf(path, sizeof path, "/proc/%d/status", (int)t->pid);
    procstat_read(path, &threads, 1);
    return threads.value <= INT_MAX ? (long)threads.value : 0;
}

long target_share(const struct target *t)
{
    return t->limit > 0 ? t->maps * 100 / t->limit : -1;
}

const char *target_pressure(const struct target *t)
{
    if (t->limit <= 0)
        return "unknown";
    long reserve = t->limit / 50;
    return t->maps >= t->limit - reserve ? "full"
           : target_share(t) >= 80       ? "high"
           : target_share(t) >= 50       ? "raised"
                                         : "calm";
}

void target_print_count(const struct target *t)
{
    printf("%s map%s", grouped(t->maps), plural(t->maps));
    if (t->limit > 0)
        printf(" of %s (%ld %%): %s\n", grouped(t->limit), target_share(t), target_pressure(t));
    else
        printf(", the limit is not known\n");
}

void target_json(const struct target *t, struct json *j)
{
    json_number(j, "pid", t->pid);
    json_text(j, "name", t->name);
    json_number(j, "maps", t->maps);
    json_if_known(j, "limit", t->limit > 0, t->limit);
    json_if_known(j, "percent", t->limit > 0, target_share(t));
    json_text(j, "pressure", target_pressure(t));
}

uint64_t process_started(pid_t pid)
{
    char path[64], text[1024];
    unsigned long long started = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    /* Field 22, counted from behind the name, which may hold anything. */
    const char *at = strrchr(text, ')');
    for (int field = 2; field < 22 && at; field++)
        at = strchr(at + 1, ' ');
    return at && sscanf(at, "%llu", &started) == 1 ? started : 0;
}

uint64_t process_age(uint64_t started)
{
    uint64_t now = units_now(CLOCK_BOOTTIME),
             then = started * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    return started && now > then ? now - then : 0;
}

/* ---- the process that made a file ---- */

#define FIRST_PID_NAMESPACE 4026531836UL

static uint64_t namespace_of(pid_t pid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* The id of a process in the innermost of its namespaces: the last number of NSpid. */
static int inner_pid(pid_t pid)
{
    char path[64], line[256];
    int inner = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "NSpid:", 6) == 0)
            inner = atoi(strrchr(line, '\t') ? strrchr(line, '\t') : line);
    if (f)
        fclose(f);
    return inner;
}

/* From the first PID namespace every process can be seen. */
static pid_t find_in_containers(pid_t wanted, uint64_t space)
{
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *entry; proc && !found && (entry = readdir(proc));) {
        pid_t pid = (pid_t)atoi(entry->d_name); /* 0 for what is no process */
        if (pid > 0 && namespace_of(pid) == space && inner_pid(pid) == wanted)
            found = pid;
    }
    if (proc)
        closedir(proc);
    return found;
}

uint64_t maker_own_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

/* Process ids mean what /proc says: a /proc of another namespace than one's own tells nothing. */
static bool proc_is_ours(void)
{
    char self[32] = "";
    return readlink("/proc/self", self, sizeof self - 1) > 0 && atoi(self) == (int)getpid();
}

bool maker_find(pid_t pid, uint64_t space, pid_t *found)
{
    uint64_t here = maker_own_namespace();
    *found = 0;
    if (!proc_is_ours())
        return false;
    if (!space || space == here) {
        *found = pid;
        return true;
    }
    if (here != FIRST_PID_NAMESPACE || geteuid() != 0)
        return false;
    *found = find_in_containers(pid, space);
    return true;
}

static bool has_leases(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || fs.f_type == EXT4_SUPER_MAGIC ||
            fs.f_type == XFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC);
}

static enum file_use ask_for_lease(int fd)
{
    enum file_use use = FILE_USE_UNKNOWN;
    signal(SIGIO, SIG_IGN);
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
        use = FILE_UNUSED;
    else if (errno == EAGAIN)
        use = FILE_IN_USE;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return use;
}

enum file_use maker_file_use(int fd)
{
    return has_leases(fd) ? ask_for_lease(fd) : FILE_USE_UNKNOWN;
}

bool maker_writes(int fd)
{
    return ask_for_lease(fd) == FILE_IN_USE;
}

/* ---- the library in a process ---- */

/*
 * An exported symbol is looked up there. All of it is read from the process's memory, not from the
 * library's file: the file may have been replaced since, or lie in another mount namespace. The
 * process may hold anything there: each read is bounded, each loop too, and what does not fit is
 * "not a mapherd library".
 */

enum { PARTS_MOST = 64, DYNAMIC_MOST = 256, CHAIN_MOST = 4096 };

static const char symbol_name[] = "mapherd_status_block";

bool peek_is_library(const struct procmap *m)
{
    static const char name[] = "/libmapherd.so";
    const char *found = strstr(m->path, name);
    const char *behind = found ? found + sizeof name - 1 : NULL;
    return found && (!*behind || strcmp(behind, " (deleted)") == 0);
}

/* A library in another process. */
struct image {
    int memory; /* /proc/PID/mem */
    uint64_t base;
    uint64_t symbols, strings, hash; /* addresses of its dynamic tables */
};

static bool read_at(const struct image *im, uint64_t at, void *into, size_t len)
{
    return at <= INT64_MAX && pread(im->memory, into, len, (off_t)at) == (ssize_t)len;
}

/* ld.so has added the base to the addresses of some tables, not of all. */
static uint64_t absolute(const struct image *im, uint64_t address)
{
    return address < im->base ? im->base + address : address;
}

static bool read_dynamic(struct image *im, uint64_t at)
{
    for (int n = 0; n < DYNAMIC_MOST; n++) {
        Elf64_Dyn entry;
        if (!read_at(im, at + (uint64_t)n * sizeof entry, &entry, sizeof entry))
            return false;
        switch (entry.d_tag) {
        case DT_NULL: return im->symbols && im->strings && im->hash;
        case DT_SYMTAB: im->symbols = absolute(im, entry.d_un.d_ptr); break;
        case DT_STRTAB: im->strings = absolute(im, entry.d_un.d_ptr); break;
        case DT_GNU_HASH: im->hash = absolute(im, entry.d_un.d_ptr); break;
        }
    }
    return false;
}

static bool find_tables(struct image *im)
{
    Elf64_Ehdr head;
    if (!read_at(im, im->base, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    for (int n = 0; n < head.e_phnum && n < PARTS_MOST; n++) {
        Elf64_Phdr part;
        if (!read_at(im, im->base + head.e_phoff + (uint64_t)n * sizeof part, &part, sizeof part))
            return false;
        if (part.p_type == PT_DYNAMIC)
            return read_dynamic(im, im->base + part.p_vaddr);
    }
    return false;
}

static bool is_wanted(const struct image *im, uint32_t index, uint64_t *address)
{
    Elf64_Sym symbol;
    char name[sizeof symbol_name];
    if (!read_at(im, im->symbols + (uint64_t)index * sizeof symbol, &symbol, sizeof symbol) ||
        !read_at(im, im->strings + symbol.st_name, name, sizeof name) ||
        memcmp(name, symbol_name, sizeof name) != 0)
        return false;
    *address = im->base + symbol.st_value;
    return symbol.st_shndx != SHN_UNDEF;
}

/* The dynamic loader's own look-up, by DT_GNU_HASH. */
static bool find_symbol(const struct image *im, uint64_t *address)
{
    struct {
        uint32_t buckets, first, bloom_words, bloom_shift;
    } table;
    uint32_t wanted = 5381, index, hash;
    for (const char *c = symbol_name; *c; c++)
        wanted = wanted * 33 + (unsigned char)*c;
    if (!read_at(im, im->hash, &table, sizeof table) || !table.buckets)
        return false;
    uint64_t buckets = im->hash + sizeof table + (uint64_t)table.bloom_words * 8;
    uint64_t chains = buckets + (uint64_t)table.buckets * 4;
    if (!read_at(im, buckets + (uint64_t)(wanted % table.buckets) * 4, &index, sizeof index))
        return false;
    for (int n = 0; n < CHAIN_MOST && index >= table.first; n++, index++) {
        if (!read_at(im, chains + (uint64_t)(index - table.first) * 4, &hash, sizeof hash))
            return false;
        if ((hash | 1) == (wanted | 1) && is_wanted(im, index, address))
            return true;
        if (hash & 1)
            return false;
    }
    return false;
}

static const char *read_block(const struct image *im, struct mapherd_status *status)
{
    static const char foreign[] = "what is loaded there is not this mapherd's library";
    const size_t head = offsetof(struct mapherd_status, state);
    uint64_t at;
    memset(status, 0, sizeof *status);
    if (!find_symbol(im, &at) || !read_at(im, at, status, head))
        return foreign;
    if (status->magic == 0)
        return "the library has not started yet";
    if (status->magic != MAPHERD_STATUS_MAGIC || status->size < head)
        return foreign;
    if (status->version != MAPHERD_STATUS_VERSION)
        return "its library is of another version than this command";
    size_t len = status->size < sizeof *status ? status->size : sizeof *status;
    bool whole = read_at(im, at, status, len);
    status->package[sizeof status->package - 1] = '\0';
    return whole ? NULL : foreign;
}

const char *peek_status(pid_t pid, uint64_t base, struct mapherd_status *status)
{
    struct image im = { .base = base };
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    im.memory = open(path, O_RDONLY | O_CLOEXEC);
    if (im.memory < 0)
        return errno == EACCES || errno == EPERM
                   ? "its memory may not be read; that takes its user or CAP_SYS_PTRACE"
                   : strerror(errno);
    const char *why = find_tables(&im) ? read_block(&im, status)
                                       : "what is loaded there is not a mapherd library";
    close(im.memory);
    return why;
}
