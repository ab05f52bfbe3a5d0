/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * mapherd doctor: whether this host is ready, and if not, what to do. Each examination tries the
 * thing itself, and prints a line that says what came of it:
 *
 *   ok       kernel      Linux 6.12.5 on x86_64
 *   note     limit       vm.max_map_count is 65,530, the kernel's default
 *            right:      sysctl -w vm.max_map_count=1048576
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/host/sysctld.h"
#include "command/lib/print.h"
#include "command/lib/reach.h"
#include "command/lib/verb.h"
#include "common/words.h"
#include "kernel/newer.h"
#include "kernel/procmaps.h"
#include "kernel/procstat.h"
#include "kernel/remedy.h"
#include "tell/options.h"

enum level { OK, NOTE, PROBLEM };

struct findings {
    bool as_json;
    struct json json;
    int problems;
};

/* ---- findings, for people or as JSON ---- */

static void findings_start(struct findings *f, bool as_json)
{
    *f = (struct findings){ .as_json = as_json, .json = { stdout, false } };
    if (as_json) {
        json_open(&f->json, NULL, '{');
        json_open(&f->json, "findings", '[');
    }
}

static void print_line(const char *level, const char *check, const char *text, const char *right)
{
    printf("%-8s %-11s ", level, check);
    print_text(stdout, text);
    if (right) {
        printf("\n%8s %-11s ", "", "right:");
        print_text(stdout, right);
    }
    putchar('\n');
    fflush(stdout);
}

static void print_object(struct json *j, const char *level, const char *check, const char *text,
                         const char *right)
{
    json_open(j, NULL, '{');
    json_text(j, "level", level);
    json_text(j, "check", check);
    json_text(j, "text", text);
    if (right)
        json_text(j, "right", right);
    json_close(j, '}');
}

/* right: what to do about it, or NULL. */
__attribute__((format(printf, 5, 6))) static void finding(struct findings *f, enum level level,
                                                          const char *check, const char *right,
                                                          const char *format, ...)
{
    static const char *const words[] = { "ok", "note", "problem" };
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    f->problems += level == PROBLEM;
    const char *shown = text ? text : format;
    if (f->as_json)
        print_object(&f->json, words[level], check, shown, right);
    else
        print_line(words[level], check, shown, right);
    free(text);
}

static void findings_end(struct findings *f)
{
    if (!f->as_json)
        return;
    json_close(&f->json, ']');
    json_number(&f->json, "problems", f->problems);
    json_close(&f->json, '}');
    putchar('\n');
}

/* ---- the kernel: its release, vm.max_map_count, the calls that the library uses ---- */

#define OVERCOMMIT "/proc/sys/vm/overcommit_memory"

/* linux/fs.h of 6.11, for older headers. */
struct query {
    uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
    uint32_t major, minor, name_size, build_id_size;
    uint64_t name, build_id;
};
#define QUERY_MAP _IOWR('f', 17, struct query)

static void examine_release(struct findings *f)
{
    struct utsname name;
    if (uname(&name) == 0)
        finding(f, OK, "kernel", NULL, "%s %s on %s", name.sysname, name.release, name.machine);
}

static void examine_limit(struct findings *f)
{
    const long kernels_default = 65530;
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    char right[600];
    if (limit < 0)
        finding(f, PROBLEM, "limit", "mount /proc",
                PROCMAPS_LIMIT_PATH " cannot be read (%s): the library cannot count against it",
                strerror((int)-limit));
    else if (limit <= kernels_default) {
        snprintf(
            right, sizeof right,
            "what cannot be herded (many files) needs more; to raise it%s:"
            " sysctl -w vm.max_map_count=%ld, and a file of /etc/sysctl.d there with the line"
            " vm.max_map_count=%ld for later starts; where that cannot be had, Elasticsearch and"
            " others that ask for more start with MAPHERD_SHOW_LIMIT and MAPHERD_COLD together",
            remedy_where(PROCMAPS_LIMIT_PATH), remedy_limit(0, limit), remedy_limit(0, limit));
        finding(f, NOTE, "limit", right, "vm.max_map_count is %s%s", grouped(limit),
                limit == kernels_default ? ", the kernel's default" : "");
    } else
        finding(f, OK, "limit", NULL, "vm.max_map_count is %s", grouped(limit));
}

