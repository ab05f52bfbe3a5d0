/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * recordfile: one mapping that grows in place.
 *
 * The chunks of a kind come in runs of 1, 2, 4 ... 64. So arithmetic and one small table find an
 * element, and little space is allocated that is not used.
 */
#define _GNU_SOURCE
#include "tell/recordfile.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fmt.h"
#include "common/pages.h"
#include "kernel/brief.h"
#include "kernel/identity.h"
#include "kernel/sys.h"
#include "tell/naming.h"
#include "tell/options.h"

#define PATH_LEN 768
#define CHUNK MAPHERD_RECORD_CHUNK
#define KINDS 8
#define GROWTHS 6 /* runs of 1, 2, ... 32 chunks, then of RUN_MOST */
#define RUN_MOST (1u << GROWTHS)
#define SHORT_CHUNKS (RUN_MOST - 1) /* in the runs that grow */
#define RUNS (GROWTHS + MAPHERD_RECORD_CHUNKS / RUN_MOST)
#define FREE_SHARE 8    /* an eighth of the filesystem stays free */
#define UNASKED_SHARE 2 /* a half, if MAPHERD_DIR asks for none: they are many */
#define FOLDER_SHARE 8  /* an eighth is for all records of a folder together */
#define TRY_AGAIN_MS 1000

struct lock record_lock = { .rank = LOCK_LAST };

static struct mapherd_record_head *head;
static uintptr_t place;
static size_t room;
static struct {
    char path[PATH_LEN];
    dev_t dev;
    ino_t ino;
    uint16_t run[KINDS][RUNS]; /* the first chunk of each run; 0: none yet */
    uint16_t runs[KINDS];
    uint64_t full_ms; /* 0, or the time before which the file does not try to grow again */
    uid_t owner;
    bool asked_for;
    bool numbered; /* the name gets a number if it is taken */
} file;

static const uint32_t element_size[KINDS] = {
    [MAPHERD_CHUNK_LIVE] = sizeof(struct mapherd_record_mapping),
    [MAPHERD_CHUNK_STACK] = sizeof(uint64_t),
    [MAPHERD_CHUNK_TEXT] = 1,
    [MAPHERD_CHUNK_FRAME] = sizeof(struct mapherd_record_frame),
    [MAPHERD_CHUNK_FILE] = sizeof(struct mapherd_record_file),
    [MAPHERD_CHUNK_MODULE] = sizeof(struct mapherd_record_module),
    [MAPHERD_CHUNK_INDEX] = sizeof(uint32_t),
};

/* The parts in front of the chunks. */
enum {
    HISTORY_AT = 4096,
    EVENTS_AT = HISTORY_AT + MAPHERD_RECORD_LEVELS * MAPHERD_RECORD_POINTS *
                                 (int)sizeof(struct mapherd_record_point),
    TOP_AT = EVENTS_AT + MAPHERD_RECORD_EVENTS * (int)sizeof(struct mapherd_record_event),
    DIRECTORY_AT = TOP_AT + MAPHERD_RECORD_TOP * (int)sizeof(struct mapherd_record_top),
    CHUNKS_AT =
        (DIRECTORY_AT + (int)MAPHERD_RECORD_CHUNKS + (int)CHUNK - 1) / (int)CHUNK * (int)CHUNK,
};
_Static_assert(sizeof(struct mapherd_record_head) <= HISTORY_AT, "the head has a page");

void recordfile_place(uintptr_t at, size_t bytes)
{
    place = at;
    room = bytes;
}

struct mapherd_record_head *recordfile_head(void)
{
    return __atomic_load_n(&head, __ATOMIC_ACQUIRE);
}

bool recordfile_is_asked_for(void)
{
    return file.asked_for;
}

/* ---- space ---- */

/* Allocates [from, to) of the file. It leaves a share of the filesystem to others, and heeds
 * RLIMIT_FSIZE, beyond which an allocation raises SIGXFSZ. */
