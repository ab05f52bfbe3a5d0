/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * fakesys: everything of kernel/sys.h but the maps: files, texts, the clock, ordered failures.
 */
#define _GNU_SOURCE
#include "fakesys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/quota.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakespace.h"
#include "kernel/sys.h"

#define FIRST_FD 100 /* below: the real ones, of which the fake knows standard error */
#define FDS 1000
#define TEXTS 16
#define EXT4 0xef53

static struct fake_open_file open_files[FDS];
static int open_count; /* numbers start at 1 */

static struct {
    int number;       /* of the open file; 0: closed */
    const char *text; /* of a path; the rest is then meaningless */
    size_t at, len, chunk;
    bool sink; /* opened for writing */
} fds[FDS];

static struct {
    const char *path, *text;
    size_t chunk;
} texts[TEXTS];
static size_t text_count;

static char written[1 << 16];
static size_t written_len;
static char space_text[1 << 20];

static struct {
    unsigned seen, skip;
    long answer;
} orders[FAKE_CALLS];

uint64_t fake_now_ms;
long fake_pid;
mode_t fake_stderr_mode;
uint64_t fake_stderr_inode;
bool fake_ofd_lock, fake_stamps_fine;
unsigned fake_dirty_asked, fake_types_asked;
uint64_t fake_stamp;
struct sys_space fake_space;
int fake_file_flags;
struct fake_quota fake_quotas[3];
void (*fake_meanwhile)(void);
unsigned long fake_rlimits[16];
/* Space of sparse files, in pages, in no order. */
static struct {
    uint64_t inode, page;
} blocks[4096];
static size_t block_count;
static char busy;
static uint64_t chance; /* of sys_getrandom */

/* A spin lock of no interest to ThreadSanitizer: this file is built without it, so that what the
 * fake orders does not hide what the library forgot to. */
void fake_enter(void)
{
    while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
        sched_yield();
}

void fake_leave(void)
{
    __atomic_clear(&busy, __ATOMIC_RELEASE);
}

void fake_reset(void)
{
    memset(fds, 0, sizeof fds);
    memset(orders, 0, sizeof orders);
    memset(written, 0, sizeof written);
    open_count = 0;
    block_count = 0;
    text_count = written_len = 0;
    fake_now_ms = 1000;
    chance = 0x9e3779b97f4a7c15;
    fake_may_write = 0;
    fake_pid = 4242;
    fake_stderr_mode = S_IFIFO;
    fake_stderr_inode = 1;
    fake_ofd_lock = false;
    fake_space = (struct sys_space){ 64 << 20, 32 << 20, EXT4, 1000 };
    fake_file_flags = 0;
    fake_meanwhile = NULL;
    memset(fake_quotas, 0, sizeof fake_quotas);
    memset(fake_rlimits, 0xff, sizeof fake_rlimits); /* RLIM_INFINITY */
    fake_space_reset();
}

static int take_fd(void)
{
    int n = 0;
    while (fds[n].number || fds[n].text || fds[n].sink)
        if (++n == FDS)
            abort();
    memset(&fds[n], 0, sizeof fds[n]);
    return n;
}

int fake_open(struct fake_file file, int flags)
{
    if (open_count == FDS - 1)
        abort();
    int n = take_fd();
    fds[n].number = ++open_count;
    open_files[open_count] = (struct fake_open_file){ file, flags };
    return n + FIRST_FD;
}

int fake_dup(int fd)
{
    int n = take_fd();
    fds[n] = fds[fd - FIRST_FD];
    return n + FIRST_FD;
}

static bool known(int fd)
{
    return fd >= FIRST_FD && fd < FIRST_FD + FDS;
}

void fake_close(int fd)
{
    memset(&fds[fd - FIRST_FD], 0, sizeof fds[0]);
}

int fake_number(int fd)
{
    return known(fd) ? fds[fd - FIRST_FD].number : 0;
}

const struct fake_open_file *fake_open_file(int number)
{
    return number ? &open_files[number] : NULL;
}

void fake_text(const char *path, const char *text, size_t chunk)
{
    if (text_count == TEXTS)
        abort();
    texts[text_count].path = path;
    texts[text_count].text = text;
    texts[text_count++].chunk = chunk;
}

const char *fake_written(void)
{
    return written;
}