/* What the host's files set it to. Those of a container are not the host's. */
static void examine_kept_limit(struct findings *f)
{
    static struct sysctld last, most;
    char right[PATH_MAX + 200];
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    if (limit < 0 || remedy_host() != HOST_MACHINE ||
        !sysctld_find("vm.max_map_count", &last, &most))
        return;
    if (last.value >= most.value && last.value >= limit) {
        finding(f, OK, "kept", NULL, "%s sets vm.max_map_count to %s at each start", last.path,
                grouped(last.value));
        return;
    }
    long value = last.value < most.value ? most.value : limit;
    bool of_host = strncmp(last.path, "/etc/", 5) == 0; /* else a package's, which is not changed */
    snprintf(right, sizeof right, "the line vm.max_map_count=%ld in %s", value,
             of_host ? last.path
                     : "/etc/sysctl.d/zz-max-map-count.conf, which is read after that file");
    if (last.value < most.value)
        finding(f, NOTE, "kept", right,
                "%s sets vm.max_map_count to %ld at each start, and overrides the %ld of %s",
                last.path, last.value, most.value, most.path);
    else
        finding(f, NOTE, "kept", right,
                "%s sets vm.max_map_count to %ld at the next start; it is %ld now", last.path,
                last.value, limit);
}

/* What lets mmap fail below the map limit: ulimit -v, and memory that is promised once only. */
static void examine_memory_limits(struct findings *f)
{
    struct rlimit space;
    char right[200];
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
        finding(f, NOTE, "space", "ulimit -v unlimited, if programs that reserve memory are to run",
                "RLIMIT_AS leaves a process %s KiB of address space; mmap of a large file, and the"
                " heap of a JVM, fail beyond that",
                grouped((long long)(space.rlim_cur / 1024)));
    if (procstat_number(OVERCOMMIT) != 2)
        return;
    snprintf(right, sizeof right, "vm.overcommit_memory=0 or a larger vm.overcommit_ratio%s",
             remedy_where(OVERCOMMIT));
    finding(f, NOTE, "overcommit", right,
            "vm.overcommit_memory is 2: mmap fails when the memory is promised, however few maps"
            " there are");
}

/* MAPHERD_SHOW_LIMIT, by the rules of the library. */
static void examine_shown(struct findings *f)
{
    const char *value = getenv("MAPHERD_SHOW_LIMIT");
    long limit = procmaps_limit(PROCMAPS_LIMIT_PATH);
    long shown = value ? options_limit(words_text(value)) : -1;
    if (!value || !*value || limit < 0)
        return;
    if (shown < limit)
        finding(f, NOTE, "shown", "a number from vm.max_map_count to 2147483647, or none",
                "MAPHERD_SHOW_LIMIT is %s: programs see the kernel's limit", value);
    else
        finding(
            f, NOTE, "shown",
            "together with MAPHERD_COLD, which keeps the mappings beyond the kernel's limit;"
            " without it a program believes in maps that it cannot have",
            "programs that read vm.max_map_count through libc are shown %s; raw system calls, static"
            " and Go programs, and children without the library see the kernel's",
            grouped(shown));
}

