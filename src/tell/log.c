/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * log: see log.h.
 */
#define _GNU_SOURCE
#include "tell/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fmt.h"
#include "kernel/brief.h"
#include "kernel/sys.h"
#include "mapherd/record.h"
#include "tell/naming.h"
#include "tell/options.h"

#define LINE 1300
#define TEXT_MAX 700
#define PATH_LEN 1024
#define COMPLAIN_EVERY_MS 60000

#ifndef FS_IOC_GETVERSION /* linux/fs.h, which does not go with sys/mount.h */
#define FS_IOC_GETVERSION _IOR('v', 1, long)
#endif

/* The file that a descriptor stands for. */
struct place {
    struct stat st;
    int generation; /* of a regular file: the number of its inode may be used again */
};

static struct {
    char name[32];
    struct {
        char text[PATH_LEN]; /* with NUL for each %p; empty: stderr */
        size_t len;
    } form;
    char path[PATH_LEN];
    struct place stderr_at_start;
    bool stderr_known;
    bool stderr_is_journal; /* what was stderr at the start leads to systemd's journal */
    bool silent;
    bool complained; /* a line has said that the log cannot be written */
    struct log_limit complaints;
    uint64_t unwritten; /* lines since then that it lacks */
    long pid;
    uint64_t *lost;
} self;

/* ---- what lines tell of (events.def) ---- */

/* The subjects, as events.def has them. */
enum {
    ABOUT_NOTHING = MAPHERD_EVENT_OTHER,
    ABOUT_PRESSURE = MAPHERD_EVENT_PRESSURE,
    ABOUT_REFUSAL = MAPHERD_EVENT_REFUSED,
    ABOUT_FAULT = MAPHERD_EVENT_FAULT,
    ABOUT_SPILL = MAPHERD_EVENT_SPILL,
    ABOUT_SYNC = MAPHERD_EVENT_SYNC,
    ABOUT_SPACE = MAPHERD_EVENT_SPACE,
    ABOUT_RECORD = MAPHERD_EVENT_RECORD,
};