void fake_fail(enum fake_call call, unsigned skip, long answer)
{
    orders[call].seen = 0;
    orders[call].skip = skip;
    orders[call].answer = answer;
}

unsigned fake_calls(enum fake_call call)
{
    return orders[call].seen;
}

long fake_answer(enum fake_call call)
{
    return orders[call].seen++ >= orders[call].skip ? orders[call].answer : 0;
}

/* Files. */

long fake_may_write;

void (*fake_while_opening)(void);

long sys_open(const char *path, int flags, unsigned mode)
{
    (void)mode;
    if (fake_while_opening)
        fake_while_opening();
    long ordered = fake_answer(FAKE_OPEN);
    if (ordered)
        return ordered;
    if (strcmp(path, "/") == 0)
        return fake_open((struct fake_file){ .inode = 2, .mode = S_IFDIR }, O_RDONLY);
    if ((flags & O_ACCMODE) && fake_may_write && strncmp(path, "/proc/sys/", 10) == 0)
        return fake_may_write;
    int n = take_fd();
    if (flags & O_ACCMODE) {
        fds[n].sink = true;
        return n + FIRST_FD;
    }
    for (size_t i = 0; i < text_count; i++) {
        if (strcmp(texts[i].path, path) == 0) {
            fds[n].text = texts[i].text;
            fds[n].chunk = texts[i].chunk;
            fds[n].len = strlen(texts[i].text);
            return n + FIRST_FD;
        }
    }
    if (strcmp(path, "/proc/self/maps") == 0) {
        fake_enter();
        fds[n].len = fake_space_text(space_text, sizeof space_text);
        fake_leave();
        fds[n].text = space_text;
        return n + FIRST_FD;
    }
    return -ENOENT;
}

long sys_openat(int dir, const char *path, int flags, unsigned mode)
{
    (void)dir;
    return sys_open(path, flags, mode);
}

/* Nothing here is put in the place of another. */
long sys_dup3(int fd, int to, int flags)
{
    (void)fd, (void)to, (void)flags;
    return -EBADF;
}

long sys_close(int fd)
{
    if (!known(fd))
        return -EBADF;
    fake_close(fd);
    return 0;
}

long sys_read(int fd, void *buf, size_t len)
{
    long ordered = fake_answer(FAKE_READ);
    if (ordered)
        return ordered;
    if (!known(fd) || !fds[fd - FIRST_FD].text)
        return -EBADF;
    size_t at = fds[fd - FIRST_FD].at, left = fds[fd - FIRST_FD].len - at;
    if (fds[fd - FIRST_FD].chunk && len > fds[fd - FIRST_FD].chunk)
        len = fds[fd - FIRST_FD].chunk;
    if (len > left)
        len = left;
    memcpy(buf, fds[fd - FIRST_FD].text + at, len);
    fds[fd - FIRST_FD].at += len;
    return (long)len;
}

/* Of a text; this kernel has no pagemap. */
long sys_pread(int fd, void *buf, size_t len, off_t offset)
{
    if (!known(fd) || !fds[fd - FIRST_FD].text || offset < 0)
        return -EBADF;
    if ((size_t)offset >= fds[fd - FIRST_FD].len)
        return 0;
    if (len > fds[fd - FIRST_FD].len - (size_t)offset)
        len = fds[fd - FIRST_FD].len - (size_t)offset;
    memcpy(buf, fds[fd - FIRST_FD].text + offset, len);
    return (long)len;
}

long sys_write(int fd, const void *buf, size_t len)
{
    long ordered = fake_answer(FAKE_WRITE);
    if (ordered)
        return ordered;
    if (fd != STDERR_FILENO && !(known(fd) && fds[fd - FIRST_FD].sink))
        return -EBADF;
    if (written_len + len >= sizeof written)
        abort();
    memcpy(written + written_len, buf, len);
    written_len += len;
    return (long)len;
}

long sys_write_quietly(int fd, const void *buf, size_t len)
{
    return sys_write(fd, buf, len);
}

long sys_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    (void)offset;
    return sys_write(fd, buf, len);
}

static bool has_block(uint64_t inode, uint64_t page)
{
    for (size_t i = 0; i < block_count; i++)
        if (blocks[i].inode == inode && blocks[i].page == page)
            return true;
    return false;
}