static void examine_noreplace(struct findings *f, size_t page)
{
    char *taken = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *again =
        mmap(taken, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (again == MAP_FAILED && errno == EEXIST)
        finding(f, OK, "placement", NULL, "MAP_FIXED_NOREPLACE is honoured");
    else
        finding(f, NOTE, "placement", "Linux 4.17 or newer",
                "MAP_FIXED_NOREPLACE is not honoured: each address has to be verified");
    if (again != MAP_FAILED)
        munmap(again, page);
    munmap(taken, page);
}

static void examine_guards(struct findings *f, size_t page)
{
    char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (madvise(memory, page, MADV_GUARD_INSTALL) == 0)
        finding(f, OK, "guards", NULL, "MADV_GUARD_INSTALL works: guard pages need not cost maps");
    else
        finding(f, NOTE, "guards", "Linux 6.13 or newer",
                "MADV_GUARD_INSTALL does not work: each guard page costs two maps");
    munmap(memory, page);
}

static void examine_query(struct findings *f)
{
    enum { MAP_AT_OR_BEHIND = 0x10 };
    struct query q = { .size = sizeof q, .flags = MAP_AT_OR_BEHIND, .address = (uintptr_t)&q };
    int fd = open(PROCMAPS_SELF, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        finding(f, PROBLEM, "proc", "mount /proc", PROCMAPS_SELF ": %s", strerror(errno));
    else if (ioctl(fd, QUERY_MAP, &q) == 0)
        finding(f, OK, "query", NULL, "PROCMAP_QUERY works: one map can be looked at alone");
    else
        finding(f, NOTE, "query", "Linux 6.11 or newer",
                "PROCMAP_QUERY does not work: the whole list has to be read");
    if (fd >= 0)
        close(fd);
}

static void examine_kernel(struct findings *f)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    examine_release(f);
    examine_limit(f);
    examine_kept_limit(f);
    examine_shown(f);
    examine_memory_limits(f);
    examine_noreplace(f, page);
    examine_guards(f, page);
    examine_query(f);
}

/* ---- the library: whether it is found, and gets into a program ---- */

/* What `mapherd library --loaded` says under the library: one word, or "". */
static void ask_copy(const char *library, char *word, size_t size)
{
    int ends[2];
    ssize_t got = 0;
    word[0] = '\0';
    fflush(stdout); /* else the copy would write our line once more */
    if (pipe(ends) != 0)
        return;
    pid_t copy = fork();
    if (copy == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        setenv("LD_PRELOAD", library, 1);
        execl("/proc/self/exe", "mapherd", "library", "--loaded", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (copy > 0) {
        got = read(ends[0], word, size - 1);
        waitpid(copy, NULL, 0);
    }
    close(ends[0]);
    word[got > 0 ? got : 0] = '\0';
    word[strcspn(word, "\n")] = '\0';
}

static void examine_library(struct findings *f, char *path, size_t size)
{
    char word[32];
    const char *missing = library_locate(path, size);
    if (missing) {
        path[0] = '\0';
        finding(f, PROBLEM, "library", "install mapherd whole, or set MAPHERD_LIBRARY", "%s",
                missing);
        return;
    }
    ask_copy(path, word, sizeof word);
    if (strcmp(word, "herding") == 0 || strcmp(word, "observing") == 0)
        finding(f, OK, "library", NULL, "%s gets into a program and is %s", path, word);
    else if (strcmp(word, "passive") == 0)
        finding(f, NOTE, "library", "look at MAPHERD_ONLY and MAPHERD_SKIP, and at stderr",
                "%s gets into a program and does nothing there", path);
    else
        finding(f, PROBLEM, "library", "LD_PRELOAD=$(mapherd library) /bin/true shows why",
                "%s does not get into a program", path);
}

/* ---- the filesystem of a folder ---- */

/* Spaces, tabs, newlines and backslashes stand there as \040 and the like. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        bool escaped = from[0] == '\\' && strspn(from + 1, "01234567") >= 3;
        *to =
            escaped ? (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0')) : *from;
        from += escaped ? 4 : 1;
    }
    *to = '\0';
}

static bool is_below(const char *folder, const char *point)
{
    size_t len = strlen(point);
    return strncmp(folder, point, len) == 0 &&
           (folder[len] == '/' || folder[len] == '\0' || strcmp(point, "/") == 0);
}

/* The type of the filesystem, as in /proc/self/mountinfo ("ext4", "overlay", "fuse.sshfs"); or
 * "unknown". */
static void mount_type(const char *folder, char *type, size_t size)
{
    char real[PATH_MAX], *line = NULL;
    size_t room = 0, longest = 0;
    snprintf(type, size, "unknown");
    FILE *list = fopen("/proc/self/mountinfo", "re");
    if (!list || !realpath(folder, real)) {
        if (list)
            fclose(list);
        return;
    }
    while (getline(&line, &room, list) > 0) {
        char *point, *rest = strstr(line, " - ");
        if (!rest || sscanf(line, "%*s %*s %*s %*s %ms", &point) != 1)
            continue;
        unescape(point);
        /* The last of equals lies over the others. */
        if (is_below(real, point) && strlen(point) >= longest) {
            longest = strlen(point);
            snprintf(type, size, "%.*s", (int)strcspn(rest + 3, " \n"), rest + 3);
        }
        free(point);
    }
    free(line);
    fclose(list);
}

/* ---- a folder: whether parts of a file there become one VMA ---- */

struct range {
    uintptr_t start, end;
    long maps;
};

static bool count_inside(const struct procmap *m, void *context)
{
    struct range *r = context;
    r->maps += m->start >= r->start && m->end <= r->end;
    return true;
}

/* The number of VMAs in [at, at + len). */
static long maps_in(const char *at, size_t len)
{
    char buf[1 << 14];
    struct range r = { (uintptr_t)at, (uintptr_t)at + len, 0 };
    long lines = procmaps_scan(PROCMAPS_SELF, buf, sizeof buf, count_inside, &r);
    return lines < 0 ? lines : r.maps;
}

/* Opens a file without a name. Returns -1 with errno if it cannot. */
static int nameless_file(const char *folder)
{
    char *template;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || asprintf(&template, "%s/.mapherd-doctor.XXXXXX", folder) < 0)
        return fd;
    fd = mkostemp(template, O_CLOEXEC);
    if (fd >= 0)
        unlink(template);
    int error = errno;
    free(template);
    errno = error;
    return fd;
}

enum { READ_WRITE = PROT_READ | PROT_WRITE };

/* Three ways to map two parts of len bytes at `at`, one behind the other. False if a call fails. */
static bool beside(char *at, size_t len, int fd)
{
    return mmap(at, len, READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == at &&
           mmap(at + len, len, READ_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)len) == at + len;
}

/* A change of the flags and back (madvise) makes the kernel compare the second part with the
 * first once more. */
static bool compared(char *at, size_t len, int fd)
{
    return beside(at, len, fd) && madvise(at + len, len, MADV_RANDOM) == 0 &&
           madvise(at + len, len, MADV_NORMAL) == 0;
}

static bool from_master(char *at, size_t len, int fd)
{
    const int how = MREMAP_MAYMOVE | MREMAP_FIXED;
    char *master = mmap(NULL, 2 * len, READ_WRITE, MAP_SHARED, fd, 0);
    if (master == MAP_FAILED)
        return false;
    bool done = mremap(master, 0, len, how, at) == at &&
                mremap(master + len, 0, len, how, at + len) == at + len;
    munmap(master, 2 * len);
    return done;
}

/* Whether that way makes one VMA of the two parts. */
static bool merges(bool way(char *at, size_t len, int fd), size_t len, int fd)
{
    char *at = mmap(NULL, 3 * len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return false;
    bool one = way(at, len, fd) && maps_in(at, 2 * len) == 1;
    munmap(at, 3 * len);
    return one;
}

static void say_what_merges(struct findings *f, const char *folder, const char *type, int fd)
{
    size_t len = (size_t)sysconf(_SC_PAGESIZE);
    if (ftruncate(fd, 2 * (off_t)len) != 0) {
        finding(f, NOTE, "folder", NULL, "%s (%s): not examined: %s", folder, type,
                strerror(errno));
        return;
    }
    bool side = merges(beside, len, fd), again = merges(compared, len, fd);
    bool master = merges(from_master, len, fd);
    if (side && master)
        finding(f, OK, "folder", NULL, "%s (%s): the parts of a file become one map", folder, type);
    else if (side || again || master)
        finding(f, OK, "folder", NULL,
                "%s (%s): mmap side by side %s, a second comparison %s, a copy of a master map %s",
                folder, type, side ? "merges" : "does not merge", again ? "does" : "does not",
                master ? "does" : "does not");
    else
        finding(f, PROBLEM, "folder", "another filesystem for files that are mapped in parts",
                "%s (%s): the parts of a file stay maps of their own", folder, type);
}

static void examine_folder(struct findings *f, const char *folder)
{
    char type[64];
    mount_type(folder, type, sizeof type);
    int fd = nameless_file(folder);
    if (fd < 0) {
        finding(f, NOTE, "folder", "a folder that you may write to",
                "%s (%s): not examined: no file can be made there: %s", folder, type,
                strerror(errno));
        return;
    }
    say_what_merges(f, folder, type, fd);
    close(fd);
}

/* ---- the JVMs of this host: whether the library gets into them ---- */

enum { JVMS_MOST = 64 };

struct jvms {
    char *paths[JVMS_MOST]; /* of the java programs, links resolved */
    int n;
};

static void note_jvm(struct jvms *j, const char *java)
{
    char *real = access(java, X_OK) == 0 ? realpath(java, NULL) : NULL;
    for (int i = 0; real && i < j->n; i++)
        if (strcmp(real, j->paths[i]) == 0) {
            free(real);
            return;
        }
    if (real && j->n < JVMS_MOST)
        j->paths[j->n++] = real;
}

static void find_jvms(struct jvms *j)
{
    char path[PATH_MAX];
    const char *home = getenv("JAVA_HOME");
    glob_t found;
    if (home && snprintf(path, sizeof path, "%s/bin/java", home) < (int)sizeof path)
        note_jvm(j, path);
    if (program_find("java", path) == 0)
        note_jvm(j, path);
    if (glob("/usr/lib/jvm/*/bin/java", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            note_jvm(j, found.gl_pathv[i]);
        globfree(&found);
    }
}

/* JAVA_VERSION="17.0.15" in the file "release" of the JVM's home; "" if it does not say. */
static void read_version(const char *java, char *version, size_t size)
{
    char path[PATH_MAX], line[200];
    const char *slash = strstr(java, "/bin/java");
    version[0] = '\0';
    snprintf(path, sizeof path, "%.*s/release", slash ? (int)(slash - java) : 0, java);
    FILE *release = fopen(path, "re");
    if (!release)
        return;
    while (fgets(line, sizeof line, release))
        if (strncmp(line, "JAVA_VERSION=\"", 14) == 0)
            snprintf(version, size, " %.*s", (int)strcspn(line + 14, "\"\n"), line + 14);
    fclose(release);
}

static void examine_jvms(struct findings *f, const char *library)
{
    struct jvms jvms = { .n = 0 };
    char why[PATH_MAX + 200], version[64];
    find_jvms(&jvms);
    if (jvms.n == 0)
        finding(f, OK, "jvm", NULL, "none found in JAVA_HOME, PATH and /usr/lib/jvm");
    for (int i = 0; i < jvms.n; i++) {
        read_version(jvms.paths[i], version, sizeof version);
        if (program_reach(jvms.paths[i], library, why, sizeof why) == REACH_YES)
            finding(f, OK, "jvm", NULL, "%s%s can have the library", jvms.paths[i], version);
        else
            finding(f, PROBLEM, "jvm", "a dynamically linked JVM",
                    "%s%s cannot have the library: %s", jvms.paths[i], version, why);
        free(jvms.paths[i]);
    }
}

/* ---- the verb ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode);
}

static void examine_usual_folders(struct findings *f)
{
    static const char *const usual[] = { ".", "/dev/shm", "/tmp" };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (is_folder(usual[i]))
            examine_folder(f, usual[i]);
}

static int doctor(int argc, char **argv)
{
    bool json = false;
    const struct flag flags[] = { { "json", &json, NULL }, { NULL, NULL, NULL } };
    struct findings f;
    char library[PATH_MAX];
    int folders = verb_args(&verb_doctor, flags, argc, argv);
    for (int i = 0; i < folders; i++)
        if (!is_folder(argv[i]))
            return misused(&verb_doctor, "%s: %s; give folders that hold mapped files", argv[i],
                           strerror(errno));
    findings_start(&f, json);
    examine_kernel(&f);
    examine_library(&f, library, sizeof library);
    if (folders == 0)
        examine_usual_folders(&f);
    for (int i = 0; i < folders; i++)
        examine_folder(&f, argv[i]);
    if (library[0])
        examine_jvms(&f, library);
    findings_end(&f);
    return f.problems ? FAILED : DONE;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .synopsis = "[--json] [FOLDER...]",
    .summary = "say whether this host, its filesystems and JVMs are ready",
    .help =
        "Tries what the library needs: the kernel's calls, the library in a program, and in each\n"
        "folder (as a rule the current one, /dev/shm and /tmp) whether the parts of a file become\n"
        "one map. Each line begins with ok, note (something that could be better) or problem, and\n"
        "says what would be right. Exit status 1 if there is a problem.\n\n"
        "  --json  one JSON object\n",
    .run = doctor,
};
