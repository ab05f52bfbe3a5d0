/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/* What a process can see of its memory: bytes, and the kernel's own description. */
#define _GNU_SOURCE
#include "driver.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mapherd/mapherd.h"

static sigjmp_buf escape;
static volatile sig_atomic_t guarded;

/* The run is stopped because it does not end. The transcript says in which step. */
static void on_stop(int sig)
{
    (void)sig;
    say_flush();
    static const char text[] = " ... did not end\n";
    (void)!write(1, text, sizeof text - 1);
    syscall(SYS_exit_group, 124);
}

static void on_fault(int sig)
{
    if (guarded)
        siglongjmp(escape, sig);
    say("died of signal %d\n", sig);
    say_flush();
    _exit(3);
}

void look_start(void)
{
    struct sigaction a = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
    a.sa_handler = on_stop;
    sigaction(SIGTERM, &a, NULL);
}

int guarded_load(const char *at, uint64_t *sum)
{
    int sig = sigsetjmp(escape, 0);
    if (!sig) {
        guarded = 1;
        const volatile uint64_t *word = (const volatile uint64_t *)at;
        uint64_t h = *sum;
        for (size_t i = 0; i < page / sizeof *word; i++)
            h = (h ^ word[i]) * 0x100000001b3;
        *sum = h;
    }
    guarded = 0;
    return sig;
}

int guarded_store(char *at, uint64_t value)
{
    int sig = sigsetjmp(escape, 0);
    if (!sig) {
        guarded = 1;
        *(volatile uint64_t *)at = value;
    }
    guarded = 0;
    return sig;
}

uint64_t look_bytes(const struct handle *h)
{
    uint64_t sum = 0xcbf29ce484222325;
    for (unsigned i = 0; i < h->pages; i++) {
        if (!is_arena(h) && !page_mapped(h, i))
            continue;
        int sig = guarded_load(h->base + i * page, &sum);
        sum = (sum ^ (i + 1000u * (unsigned)sig)) * 0x100000001b3;
    }
    return sum;
}

/* One line of /proc/self/maps, as far as it is the same in every process that did the same. */
struct region {
    uintptr_t start, end;
    unsigned long offset;
    char perms[5];
    char file[24];  /* the last part of the path; "" if anonymous */
    char name[32];  /* of anonymous memory, if the program gave it one */
    char flags[80]; /* of VmFlags: what a program can have asked for */
};
enum { MAX_REGIONS = 4096 };
static struct region regions[MAX_REGIONS];
static size_t region_count;

/* Among them the may-flags, which say how the file was opened. Not among them: sd, gd, which
 * tell of the map's past and not of what it is; nor ac, which the neighbours decide. */
static const char *const kept_flags[] = { "mr", "mw", "me", "ms", "lo", "lf", "sr",
                                          "rr", "dc", "de", "nr", "ht", "wf", "dd",
                                          "hg", "nh", "mg", "um", "uw" };

static void keep_flags(struct region *r, char *line)
{
    char *save = NULL;
    size_t len = 0;
    for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
        for (size_t i = 0; i < sizeof kept_flags / sizeof kept_flags[0]; i++)
            if (!strcmp(word, kept_flags[i]) && len + 4 < sizeof r->flags)
                len += (size_t)sprintf(r->flags + len, ".%s", word);
}

static void keep_file(struct region *r, const char *path)
{
    if (!strncmp(path, "[anon", 5)) { /* [anon:NAME] or [anon_shmem:NAME] */
        snprintf(r->name, sizeof r->name, ".%.*s", (int)strcspn(path, "]"), path);
        return;
    }
    const char *slash = strrchr(path, '/');
    if (!slash) /* [heap] */
        return;
    size_t len = strcspn(slash + 1, " ");
    if (len >= sizeof r->file)
        len = sizeof r->file - 1;
    memcpy(r->file, slash + 1, len);
    r->file[len] = '\0';
}

static char smaps[2 << 20];