const struct event_row event_rows[EVENT_COUNT] = {
#define EVENT(name, level, about, fields, when) \
    [EVENT_##name] = { #name, fields, when, LOG_##level, ABOUT_##about },
#include "tell/events.def"
#undef EVENT
};

const char *event_level_name(enum log_level level)
{
    static const char *const names[] = { "off", "error", "warning", "info", "debug" };
    return names[level];
}

/* ---- where lines go ---- */

static bool find_place(int fd, struct place *p)
{
    p->generation = 0;
    if (sys_fstat(fd, &p->st) < 0)
        return false;
    if (S_ISREG(p->st.st_mode))
        sys_ioctl(fd, FS_IOC_GETVERSION, &p->generation);
    return true;
}

static bool is_same_place(const struct place *a, const struct place *b)
{
    return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino &&
           a->st.st_rdev == b->st.st_rdev && ((a->st.st_mode ^ b->st.st_mode) & S_IFMT) == 0 &&
           a->generation == b->generation;
}

/* Expands all of the form but %p, which a forked child changes. The time of the start stays the
 * program's. */
static void fill_form(struct option_text log)
{
    self.form.len = 0;
    long folder = log.at[0] == '/'
                      ? 0
                      : sys_readlink("/proc/self/cwd", self.form.text, sizeof self.form.text / 2);
    if (folder > 0) { /* the path becomes absolute: the program may change its folder */
        self.form.len = (size_t)folder + 1;
        self.form.text[folder] = '/';
    }
    for (size_t from = 0, at = 0; at <= log.len; at++) {
        bool is_pid = at + 1 < log.len && log.at[at] == '%' && log.at[at + 1] == 'p';
        size_t room = sizeof self.form.text - self.form.len;
        if ((!is_pid && at < log.len) || room < 2)
            continue;
        self.form.len +=
            naming_expand(self.form.text + self.form.len, room - 1,
                          (struct option_text){ log.at + from, at - from }, self.name, 0);
        if (is_pid)
            self.form.text[self.form.len++] = '\0';
        from = ++at + 1;
    }
}

static void fill_path(void)
{
    size_t at = 0;
    for (size_t i = 0; i < self.form.len && at < sizeof self.path - 1; i++) {
        if (self.form.text[i])
            self.path[at++] = self.form.text[i];
        else
            at += fmt(self.path + at, sizeof self.path - at, "%ld", self.pid);
    }
    self.path[at] = '\0';
}

/* systemd connects a service's stderr to the journal and says which one that is: "DEVICE:INODE"
 * (systemd.exec(5), JOURNAL_STREAM). A child whose stderr is another one has that variable too. */
static bool is_journal(const struct place *p, const char *stream)
{
    char own[48];
    fmt(own, sizeof own, "%lu:%lu", (unsigned long)p->st.st_dev, (unsigned long)p->st.st_ino);
    return stream && words_equal(words_text(stream), words_text(own));
}

void log_start(const char *name)
{
    size_t n = 0;
    for (; name[n] && n < sizeof self.name - 1; n++)
        self.name[n] = name[n] >= ' ' && name[n] != 0x7f && name[n] != '/' ? name[n] : '?';
    self.name[n] = '\0';
    self.pid = sys_getpid();
    self.complained = false;
    self.complaints = (struct log_limit){ 0, 0 };
    self.unwritten = 0;
    self.stderr_known = find_place(STDERR_FILENO, &self.stderr_at_start);
    self.stderr_is_journal =
        self.stderr_known && is_journal(&self.stderr_at_start, getenv("JOURNAL_STREAM"));
    self.form.len = 0;
    if (!words_equal(options.log, words_text("stderr")))
        fill_form(options.log);
    fill_path();
}

void log_count_lost(uint64_t *lost)
{
    self.lost = lost;
}

const char *log_name(void)
{
    return self.name;
}

const char *log_path(void)
{
    return self.path;
}

void log_after_fork(void)
{
    self.pid = sys_getpid();
    fill_path();
    if (memchr(self.form.text, '\0', self.form.len)) { /* the child has another log */
        self.complained = false;
        self.complaints = (struct log_limit){ 0, 0 };
        self.unwritten = 0;
    }
}

void log_silence(void)
{
    self.silent = true;
}

static bool may_write_stderr(void)
{
    struct place now;
    return self.stderr_known && find_place(STDERR_FILENO, &now) &&
           is_same_place(&now, &self.stderr_at_start) &&
           (S_ISREG(now.st.st_mode) || sys_writable_now(STDERR_FILENO));
}

/* Returns 0; or why the line is lost, as an errno value. */
static long write_to(int fd, const char *line, size_t len)
{
    long wrote = sys_write_quietly(fd, line, len);
    return wrote == (long)len ? 0 : wrote < 0 ? -wrote : ENOSPC;
}

static long write_stderr(const char *line, size_t len)
{
    return may_write_stderr() ? write_to(STDERR_FILENO, line, len) : EBADF;
}

static long write_log(const char *line, size_t len)
{
    long fd = brief_open(self.path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0)
        return -fd;
    long error = write_to((int)fd, line, len);
    brief_close((int)fd);
    return error;
}

/* Escapes text for a JSON string. Returns the length. */
static size_t escape(char *out, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text && at + 7 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            out[at++] = '\\';
            out[at++] = (char)c;
        } else if (c < ' ') {
            at += fmt(out + at, size - at, "\\u00%c%c", '0' + (c >> 4), "0123456789abcdef"[c & 15]);
        } else {
            out[at++] = (char)c;
        }
    }
    out[at] = '\0';
    return at;
}

/* The memory for one line. */
struct space {
    char *text, *quoted, *line;
    size_t text_size, quoted_size, line_size;
};

/* The bytes of a string in JSON, without the quotation marks. */
static size_t quoted_len(const char *text)
{
    size_t len = 0;
    for (; *text; text++)
        len += *text == '"' || *text == '\\' ? 2 : (unsigned char)*text < ' ' ? 6 : 1;
    return len;
}

