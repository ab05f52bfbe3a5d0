/*
 * events: see events.h.
 */
#include "tell/events.h"

#include "mapherd/record.h"

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
