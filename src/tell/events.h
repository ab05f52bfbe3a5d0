/*
 * events: what the lines of the log tell of, by name (events.def).
 */
#ifndef MAPHERD_EVENTS_H
#define MAPHERD_EVENTS_H

#include <stddef.h>

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

#endif