/* Adds one value to the line, if it has room for it and for its end. */
static size_t add_field(const struct space *s, size_t at, const char *name, size_t name_len,
                        const char *value, bool number)
{
    static const char end[] = "}\n";
    size_t len = quoted_len(value);
    if (at + name_len + len + sizeof ",\"\":\"\"" + sizeof end + 8 > s->line_size)
        return at;
    at += fmt(s->line + at, s->line_size - at, ",\"");
    memcpy(s->line + at, name, name_len);
    at += name_len;
    if (number)
        return at + fmt(s->line + at, s->line_size - at, "\":%s", value);
    at += fmt(s->line + at, s->line_size - at, "\":\"");
    at += escape(s->line + at, s->line_size - at, value);
    return at + fmt(s->line + at, s->line_size - at, "\"");
}

/* The values of a line, by their names: see fmt.h for the conversions. */
static size_t add_fields(const struct space *s, size_t at, const char *names, const char *format,
                         va_list args)
{
    for (; (format = strchr(format, '%')); format++) {
        char digits[24];
        const char *value = digits;
        bool is_long = *++format == 'l' || *format == 'z';
        format += is_long;
        switch (*format) {
        case 's': value = va_arg(args, const char *); break;
        case 'c': fmt(digits, sizeof digits, "%c", va_arg(args, int)); break;
        case 'd':
            fmt(digits, sizeof digits, "%ld", is_long ? va_arg(args, long) : va_arg(args, int));
            break;
        case 'u':
            fmt(digits, sizeof digits, "%lu",
                is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned));
            break;
        case 'x':
            fmt(digits, sizeof digits, "0x%lx",
                is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned));
            break;
        default: continue; /* %% */
        }
        size_t len = strcspn(names, " ");
        if (len && *names != '-' && value)
            at = add_field(s, at, names, len, value, *format == 'd' || *format == 'u');
        names += len + (names[len] != '\0');
    }
    return at;
}

/* What a line says besides its text. */
struct saying {
    bool to_stderr;
    enum log_level level;
    enum event event;
    const char *format;
    va_list args; /* of the format; unused where that is NULL */
};

/* The priority of syslog(3) as the journal reads it and takes it off the line (sd-daemon(3)). */
static size_t priority(const struct space *s, const struct saying *what)
{
    static const char priorities[] = "03467"; /* by enum log_level */
    if (!what->to_stderr || !self.stderr_is_journal)
        return 0;
    return fmt(s->line, s->line_size, "<%c>", priorities[what->level]);
}

static size_t line_of_text(const struct space *s, struct saying *what)
{
    uint64_t now = date_now();
    const char *level = event_level_name(what->level);
    size_t len = priority(s, what);
    if (options.log_format != FORMAT_JSON)
        return len + fmt(s->line + len, s->line_size - len, "%s mapherd: %s[%ld]: %s: %s\n",
                         date_text(now).text, self.name, self.pid, level, s->text);
    const struct event_row *row = &event_rows[what->event];
    char program[6 * sizeof self.name];
    escape(s->quoted, s->quoted_size, s->text);
    escape(program, sizeof program, self.name);
    len += fmt(s->line + len, s->line_size - len,
               "{\"time\":%lu,\"program\":\"%s\",\"pid\":%ld,\"level\":\"%s\",\"event\":\"%s\","
               "\"text\":\"%s\"",
               (unsigned long)now, program, self.pid, level, row->name, s->quoted);
    if (what->format)
        len = add_fields(s, len, row->fields, what->format, what->args);
    return len + fmt(s->line + len, s->line_size - len, "}\n");
}

static log_observer *observer;

void log_observe(log_observer *o)
{
    observer = o;
}

static bool is_wanted(enum log_level level)
{
    return !self.silent && (int)level <= options.log_level;
}