static bool add_block(uint64_t inode, uint64_t page)
{
    if (has_block(inode, page))
        return true;
    if (fake_space.free < FAKE_PAGE)
        return false;
    if (block_count == sizeof blocks / sizeof *blocks)
        abort();
    fake_space.free -= FAKE_PAGE;
    blocks[block_count].inode = inode;
    blocks[block_count++].page = page;
    return true;
}

void fake_allocate(uint64_t inode, uint64_t start, uint64_t end)
{
    for (uint64_t page = start / FAKE_PAGE; page * FAKE_PAGE < end; page++)
        add_block(inode, page);
}

uint64_t fake_allocated(uint64_t inode)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < block_count; i++)
        sum += blocks[i].inode == inode ? FAKE_PAGE : 0;
    return sum;
}

/* What finds no space stays half done, as on disks. */
long sys_fallocate(int fd, int mode, off_t offset, off_t len)
{
    long ordered = fake_answer(FAKE_FALLOCATE);
    const struct fake_open_file *f = fake_open_file(fake_number(fd));
    if (ordered)
        return ordered;
    if (!f || (f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (mode != FALLOC_FL_KEEP_SIZE || offset + len > f->file.size)
        abort(); /* the library promises neither */
    for (off_t page = offset / (off_t)FAKE_PAGE; page * (off_t)FAKE_PAGE < offset + len; page++)
        if (f->file.sparse && !add_block(f->file.inode, (uint64_t)page))
            return -ENOSPC;
    return 0;
}

/* FIEMAP, an extent a page. */
long sys_ioctl(int fd, unsigned long request, void *arg)
{
    long ordered = fake_answer(FAKE_IOCTL);
    const struct fake_open_file *f = fake_open_file(fake_number(fd));
    struct fiemap *map = arg;
    if (ordered)
        return ordered;
    if (request == FS_IOC_GETFLAGS) {
        *(int *)arg = fake_file_flags;
        return f ? 0 : -EBADF;
    }
    if (request == BTRFS_IOC_FS_INFO) {
        *(struct btrfs_ioctl_fs_info_args *)arg = (struct btrfs_ioctl_fs_info_args){ .flags = 0 };
        return f ? 0 : -EBADF;
    }
    if (request != FS_IOC_FIEMAP || !f || f->file.no_list)
        return -ENOTTY;
    map->fm_mapped_extents = 0;
    for (uint64_t page = map->fm_start / FAKE_PAGE;
         page * FAKE_PAGE < map->fm_start + map->fm_length &&
         map->fm_mapped_extents < map->fm_extent_count;
         page++) {
        if (!f->file.sparse || has_block(f->file.inode, page))
            map->fm_extents[map->fm_mapped_extents++] =
                (struct fiemap_extent){ .fe_logical = page * FAKE_PAGE, .fe_length = FAKE_PAGE };
    }
    return 0;
}

/* No folder can be read: a record is never made here. */
long sys_lstat(const char *path, struct stat *st)
{
    return sys_stat(path, st);
}

bool sys_copy_own(void *to, const void *from, size_t len)
{
    memcpy(to, from, len);
    return true;
}

long sys_get_robust_list(int tid, struct robust_list_head **head)
{
    (void)tid;
    (void)head;
    return -ENOSYS;
}

long sys_getdents(int fd, void *entries, size_t size)
{
    (void)fd;
    (void)entries;
    (void)size;
    return -ENOTDIR;
}

long sys_stat(const char *path, struct stat *st)
{
    (void)st; /* a btrfs without quotas is all there is */
    return strncmp(path, "/sys/fs/btrfs/0", 15) || strstr(path, "qgroups") ? -ENOENT : 0;
}

long sys_lseek(int fd, off_t offset, int whence)
{
    (void)fd, (void)offset, (void)whence;
    return -ENXIO;
}

long sys_quotactl_fd(int fd, unsigned command, int id, void *to)
{
    struct if_dqblk *block = to;
    const struct fake_quota *q = &fake_quotas[command & SUBCMDMASK];
    (void)fd, (void)id;
    if (command >> SUBCMDSHIFT != Q_GETQUOTA)
        abort();
    *block = (struct if_dqblk){ .dqb_bsoftlimit = q->soft / 1024,
                                .dqb_bhardlimit = q->hard / 1024,
                                .dqb_curspace = q->used,
                                .dqb_valid = QIF_ALL };
    return q->error;
}

long sys_fchmod(int fd, unsigned mode)
{
    (void)mode;
    fake_stamp += fake_stamps_fine;
    return known(fd) ? 0 : -EBADF;
}

long sys_memfd(const char *path)
{
    (void)path;
    return fake_open((struct fake_file){ .inode = 999 }, O_RDWR);
}

long sys_dirty_pages(int fd, off_t offset, uint64_t len)
{
    (void)fd, (void)offset, (void)len;
    fake_dirty_asked++;
    return 3;
}

/* A file that was written has no name here: what is done to names is only told (fake_written). */
static long tell(const char *what, const char *path)
{
    written_len += (size_t)snprintf(written + written_len, sizeof written - written_len, "%s %s\n",
                                    what, path);
    return 0;
}

/* Only /proc/self/fd is read so. */
long sys_readlink(const char *path, char *text, size_t size)
{
    const char *number = strrchr(path, '/') + 1;
    const struct fake_open_file *f = fake_open_file(fake_number(atoi(number)));
    return f ? snprintf(text, size, "/files/%lu", (unsigned long)f->file.inode) : -ENOENT;
}

long sys_rename(const char *from, const char *to)
{
    (void)from;
    return tell("named", to);
}

long sys_unlink(const char *path)
{
    return tell("removed", path);
}

long sys_take_user(uid_t user, struct sys_user *before)
{
    (void)user;
    (void)before;
    return -ENOSYS;
}

void sys_give_user_back(const struct sys_user *before)
{
    (void)before;
}

bool sys_writable_now(int fd)
{
    return fd == STDERR_FILENO;
}

long sys_fstat(int fd, struct stat *st)
{
    long ordered = fake_answer(FAKE_FSTAT);
    if (ordered)
        return ordered;
    memset(st, 0, sizeof *st);
    if (fd == STDERR_FILENO) {
        st->st_mode = fake_stderr_mode;
        st->st_ino = fake_stderr_inode;
        return 0;
    }
    if (known(fd) && fds[fd - FIRST_FD].text) {
        st->st_mode = S_IFREG;
        st->st_size = (off_t)fds[fd - FIRST_FD].len;
        return 0;
    }
    const struct fake_open_file *f = fake_open_file(fake_number(fd));
    if (!f)
        return -EBADF;
    st->st_dev = f->file.device ? f->file.device : FAKE_DEVICE;
    st->st_ino = f->file.inode;
    st->st_size = f->file.size;
    st->st_mode = f->file.mode ? f->file.mode : (mode_t)S_IFREG;
    st->st_nlink = 1;
    st->st_blksize = FAKE_PAGE;
    st->st_blocks =
        (f->file.sparse ? (off_t)fake_allocated(f->file.inode) : f->file.size + 511) / 512;
    st->st_ctim.tv_sec = 0;
    st->st_ctim.tv_nsec = (long)fake_stamp;
    return 0;
}

long sys_fstatfs_type(int fd, long *f_type)
{
    const struct fake_open_file *f = fake_open_file(fake_number(fd));
    fake_types_asked++;
    if (!f)
        return -EBADF;
    *f_type = f->file.fs_type ? f->file.fs_type : EXT4;
    return 0;
}

long sys_fstatfs(int fd, struct sys_space *space)
{
    long ordered = fake_answer(FAKE_FSTATFS);
    const struct fake_open_file *f = fake_open_file(fake_number(fd));
    if (ordered || !f)
        return ordered ? ordered : -EBADF;
    *space = fake_space;
    if (f->file.fs_type)
        space->type = f->file.fs_type;
    return 0;
}

long sys_statfs(const char *path, struct sys_space *space)
{
    (void)path;
    *space = fake_space;
    return 0;
}

long sys_fcntl(int fd, int cmd, uintptr_t arg)
{
    if (fd == STDERR_FILENO)
        return cmd == F_GETFL ? O_RDWR : 0;
    if (!known(fd))
        return -EBADF;
    if (cmd == F_DUPFD_CLOEXEC)
        return fake_dup(fd);
    const struct fake_open_file *f = fake_open_file(fake_number(fd));
    if (cmd == F_GETFL)
        return f ? f->flags : 0;
    if (cmd == F_OFD_GETLK) {
        struct flock *l = (struct flock *)arg;
        l->l_type = fake_ofd_lock ? F_WRLCK : F_UNLCK;
        l->l_pid = fake_ofd_lock ? -1 : 0;
        return 0;
    }
    return cmd == F_GET_SEALS ? -EINVAL : 0;
}

bool sys_is_dax(int fd)
{
    (void)fd;
    return false;
}

bool sys_has_xattr(int fd, const char *name)
{
    (void)fd;
    (void)name;
    return false;
}

long sys_truncate(const char *path, off_t len)
{
    (void)path;
    (void)len;
    return -ENOENT;
}

long sys_ftruncate(int fd, off_t len)
{
    int number = fake_number(fd);
    if (!number)
        return -EBADF;
    uint64_t inode = open_files[number].file.inode;
    for (int n = 1; n <= open_count; n++)
        if (open_files[n].file.inode == inode)
            open_files[n].file.size = len;
    for (size_t n = block_count; n-- > 0;) {
        if (blocks[n].inode != inode || (off_t)(blocks[n].page * FAKE_PAGE) < len)
            continue;
        blocks[n] = blocks[--block_count];
        fake_space.free += FAKE_PAGE;
    }
    return 0;
}

long sys_shmat(int id, uintptr_t addr, int flags)
{
    (void)id, (void)addr, (void)flags;
    return -EINVAL; /* the fake kernel has no segments */
}

long sys_shm_size(int id, size_t *len)
{
    (void)id, (void)len;
    return -EINVAL;
}

long sys_flock(int fd, int operation)
{
    (void)operation;
    return fake_number(fd) ? 0 : -EBADF;
}

/* There are no sockets: no open file is kept. */
long sys_socketpair(int pair[2])
{
    (void)pair;
    return -EAFNOSUPPORT;
}

long sys_send_file(int socket, int fd)
{
    (void)socket, (void)fd;
    return -EBADF;
}

long sys_peek_file(int socket)
{
    (void)socket;
    return -EBADF;
}

long sys_drop_file(int socket)
{
    (void)socket;
    return -EBADF;
}

long sys_send_files(int socket, const int files[], const uint32_t words[], unsigned n)
{
    (void)socket, (void)files, (void)words, (void)n;
    return -EBADF;
}

long sys_peek_files(int socket, int files[], uint32_t words[])
{
    (void)socket, (void)files, (void)words;
    return -EBADF;
}

long sys_drop_files(int socket)
{
    (void)socket;
    return -EBADF;
}

long sys_fd_of_thread(long tid, int fd)
{
    (void)tid, (void)fd;
    return -ENOSYS;
}

bool sys_shares_memory(long pid)
{
    (void)pid;
    return false;
}

bool sys_differ(int fd, int other)
{
    (void)fd;
    (void)other;
    return false;
}

long sys_kill(long pid, int sig)
{
    (void)sig;
    return pid == fake_pid ? 0 : -ESRCH;
}

long sys_child(void (*work)(void *context), void *context)
{
    (void)work;
    (void)context;
    return -ENOSYS;
}

long sys_reap(long pid)
{
    (void)pid;
    return -ECHILD;
}

long sys_alarm(uint64_t ms)
{
    (void)ms;
    return -ENOSYS;
}

long sys_apart(long (*work)(void *context), void *context)
{
    return work(context);
}

long sys_apart_on(char *stack_end, long (*work)(void *context), void *context)
{
    (void)stack_end;
    return work(context);
}

long sys_thread(const struct sys_thread *t)
{
    (void)t;
    return -EAGAIN;
}

bool sys_thread_lives(long tid)
{
    (void)tid;
    return false;
}

long sys_close_range(unsigned first, unsigned last)
{
    (void)first, (void)last;
    return -ENOSYS;
}

long sys_processor(void)
{
    return 0;
}

long sys_processors(unsigned long *set, size_t size)
{
    (void)set, (void)size;
    return -ENOSYS;
}

long sys_run_on_set(int tid, const unsigned long *set, long size)
{
    (void)tid, (void)set, (void)size;
    return -ENOSYS;
}

long sys_run_on(int tid, unsigned processor)
{
    (void)tid, (void)processor;
    return -ENOSYS;
}

void sys_yield(void)
{
}

bool sys_realtime(void)
{
    return false;
}

long sys_file_mark(int fd, const char *path, uint32_t *mark)
{
    (void)fd, (void)path, (void)mark;
    return -ENOSYS;
}

long sys_rights(struct sys_rights *r)
{
    (void)r;
    return -ENOSYS;
}

long sys_take_rights(const struct sys_rights *r, uint64_t keep, uint64_t effective)
{
    (void)r, (void)keep, (void)effective;
    return -ENOSYS;
}

long sys_limit_rights(uint64_t keep, uint64_t effective)
{
    (void)keep, (void)effective;
    return -ENOSYS;
}

long sys_timer_create(int sig, int *timer)
{
    (void)sig, (void)timer;
    return -EAGAIN;
}

long sys_timer_set(int timer, uint64_t ms)
{
    (void)timer, (void)ms;
    return -EINVAL;
}

long sys_msync(uintptr_t addr, size_t len, int flags)
{
    (void)flags;
    uintptr_t end = addr + len;
    for (const struct fake_vma *v; addr < end; addr = v->end)
        if (!(v = fake_vma_at(addr)))
            return -ENOMEM;
    return 0;
}

/* The process. */

long sys_mlockall(int flags)
{
    (void)flags;
    return 0;
}

long sys_munlockall(void)
{
    return 0;
}

long sys_fork(void)
{
    return -EAGAIN;
}

long sys_getpid(void)
{
    return fake_pid;
}

long sys_gettid(void)
{
    return gettid();
}

long sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    (void)option, (void)a, (void)b, (void)c, (void)d;
    return 0;
}

long sys_getrandom(void *buf, size_t len)
{
    unsigned char *out = buf;
    for (size_t i = 0; i < len; i++) {
        chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
        out[i] = (unsigned char)(chance >> 32);
    }
    return (long)len;
}

uint64_t sys_memory(void)
{
    return 8ULL << 30;
}

long sys_prlimit(long pid, int resource, const void *set, void *before)
{
    (void)pid, (void)resource, (void)set, (void)before;
    return 0;
}

unsigned long sys_rlimit(int resource)
{
    return fake_rlimits[resource];
}

/* Signals are the real kernel's business: no unit asks for more than to be refused. */

long sys_sigaction(int sig, const struct sys_action *action, struct sys_action *before)
{
    (void)sig, (void)action, (void)before;
    return -ENOSYS;
}

uint64_t sys_block_signals(void)
{
    return 0;
}

long sys_sigprocmask(int how, const uint64_t *set, uint64_t *before)
{
    (void)how, (void)set, (void)before;
    return -ENOSYS;
}

long sys_sigqueueinfo(long pid, int sig, const void *info)
{
    (void)pid, (void)sig, (void)info;
    return -ENOSYS;
}

long sys_tgsigqueueinfo(long pid, long tid, int sig, const void *info)
{
    (void)pid, (void)tid, (void)sig, (void)info;
    return -ENOSYS;
}

long sys_sigaltstack(const stack_t *stack, stack_t *before)
{
    (void)stack, (void)before;
    return -ENOSYS;
}

long sys_inotify(int flags)
{
    (void)flags;
    return -ENOSYS;
}

long sys_inotify_add(int fd, const char *path, uint32_t events)
{
    (void)fd, (void)path, (void)events;
    return -ENOSYS;
}

long sys_inotify_remove(int fd, long watch)
{
    (void)fd, (void)watch;
    return -ENOSYS;
}

long sys_mincore(uintptr_t addr, size_t len, unsigned char *present)
{
    (void)addr, (void)len, (void)present;
    return -ENOSYS;
}

_Noreturn void sys_exit_group(int status)
{
    exit(status);
}

/* Stacks are real, and what is not mapped is not read. */
bool sys_readable(uintptr_t addr)
{
    return addr && (syscall(SYS_rt_sigprocmask, -1, addr, 0, 8) == 0 || errno != EFAULT);
}

void sys_futex_wait(const int *word, int seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

long sys_futex_wait_ms(const int *word, int seen, unsigned ms)
{
    struct timespec most = { ms / 1000, (long)(ms % 1000) * 1000000 };
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, &most, NULL, 0) < 0 ? -errno : 0;
}

void sys_futex_wake(const int *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

void sys_nap(unsigned ms)
{
    fake_now_ms += ms;
    if (fake_meanwhile)
        fake_meanwhile();
}

uint64_t sys_now_ms(void)
{
    return fake_now_ms;
}

uint64_t sys_clock_ns(int clock)
{
    (void)clock;
    return fake_now_ms * 1000000;
}
