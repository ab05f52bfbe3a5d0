/*
 * log: lines of text to a place that is not ours.
 */
#define _GNU_SOURCE
#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fmt.h"
#include "base/naming.h"
#include "base/options.h"
#include "base/sys.h"

#define LINE 1280
#define TEXT_MAX 700
#define PATH_LEN 512

static struct {
    char name[32];
    char path[PATH_LEN]; /* empty: stderr */
    struct stat stderr_at_start;
    bool stderr_known;
    bool silent;
    long pid;
} self;

void log_start(const char *name)
{
    size_t n = 0;
    for (; name[n] && n < sizeof self.name - 1; n++)
        self.name[n] = name[n] >= ' ' && name[n] != 0x7f && name[n] != '/' ? name[n] : '?';
    self.name[n] = '\0';
    self.pid = sys_getpid();
    self.stderr_known = sys_fstat(STDERR_FILENO, &self.stderr_at_start) == 0;
    static const char to_stderr[] = "stderr";
    if (options.log.len != sizeof to_stderr - 1 || memcmp(options.log.at, to_stderr, options.log.len))
        naming_expand(self.path, sizeof self.path, options.log, self.name, self.pid);
}

const char *log_name(void)
{
    return self.name;
}

void log_after_fork(void)
{
    self.pid = sys_getpid();
}

void log_silence(void)
{
    self.silent = true;
}

/* By the numbers of Documentation/admin-guide/devices.txt: consoles, serial lines, /dev/tty, ptys. */
static bool is_terminal(const struct stat *st)
{
    unsigned major = (unsigned)(st->st_rdev >> 8) & 0xfff;
    return S_ISCHR(st->st_mode) && (major == 4 || major == 5 || (major >= 136 && major <= 143));
}

static bool may_write_stderr(void)
{
    struct stat now;
    if (sys_fstat(STDERR_FILENO, &now) < 0)
        return false;
    bool same = self.stderr_known && now.st_dev == self.stderr_at_start.st_dev &&
                now.st_ino == self.stderr_at_start.st_ino;
    if (S_ISREG(now.st_mode)) {
        long flags = sys_fcntl(STDERR_FILENO, F_GETFL, 0);
        return same || (flags >= 0 && (flags & O_APPEND));
    }
    /* A socket or device that has become descriptor 2 is the program's own business. */
    return (same || S_ISFIFO(now.st_mode) || is_terminal(&now)) && sys_writable_now(STDERR_FILENO);
}

static void write_line(const char *line, size_t len)
{
    if (!self.path[0]) {
        if (may_write_stderr())
            sys_write_quietly(STDERR_FILENO, line, len);
        return;
    }
    long fd = sys_open(self.path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0)
        return;
    sys_write_quietly((int)fd, line, len);
    sys_close((int)fd);
}

/* JSON's escapes; the input is short. */
static void escape(char *out, size_t size, const char *text)
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
}

/* What one line needs, wherever it lies. */
struct space {
    char *text, *quoted, *line;
    size_t text_size, quoted_size, line_size;
};

static void write_text(const struct space *s, enum log_level level)
{
    static const char *const names[] = { "off", "error", "warning", "info", "debug" };
    size_t len;
    if (options.log_format == FORMAT_JSON) {
        char program[6 * sizeof self.name];
        escape(s->quoted, s->quoted_size, s->text);
        escape(program, sizeof program, self.name);
        len = fmt(s->line, s->line_size,
                  "{\"time\":%ld,\"program\":\"%s\",\"pid\":%ld,\"level\":\"%s\",\"text\":\"%s\"}\n",
                  (long)time(NULL), program, self.pid, names[level], s->quoted);
    } else {
        len = fmt(s->line, s->line_size, "mapherd: %s[%ld]: %s: %s\n", self.name, self.pid,
                  names[level], s->text);
    }
    write_line(s->line, len);
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

/* level: with what the line is about. */
static void say(const struct space *s, unsigned level, const char *format, va_list args)
{
    enum log_level urgency = level & LOG_LEVEL_BITS;
    bool wanted = is_wanted(urgency), observed = observer && urgency <= LOG_INFO;
    if (!wanted && !observed)
        return;
    fmt_va(s->text, s->text_size, format, args);
    if (observed)
        observer(urgency, level >> LOG_ABOUT_SHIFT, s->text);
    if (wanted)
        write_text(s, urgency);
}

void log_line(unsigned level, const char *format, ...)
{
    char text[TEXT_MAX], quoted[TEXT_MAX + 200], line[LINE];
    const struct space s = { text, quoted, line, sizeof text, sizeof quoted, sizeof line };
    va_list args;
    va_start(args, format);
    say(&s, level, format, args);
    va_end(args);
}

void log_line_in(struct log_room *room, unsigned level, const char *format, ...)
{
    const struct space s = { room->text, room->quoted, room->line, sizeof room->text,
                             sizeof room->quoted, sizeof room->line };
    va_list args;
    va_start(args, format);
    say(&s, level, format, args);
    va_end(args);
}

bool log_allowed(struct log_limit *limit, uint64_t every_ms, unsigned *suppressed)
{
    uint64_t now = sys_now_ms() + 1; /* 0 means "never yet" */
    uint64_t next = __atomic_load_n(&limit->next_ms, __ATOMIC_RELAXED);
    if (now < next || !__atomic_compare_exchange_n(&limit->next_ms, &next, now + every_ms, false,
                                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&limit->suppressed, 1, __ATOMIC_RELAXED);
        return false;
    }
    *suppressed = __atomic_exchange_n(&limit->suppressed, 0, __ATOMIC_RELAXED);
    return true;
}