static void say_in(const struct space *s, enum log_level level, enum event event,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Says that the log cannot be written, once until it can be; a child with a log of its own says it
 * again. */
static void complain_of_log(const struct space *s, long error)
{
    unsigned more;
    __atomic_fetch_add(&self.unwritten, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&self.complained, __ATOMIC_RELAXED) ||
        !log_allowed(&self.complaints, COMPLAIN_EVERY_MS, &more) ||
        __atomic_exchange_n(&self.complained, true, __ATOMIC_RELAXED))
        return;
    struct saying what = { .to_stderr = true, .level = LOG_WARNING, .event = EVENT_log_failed };
    fmt(s->text, s->text_size,
        "the log %s cannot be written: %s; lines are lost (mapherd stat counts them)", self.path,
        reason_of(error));
    if (observer)
        observer(what.level, what.event, s->text);
    write_stderr(s->line, line_of_text(s, &what));
}

/* The log has got a line. */
static void log_works(const struct space *s)
{
    if (!__atomic_exchange_n(&self.complained, false, __ATOMIC_RELAXED))
        return;
    uint64_t lacks = __atomic_exchange_n(&self.unwritten, 0, __ATOMIC_RELAXED);
    say_in(s, LOG_WARNING, EVENT_log_resumed,
           "the log can be written again; before the last line %lu are missing",
           (unsigned long)lacks);
}

static void write_text(const struct space *s, struct saying *what)
{
    what->to_stderr = !self.path[0];
    size_t len = line_of_text(s, what);
    long error = self.path[0] ? write_log(s->line, len) : write_stderr(s->line, len);
    if (error && self.lost)
        __atomic_fetch_add(self.lost, 1, __ATOMIC_RELAXED);
    if (error && self.path[0])
        complain_of_log(s, error);
    else if (self.path[0] && __atomic_load_n(&self.complained, __ATOMIC_RELAXED))
        log_works(s);
}

static void say(const struct space *s, enum log_level level, enum event event, const char *format,
                va_list args)
{
    bool wanted = is_wanted(level), observed = observer && level <= LOG_INFO;
    if (!wanted && !observed)
        return;
    struct saying what = { .level = level, .event = event, .format = format };
    va_copy(what.args, args);
    fmt_va(s->text, s->text_size, format, args);
    if (observed)
        observer(level, event, s->text);
    if (wanted)
        write_text(s, &what);
    va_end(what.args);
}

static void say_in(const struct space *s, enum log_level level, enum event event,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(s, level, event, format, args);
    va_end(args);
}

static void say_on_stack(enum log_level level, enum event event, const char *format, va_list args)
{
    char text[TEXT_MAX], quoted[TEXT_MAX + 200], line[LINE];
    const struct space s = { text, quoted, line, sizeof text, sizeof quoted, sizeof line };
    say(&s, level, event, format, args);
}

void log_line(enum event event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_on_stack(event_rows[event].level, event, format, args);
    va_end(args);
}

void log_line_at(enum log_level level, enum event event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_on_stack(level, event, format, args);
    va_end(args);
}

void log_line_in(struct log_room *room, enum log_level level, enum event event, const char *format,
                 ...)
{
    const struct space s = { room->text,        room->quoted,        room->line,
                             sizeof room->text, sizeof room->quoted, sizeof room->line };
    va_list args;
    va_start(args, format);
    say(&s, level, event, format, args);
    va_end(args);
}

bool log_allowed(struct log_limit *limit, uint64_t every_ms, unsigned *suppressed)
{
    uint64_t now = sys_now_ms() + 1; /* next_ms is 0 before the first line */
    uint64_t next = __atomic_load_n(&limit->next_ms, __ATOMIC_RELAXED);
    if (now < next || !__atomic_compare_exchange_n(&limit->next_ms, &next, now + every_ms, false,
                                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&limit->suppressed, 1, __ATOMIC_RELAXED);
        return false;
    }
    *suppressed = __atomic_exchange_n(&limit->suppressed, 0, __ATOMIC_RELAXED);
    return true;
}