static long reserve(int fd, uint64_t from, uint64_t to, unsigned share)
{
    struct sys_space space;
    if (to > sys_rlimit(RLIMIT_FSIZE))
        return -EFBIG;
    if (sys_fstatfs(fd, &space) == 0 && space.size &&
        (space.free < to - from || space.free - (to - from) < space.size / share))
        return -ENOSPC;
    long answer;
    do
        answer = sys_fallocate(fd, 0, (off_t)from, (off_t)(to - from));
    while (answer == -EINTR);
    return answer;
}

/* Opens the file by its name, because no descriptor of it is kept. It is another file, or none, if
 * the program has changed its root or its user. */
static long open_again(void)
{
    struct stat st;
    long fd = brief_open(file.path, O_RDWR | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    if (sys_fstat((int)fd, &st) == 0 && st.st_dev == file.dev && st.st_ino == file.ino)
        return fd;
    brief_close((int)fd);
    return -ESTALE;
}

static long extend(uint32_t chunks)
{
    uint64_t from = CHUNKS_AT + (uint64_t)head->chunks * CHUNK,
             to = from + (uint64_t)chunks * CHUNK;
    if (to > room || head->chunks + chunks > MAPHERD_RECORD_CHUNKS)
        return -EFBIG;
    long fd = open_again();
    if (fd < 0)
        return fd;
    long answer = reserve((int)fd, from, to, FREE_SHARE);
    brief_close((int)fd);
    if (answer < 0)
        return answer;
    answer = sys_mremap(place, from, to, 0, 0);
    return sys_failed(answer) ? answer : 0;
}

/* ---- elements ---- */

/* Returns the run of a kind's chunk number c, and its place in the run. */
static uint32_t run_of(uint32_t c, uint32_t *in)
{
    if (c >= SHORT_CHUNKS) {
        *in = (c - SHORT_CHUNKS) % RUN_MOST;
        return GROWTHS + (c - SHORT_CHUNKS) / RUN_MOST;
    }
    uint32_t run = 31 - (uint32_t)__builtin_clz(c + 1);
    *in = c + 1 - (1u << run);
    return run;
}

void *recordfile_at(enum mapherd_record_kind kind, uint32_t i)
{
    uint32_t in, per = CHUNK / element_size[kind];
    uint32_t run = run_of(i / per, &in);
    return (char *)place + CHUNKS_AT + (size_t)(file.run[kind][run] + in) * CHUNK +
           (size_t)(i % per) * element_size[kind];
}

/* Space and descriptors may become free, so a run that fails is tried again later. */
static bool add_run(enum mapherd_record_kind kind)
{
    uint32_t run = file.runs[kind], chunks = run < GROWTHS ? 1u << run : RUN_MOST;
    uint64_t now = file.full_ms ? sys_now_ms() : 0;
    if (now < file.full_ms || run >= RUNS)
        return false;
    if (extend(chunks) < 0) {
        file.full_ms = sys_now_ms() + TRY_AGAIN_MS;
        return false;
    }
    file.full_ms = 0;
    file.run[kind][run] = (uint16_t)head->chunks;
    file.runs[kind]++;
    memset((char *)place + DIRECTORY_AT + head->chunks, (int)kind, chunks);
    __atomic_store_n(&head->chunks, head->chunks + chunks, __ATOMIC_RELEASE);
    return true;
}

uint32_t recordfile_take(enum mapherd_record_kind kind, uint32_t n)
{
    uint32_t per = CHUNK / element_size[kind], used = head->used[kind], in;
    if (n > per)
        return 0;
    if (used % per + n > per) /* no elements that are taken together lie in two chunks */
        used += per - used % per;
    if (!used)
        used = 1; /* 0 is "none" */
    if (used > UINT32_MAX - n)
        return 0;
    if (used % per + n > per)
        used = per;
    while (run_of(used / per, &in) >= file.runs[kind])
        if (!add_run(kind))
            return 0;
    __atomic_store_n(&head->used[kind], used + n, __ATOMIC_RELEASE);
    return used;
}

/* ---- making it ---- */

static uint32_t machine(void)
{
#if defined(__x86_64__)
    return EM_X86_64;
#else
    return EM_AARCH64;
#endif
}

static uint64_t now_ms(void)
{
    return sys_clock_ns(CLOCK_REALTIME) / 1000000;
}

static void fill_head(struct mapherd_record_head *h, const char *program)
{
    uint64_t boot = now_ms() - sys_clock_ns(CLOCK_BOOTTIME) / 1000000;
    *h = (struct mapherd_record_head){
        .endian = MAPHERD_RECORD_ENDIAN,
        .version = MAPHERD_RECORD_VERSION,
        .size = sizeof *h,
        .page_size = (uint32_t)page_size,
        .pid = (int32_t)sys_getpid(),
        .machine = machine(),
        .pid_space = identity_pid_space(),
        .started = identity_started(),
        .boot_ms = (boot + 5000) / 10000 * 10000,
        .since_ms = now_ms(),
        .history_at = HISTORY_AT,
        .history_levels = MAPHERD_RECORD_LEVELS,
        .history_points = MAPHERD_RECORD_POINTS,
        .events_at = EVENTS_AT,
        .events = MAPHERD_RECORD_EVENTS,
        .top_at = TOP_AT,
        .top = MAPHERD_RECORD_TOP,
        .directory_at = DIRECTORY_AT,
        .chunks_at = CHUNKS_AT,
        .chunk_size = CHUNK,
        .chunks_most = MAPHERD_RECORD_CHUNKS,
        .stack_use = sizeof(struct mapherd_record_use),
        .state = MAPHERD_RECORD_RUNNING,
    };
    fmt(h->program, sizeof h->program, "%s", program);
    naming_host(h->host, sizeof h->host);
    long len = identity_text("/proc/self/cmdline", h->arguments, sizeof h->arguments);
    for (long i = 0; i + 1 < len; i++)
        if (!h->arguments[i])
            h->arguments[i] = ' ';
    memcpy(h->magic, MAPHERD_RECORD_MAGIC, sizeof h->magic); /* last: the record is complete */
}

/* MAPHERD_DIR is a folder; or a folder and a name, which then has a % in it. */
static void name_it(const char *program)
{
    static const char usual[] = "/dev/shm", form[] = "/mapherd-%h-%e-%p-%t.record";
    struct option_text dir = file.asked_for ? options.dir : words_text(usual);
    size_t slash = dir.len;
    while (slash > 0 && dir.at[slash - 1] != '/')
        slash--;
    bool named = memchr(dir.at + slash, '%', dir.len - slash);
    long pid = sys_getpid();
    size_t len = naming_expand(file.path, sizeof file.path, dir, program, pid);
    file.numbered = !named;
    if (!named)
        naming_expand(file.path + len, sizeof file.path - len, words_text(form), program, pid);
}

/* True if the file of that name is this process's own, from before it executed another program. */
static bool is_our_past(void)
{
    struct mapherd_record_head h;
    struct stat st;
    long fd = brief_open(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool ours = sys_fstat((int)fd, &st) == 0 && S_ISREG(st.st_mode) &&
                sys_pread((int)fd, &h, sizeof h, 0) == (long)sizeof h &&
                memcmp(h.magic, MAPHERD_RECORD_MAGIC, sizeof h.magic) == 0 &&
                h.pid == sys_getpid() && h.started && h.started == identity_started() &&
                h.pid_space == identity_pid_space();
    brief_close((int)fd);
    return ours;
}

static long create_here(void)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    long fd = brief_open(file.path, flags, 0600);
    if (fd == -EEXIST && is_our_past() && sys_unlink(file.path) == 0)
        fd = brief_open(file.path, flags, 0600);
    return fd;
}

/* Two containers with the same host name may have processes with the same id that started in the
 * same second. The second process that needs the name gets it with -2, and so on. A name that the
 * user has chosen does not change. */
static long create(void)
{
    enum { NAMESAKES = 9 };
    static const char ending[] = ".record";
    const size_t at = strlen(file.path) - (sizeof ending - 1);
    long fd = create_here();
    for (int n = 2; file.numbered && fd == -EEXIST && n <= NAMESAKES; n++) {
        fmt(file.path + at, sizeof file.path - at, "-%d%s", n, ending);
        fd = create_here();
    }
    return fd;
}

/* btrfs copies on write, and needs space for each copy that was not allocated. */
static long keep_in_place(int fd)
{
    long type, flags;
    if (sys_fstatfs_type(fd, &type) < 0 || type != BTRFS_SUPER_MAGIC)
        return 0;
    long answer = sys_ioctl(fd, FS_IOC_GETFLAGS, &flags);
    flags |= FS_NOCOW_FL;
    return answer < 0 ? answer : sys_ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static long map_it(int fd, size_t len)
{
    const int flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
    long at = sys_mmap(place, len, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (sys_failed(at))
        return at;
    if ((uintptr_t)at == place && sys_madvise(place, len, MADV_DONTFORK) == 0)
        return 0;
    sys_munmap((uintptr_t)at, len);
    return -EEXIST;
}

/* Makes a new file of that name and length, which put() fills and maps. Leaves nothing if it
 * fails. */
static long make_file(size_t len, long (*put)(int fd, size_t len))
{
    struct stat st;
    bool wanted = file.asked_for || options.leaks == LEAKS_ON;
    long fd = create();
    if (fd < 0)
        return fd;
    long answer = keep_in_place((int)fd);
    if (answer >= 0)
        answer = reserve((int)fd, 0, len, wanted ? FREE_SHARE : UNASKED_SHARE);
    if (answer >= 0)
        answer = sys_fstat((int)fd, &st);
    if (answer >= 0)
        answer = put((int)fd, len);
    brief_close((int)fd);
    if (answer < 0) {
        sys_unlink(file.path);
        return answer;
    }
    file.dev = st.st_dev;
    file.ino = st.st_ino;
    file.owner = st.st_uid;
    return 0;
}

long recordfile_make(const char *program, const char **path)
{
    memset(&file, 0, sizeof file);
    file.asked_for = options.dir.len > 0;
    name_it(program);
    *path = file.path;
    if (!place)
        return -ENOMEM;
    if (!file.asked_for && options.leaks != LEAKS_ON && !recordfile_folder_has_room())
        return -ENOSPC;
    long answer = make_file(CHUNKS_AT, map_it);
    if (answer < 0)
        return answer;
    fill_head((struct mapherd_record_head *)place, program);
    __atomic_store_n(&head, (struct mapherd_record_head *)place, __ATOMIC_RELEASE);
    return 0;
}

/* ---- its name ---- */

static bool unlink_ours(void)
{
    long fd = open_again(); /* the file of that name may be another one now */
    if (fd < 0)
        return false;
    brief_close((int)fd);
    return sys_unlink(file.path) == 0;
}

/* The process may have another effective user for the moment (seteuid(2)). */
static bool unlink_as_owner(void)
{
    struct sys_user before;
    if (sys_prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0 || /* a filter may kill for what follows */
        sys_take_user(file.owner, &before) < 0)
        return false;
    bool gone = unlink_ours();
    sys_give_user_back(&before);
    return gone;
}

bool recordfile_unname(void)
{
    return !file.asked_for && head && (unlink_ours() || unlink_as_owner());
}

uid_t recordfile_owner(void)
{
    return file.owner;
}

/* Copies the record into the file, and maps that in its place. A point of the history or an event
 * that another thread writes in between is lost. */
static long put_copy(int fd, size_t len)
{
    for (size_t done = 0; done < len;) {
        long wrote = sys_pwrite(fd, (const char *)place + done, len - done, (off_t)done);
        if (wrote <= 0)
            return wrote ? wrote : -EIO;
        done += (size_t)wrote;
    }
    long at = sys_mmap(place, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (!sys_failed(at))
        return sys_madvise(place, len, MADV_DONTFORK);
    /* An mmap that fails late leaves a hole, where other threads would write. */
    if (sys_msync(place, len, MS_ASYNC) < 0)
        sys_mmap(place, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0);
    return at;
}

long recordfile_rename(void)
{
    return make_file(CHUNKS_AT + (size_t)head->chunks * CHUNK, put_copy);
}

/* ---- the folder ---- */

/* "mapherd-....record" */
static bool is_record_name(const char *name)
{
    static const char first[] = "mapherd-", last[] = ".record";
    size_t len = strlen(name);
    return len >= sizeof first + sizeof last && memcmp(name, first, sizeof first - 1) == 0 &&
           memcmp(name + len - (sizeof last - 1), last, sizeof last - 1) == 0;
}

/* Adds up the bytes of the records among the entries of a folder. */
static uint64_t bytes_of_records(const char *entries, long len, const char *folder)
{
    uint64_t bytes = 0;
    char path[PATH_LEN];
    struct stat st;
    for (long at = 0; at < len;) {
        const struct dirent64 *e = (const void *)(entries + at);
        at += e->d_reclen;
        if (!is_record_name(e->d_name))
            continue;
        fmt(path, sizeof path, "%s%s", folder, e->d_name);
        if (sys_lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_blocks * 512;
    }
    return bytes;
}

bool recordfile_folder_has_room(void)
{
    char folder[PATH_LEN];
    _Alignas(struct dirent64) char entries[2048];
    struct sys_space space;
    uint64_t bytes = 0;
    long got = 0;
    size_t len = fmt(folder, sizeof folder, "%s", file.path);
    while (len > 0 && folder[len - 1] != '/')
        len--;
    folder[len] = '\0';
    long fd = brief_open(folder, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return true;
    bool known = sys_fstatfs((int)fd, &space) == 0 && space.size;
    while (known && (got = sys_getdents((int)fd, entries, sizeof entries)) > 0)
        bytes += bytes_of_records(entries, got, folder);
    brief_close((int)fd);
    return !known || bytes <= space.size / FOLDER_SHARE;
}

/* ---- the holders of most VMAs ---- */

void recordfile_name_top(const struct holding *rows, size_t n)
{
    struct mapherd_record_head *r = recordfile_head();
    if (!r)
        return;
    struct mapherd_record_top *to = (void *)((char *)r + r->top_at);
    for (size_t i = 0; i < MAPHERD_RECORD_TOP; i++) {
        __atomic_store_n(&to[i].maps, 0, __ATOMIC_RELEASE); /* unused while it changes */
        if (i >= n)
            continue;
        holding_name(&rows[i], sizeof to[i].path - sizeof "...", to[i].path, sizeof to[i].path);
        to[i].bytes = rows[i].bytes;
        __atomic_store_n(&to[i].maps, (uint64_t)rows[i].maps, __ATOMIC_RELEASE);
    }
}

/* ---- the end ---- */

void recordfile_end(bool keep)
{
    if (!keep)
        recordfile_unname();
}

/* A change is under way. It has no end in a child that a handler has forked in the middle of it:
 * the record of the child is another one, at the same address. */
static bool changing;

bool recordfile_begin_change(void)
{
    if (!lock_take(&record_lock)) {
        struct mapherd_record_head *h = recordfile_head();
        if (h)
            __atomic_fetch_add(&h->lost, 1, __ATOMIC_RELAXED);
        return false;
    }
    struct mapherd_record_head *h = recordfile_head();
    if (h && h->leaks) { /* all is 0 where the file was truncated */
        __atomic_store_n(&h->changes, h->changes + 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE); /* readers see the odd number before any change */
        changing = true;
        return true;
    }
    lock_drop(&record_lock);
    return false;
}

void recordfile_end_change(void)
{
    struct mapherd_record_head *h = recordfile_head();
    if (h && changing)
        __atomic_store_n(&h->changes, h->changes + 1, __ATOMIC_RELEASE);
    changing = false;
    lock_drop(&record_lock);
}

void recordfile_after_fork(void)
{
    lock_reset(&record_lock);
    changing = false;
    __atomic_store_n(&head, NULL, __ATOMIC_RELEASE);
}