static void read_smaps(void)
{
    int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;
    while ((n = read(fd, smaps + len, sizeof smaps - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    if (fd < 0 || n < 0 || len == sizeof smaps - 1) {
        fputs("diff-driver: cannot read /proc/self/smaps\n", stderr);
        exit(6);
    }
    smaps[len] = '\0';
    region_count = 0;
    struct region *r = NULL;
    for (char *line = smaps, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        unsigned long start, stop, offset;
        char perms[5];
        int path = 0;
        if (!strncmp(line, "VmFlags:", 8)) {
            keep_flags(r, line + 8);
        } else if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &start, &stop, perms, &offset,
                          &path) == 4) {
            if (strstr(line, "[vsyscall]") || region_count == MAX_REGIONS)
                break; /* the last line, and not a map that counts */
            r = &regions[region_count++];
            *r = (struct region){ .start = start, .end = stop, .offset = offset };
            memcpy(r->perms, perms, sizeof perms);
            keep_file(r, line + path);
            if (!strcmp(r->file, "zero") && perms[3] == 'p')
                *r->file = '\0'; /* anonymous by another name; its offset is its address */
        }
    }
}

static const struct region *region_at(uintptr_t address)
{
    size_t low = 0, high = region_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (regions[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < region_count && regions[low].start <= address ? &regions[low] : NULL;
}

/* The region of a page. What is cold is touched, and then shows what it is; the touch may make
 * another mapping cold. */
static struct region seen_at(uintptr_t address, bool *found)
{
    enum { TURNS = 10 };
    const struct region *r = region_at(address);
    for (int turn = 0; r && !strcmp(r->file, "memfd:mapherd-cold"); turn++) {
        uint64_t ignored = 0;
        if (turn == TURNS) {
            say(" [stays cold]");
            break;
        }
        guarded_load((const char *)(address & ~(uintptr_t)(page - 1)), &ignored);
        read_smaps();
        r = region_at(address);
    }
    *found = r;
    return r ? *r : (struct region){ 0 };
}

/* A page's protection, as it is shown: see struct differences. */
static const char *shown(const struct region *r, const char *at)
{
    uint64_t sum = 0;
    if (!r || !differs.guards || guarded_load(at, &sum) != SIGSEGV)
        return r ? r->perms : "missing";
    return r->perms[3] == 'p' ? "---p" : "---s";
}

/* The page at `at` is in b, and the one before it in a: b is where a is, or continues it. */
static bool continues(const struct region *a, const struct region *b, uintptr_t at)
{
    if (!a || !b)
        return a == b;
    return !strcmp(a->file, b->file) && !strcmp(a->flags, b->flags) && !strcmp(a->name, b->name) &&
           (!*a->file || a->offset + (at - a->start) == b->offset + (at - b->start));
}

static void look_at(const struct handle *h)
{
    say("= %c%d %up bytes %016lx", is_arena(h) ? 'a' : 'h', (int)(h - handles), h->pages,
        (unsigned long)look_bytes(h));
    uint64_t ignored = 0;
    for (unsigned i = 0; i < h->pages;) {
        if (!is_arena(h) && !page_mapped(h, i)) {
            /* What lies there now is another question, where something was placed since. */
            if (page_hole(h, i) && guarded_load(h->base + i * page, &ignored) != SIGSEGV)
                say(" [%u is unmapped, and can be read]", i);
            i++;
            continue;
        }
        uintptr_t at = (uintptr_t)h->base + i * page;
        bool found, more;
        const struct region first = seen_at(at, &found), *r = found ? &first : NULL;
        struct region last = first;
        const char *perms = shown(r, (const char *)at);
        int policy = r && ways_unseen() ? memory_policy((const char *)at) : 0;
        unsigned from = i;
        do {
            at += page;
            i++;
            if (i == h->pages || (!is_arena(h) && !page_mapped(h, i)))
                break; /* what lies there is not looked at, for a load is a touch */
            struct region next = seen_at(at, &more);
            if (!continues(found ? &last : NULL, more ? &next : NULL, at) ||
                strcmp(perms, shown(more ? &next : NULL, (const char *)at)) != 0 ||
                (ways_unseen() && memory_policy((const char *)at) != policy))
                break;
            last = next;
            found = more;
        } while (true);
        if (!r && is_arena(h))
            continue;
        say(" [%u-%u %s", from, i - 1, perms);
        if (r && *r->file)
            say(" %s@%lu", r->file,
                (unsigned long)((r->offset + ((uintptr_t)h->base + from * page - r->start)) /
                                page));
        say("%s%s", r ? r->flags : "", r ? r->name : "");
        if (policy)
            say(".policy%d", policy);
        say("]");
    }
    say("\n");
}

void look_everywhere(void)
{
    read_smaps();
    for (unsigned i = 0; i < MAX_HANDLES; i++)
        if (handles[i].pages)
            look_at(&handles[i]);
    files_look();
    say("# %zu maps, %llu masters\n", region_count,
        mapherd_status ? (unsigned long long)mapherd_status()->masters : 0ull);
}

/* A name that files.c gives. */
static bool is_ours(const char *file)
{
    unsigned number, generation;
    return sscanf(file, "f%u.%u", &number, &generation) == 2 ||
           sscanf(file, "memfd:f%u.%u", &number, &generation) == 2;
}

void look_at_the_rest(void)
{
    read_smaps();
    if (differs.retained && ways_unseen()) {
        say("# %zu maps, 0 masters\n", region_count);
        return;
    }
    /* A master stays where the last chunks of its file went by calls that pass no hook, until the library next
     * reads the list of maps. */
    unsigned long long masters =
        mapherd_status && differs.opens && ways_unseen() ? mapherd_status()->masters : 0;
    say("= left:");
    for (size_t i = 0; i < region_count; i++) {
        const struct region *r = &regions[i];
        if (!is_ours(r->file))
            continue;
        if (masters && r->offset == 0 && r->end - r->start == page)
            masters--;
        else
            say(" %s@%lu", r->file, r->offset / page);
    }
    say("\n# %zu maps, 0 masters\n", region_count);
}
