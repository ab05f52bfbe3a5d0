/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

/*
 * report_json: what the page of `mapherd report` says in numbers, for programs. doc/schema has the
 * names and units. Who holds the maps now, `mapherd maps --json` tells, and `mapherd leaks --json`
 * the mappings by their stacks.
 */
#include "command/report/report.h"
#include "command/watch/target.h"
#include "tell/log.h"

static void whole(const struct report *r, struct json *j)
{
    struct target target = { .maps = r->count, .limit = r->limit };
    bool known = r->count >= 0, both = known && r->limit > 0;
    json_number(j, "time_ms", (long long)r->live.now_ms);
    json_text(j, "program", r->program);
    json_number(j, "pid", r->pid);
    json_text(j, "host", r->host);
    json_text(j, "arguments", r->arguments);
    json_text(j, "state", live_state_text(r->live.state));
    json_bool(j, "preloaded", r->preloaded);
    json_if_known(j, "maps", known, r->count);
    json_if_known(j, "limit", r->limit > 0, r->limit);
    json_if_known(j, "percent", both, target_share(&target));
    json_text(j, "pressure", both ? target_pressure(&target) : "unknown");
}

static void record(const struct report *r, struct json *j)
{
    if (!r->live.record) {
        json_null(j, "record");
        json_text(j, "no_record", r->why);
        return;
    }
    json_open(j, "record", '{');
    json_text(j, "path", r->live.record->path);
    json_number(j, "since_ms", (long long)r->live.record->head.since_ms);
    json_close(j, '}');
}

static void trend(const struct report *r, struct json *j)
{
    const struct trend *t = &r->trend;
    if (!t->known) {
        json_null(j, "trend");
        return;
    }
    json_open(j, "trend", '{');
    json_bool(j, "grows", t->grows);
    json_number(j, "since_ms", (long long)t->since_s * 1000);
    json_number(j, "from_maps", t->from);
    json_number(j, "maps_a_minute", (long long)t->a_minute);
    json_close(j, '}');
}

static void library(const struct report *r, struct json *j)
{
    if (!r->preloaded)
        return;
    json_open(j, "library", '{');
    json_number(j, "cold", (long long)r->cold.cold);
    json_number(j, "warm", (long long)r->cold.warm);
    json_number(j, "cold_failed", (long long)r->cold.failed);
    cold_json(&r->cold, j);
    json_close(j, '}');
}

static void history(const struct report *r, struct json *j)
{
    const struct record *of = r->live.record;
    unsigned points = of ? of->head.history_points : 0;
    json_open(j, "history", '[');
    for (unsigned level = 0; of && level < of->head.history_levels; level++) {
        for (unsigned i = 0; i < points; i++) {
            const struct mapherd_record_point *p = &of->points[(size_t)level * points + i];
            if (!report_point_counts(p, level, points, r->live.now_ms / 1000))
                continue;
            json_open(j, NULL, '{');
            json_number(j, "time_ms", (long long)p->time * 1000);
            json_number(j, "span_ms", level < 16 ? 1000LL << 2 * level : -1);
            json_number(j, "maps", p->count);
            json_number(j, "most_maps", p->most > p->count ? p->most : p->count);
            json_if_known(j, "limit", p->limit > 0, p->limit);
            json_close(j, '}');
        }
    }
    json_close(j, ']');
}

static void events(const struct report *r, struct json *j)
{
    json_open(j, "events", '[');
    for (size_t i = 0; r->live.record && i < r->live.record->event_count; i++) {
        const struct mapherd_record_event *e = &r->live.record->events[i];
        json_open(j, NULL, '{');
        json_number(j, "time_ms", (long long)e->time_ms);
        json_text(j, "level",
                  e->level <= LOG_DEBUG ? event_level_name((enum log_level)e->level) : "unknown");
        json_text(j, "about", report_event_kind(e->kind));
        json_number(j, "thread", e->thread);
        json_text(j, "text", e->text);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void report_json(const struct report *r, FILE *out)
{
    struct json j = { out, false };
    json_open(&j, NULL, '{');
    whole(r, &j);
    record(r, &j);
    trend(r, &j);
    library(r, &j);
    history(r, &j);
    events(r, &j);
    json_close(&j, '}');
    putc('\n', out);
}
