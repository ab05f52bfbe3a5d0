/*
 * log: one line, one write(2).
 *
 *   2026-11-26T15:31:29Z mapherd: name[pid]: warning: text
 *   {"time":1795707089,"program":"name","pid":12,"level":"warning","text":"..."}
 *
 * The levels: error, the program is about to lose something or mapherd cannot do its work;
 * warning, somebody should act; info, something changed that explains later lines; debug, for
 * whoever works on mapherd.
 *
 * A guest never writes into its host's files: descriptor 2 is written to only while it is the very
 * pipe, terminal, socket or file that it was at start; what the program has opened or moved there since is
 * the program's. A pipe that is full and a reader that is gone lose the line, not the program: it is
 * neither blocked nor sent SIGPIPE or SIGXFSZ. A log file is opened for each line; no descriptor is kept.
 * A line that is lost is counted (log_count_lost), and still goes to the observer; that a log file cannot
 * be written is said once, on descriptor 2.
 */
#ifndef MAPHERD_LOG_H
#define MAPHERD_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* What a line is about, for who keeps them: added to the level, LOG_WARNING | LOG_ABOUT_FAULT. The
 * numbers are those of enum mapherd_record_event_kind. */
enum {
    LOG_ABOUT_SHIFT = 4,
    LOG_LEVEL_BITS = (1 << LOG_ABOUT_SHIFT) - 1,
    LOG_ABOUT_PRESSURE = 1 << LOG_ABOUT_SHIFT,
    LOG_ABOUT_REFUSAL = 2 << LOG_ABOUT_SHIFT,
    LOG_ABOUT_FAULT = 3 << LOG_ABOUT_SHIFT,
    LOG_ABOUT_SPILL = 4 << LOG_ABOUT_SHIFT,
    LOG_ABOUT_SYNC = 5 << LOG_ABOUT_SHIFT,
    LOG_ABOUT_SPACE = 6 << LOG_ABOUT_SHIFT,
    LOG_ABOUT_RECORD = 7 << LOG_ABOUT_SHIFT,
};

/* Called with every line up to LOG_INFO, whether it is written or not. Async-signal-safe, as
 * log_line is. */
typedef void log_observer(enum log_level level, unsigned about, const char *text);
void log_observe(log_observer *observer);

/* After options_read: where lines go and who writes them. name is copied. */
void log_start(const char *name);

/* The program's name, as lines show it. */
const char *log_name(void);

/* The log's path; "" where lines go to descriptor 2. */
const char *log_path(void);

/* A number to which each line that is lost is added, from any thread. For the constructor. */
void log_count_lost(uint64_t *lost);

/* In a forked child: its own process id, and with %p its own log. */
void log_after_fork(void);

/* From here on no line is written (a seccomp filter may kill for it). */
void log_silence(void);

/* level: enum log_level, with what it is about. Thread- and async-signal-safe; errno untouched; about 2.5 KiB of stack. The text is cut at
 * 700 bytes. */
void log_line(unsigned level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with room given by the caller, who may have little stack and much to say. */
struct log_room {
    char text[2048], quoted[2600], line[4800];
};
void log_line_in(struct log_room *room, unsigned level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says no more often than once in every_ms; how often it said no since the last yes is in
 * *suppressed. One static struct a kind of line. */
struct log_limit {
    uint64_t next_ms;
    unsigned suppressed;
};
bool log_allowed(struct log_limit *limit, uint64_t every_ms, unsigned *suppressed);

#endif
