/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * log: one line, one write(2).
 *
 *   2026-11-26T15:31:29Z mapherd: name[pid]: warning: text
 *   {"time":1795707089,"program":"name","pid":12,"level":"warning","event":"maps","text":"...","maps":9}
 *
 * The levels: error, the program is about to lose data, or mapherd cannot do its work; warning, the
 * user should act; info, a change that explains later lines; debug, for the developers of mapherd.
 * What a line tells of is an event (events.def), which has the usual level of its lines, and names
 * for their values in JSON. The line itself stands where it is written.
 *
 * The library must not write into a file of the program. So it writes to descriptor 2 only while
 * that is the same pipe, terminal, socket or file as at the start: the program may have opened or
 * moved another file there since. A line is lost where the pipe is full or its reader has ended:
 * the program neither waits nor gets SIGPIPE or SIGXFSZ. A log file is opened for each line, and no
 * descriptor of it stays open. A lost line is counted (log_count_lost), and the observer gets it.
 * Where a log file cannot be written, one line on descriptor 2 says so, and one in the log when it
 * can be. Where descriptor 2 was systemd's journal at the start, a line begins with its priority:
 * <3>, <4>, <6> or <7>.
 */
#ifndef MAPHERD_LOG_H
#define MAPHERD_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

enum event {
#define EVENT(name, level, about, fields, when) EVENT_##name,
#include "tell/events.def"
#undef EVENT
    EVENT_COUNT
};

struct event_row {
    const char *name, *fields, *when; /* see events.def */
    enum log_level level;
    unsigned about; /* enum mapherd_record_event_kind */
};

/* The rows, by enum event. */
extern const struct event_row event_rows[EVENT_COUNT];

/* "error", "warning", "info" or "debug". */
const char *event_level_name(enum log_level level);

/* Is called with every line up to LOG_INFO, whether it is written or not. It must be thread- and
 * async-signal-safe. */
typedef void log_observer(enum log_level level, enum event event, const char *text);
void log_observe(log_observer *observer);

/* Sets where lines go, by the options, and the program's name in them, which is copied. For the
 * constructor, after options_read. */
void log_start(const char *name);

/* Returns the program's name, as lines show it. */
const char *log_name(void);

/* Returns the path of the log; "" where lines go to descriptor 2. */
const char *log_path(void);

/* Sets a number that counts lost lines. Any thread adds to it. For the constructor. */
void log_count_lost(uint64_t *lost);

/* Takes the process id anew, and another log where its name has %p. For a forked child. */
void log_after_fork(void);

/* Stops all writing: a seccomp filter that is about to apply may kill for it. */
void log_silence(void);

/* Writes a line about an event. The format is that of fmt(), and the text is cut at 700 bytes. In
 * JSON, the values of the format follow the text, for as long as the line has room. Thread- and
 * async-signal-safe; errno does not change; about 3 KiB of stack. */
void log_line(enum event event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes a line as log_line does, of another level than the usual one. */
void log_line_at(enum log_level level, enum event event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes a line as log_line_at does, in memory of the caller: for a small stack, or a text of up to
 * 2 KiB. */
struct log_room {
    char text[2048], quoted[2600], line[4800];
};
void log_line_in(struct log_room *room, enum log_level level, enum event event, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* The limit of one kind of line, static and zero. */
struct log_limit {
    uint64_t next_ms;
    unsigned suppressed;
};

/* True at most once in every_ms. Then *suppressed is how often it was false since it was last true.
 * Thread- and async-signal-safe. */
bool log_allowed(struct log_limit *limit, uint64_t every_ms, unsigned *suppressed);

#endif
