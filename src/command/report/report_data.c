/*
 * report_data: what the page's script draws, as one JSON object. Lists are cut where a page would
 * become heavy, and say how much was left out. base.js and its neighbours read it.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "command/report/report.h"

/* The zone of the times: name and seconds east. */
static void zone(const struct report *r, struct json *j)
{
    time_t s = (time_t)(r->made_ms / 1000);
    struct tm local = { 0 };
    char name[64];
    localtime_r(&s, &local);
    long east = local.tm_gmtoff, away = labs(east);
    if (east)
        snprintf(name, sizeof name, "%.32s (UTC%c%02ld:%02ld)", local.tm_zone ? local.tm_zone : "local",
                 east < 0 ? '-' : '+', away / 3600, away / 60 % 60);
    else
        snprintf(name, sizeof name, "UTC");
    json_number(j, "zone", east);
    json_text(j, "zoneName", name);
}

static void history(const struct report *r, struct json *j)
{
    const struct record *record = r->live.record;
    json_open(j, "history", '[');
    for (unsigned level = 0; record && level < record->head.history_levels; level++) {
        for (unsigned i = 0; i < record->head.history_points; i++) {
            const struct mapherd_record_point *p =
                &record->points[(size_t)level * record->head.history_points + i];
            if (!report_point_counts(p, level, record->head.history_points, r->live.now_ms / 1000))
                continue;
            json_open(j, NULL, '[');
            json_number(j, NULL, level);
            json_number(j, NULL, (long long)p->time);
            json_number(j, NULL, p->count);
            json_number(j, NULL, p->most > p->count ? p->most : p->count);
            json_number(j, NULL, p->limit);
            json_close(j, ']');
        }
    }
    json_close(j, ']');
}

static const char *kind_of_event(uint32_t kind)
{
    static const char *const names[] = {
        "other", "pressure", "refused", "fault", "spill", "sync", "space", "record",
    };
    return kind < sizeof names / sizeof *names ? names[kind] : names[0];
}

static void events(const struct report *r, struct json *j)
{
    const struct record *record = r->live.record;
    size_t n = record ? record->event_count : 0;
    char lead[96];
    snprintf(lead, sizeof lead, "The last %s of %s event%s", grouped((long long)n),
             grouped(record ? (long long)record->head.events_ever : 0),
             plural(record ? (long)record->head.events_ever : 0));
    json_text(j, "eventsLead", lead);
    json_open(j, "events", '[');
    for (size_t i = 0; i < n; i++) {
        const struct mapherd_record_event *e = &record->events[i];
        json_open(j, NULL, '[');
        json_number(j, NULL, (long long)e->time_ms);
        json_text(j, NULL, kind_of_event(e->kind));
        json_number(j, NULL, e->level);
        json_number(j, NULL, e->thread);
        json_text(j, NULL, e->text);
        json_close(j, ']');
    }
    json_close(j, ']');
}

void report_group(const struct report *r, const struct group *g, struct json *j)
{
    json_number(j, "n", (long long)g->mappings);
    if (r->live.joined)
        json_number(j, "v", (long long)g->maps);
    json_number(j, "b", (long long)g->bytes);
    json_number(j, "f", (long long)g->files);
    if (r->live.deleted_known)
        json_number(j, "d", (long long)g->deleted);
    json_number(j, "o", (long long)g->oldest_ms);
    json_number(j, "y", (long long)g->newest_ms);
}

static void tell_groups(const struct report *r, const char *key, const struct groups *groups, struct json *j)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < groups->n && i < REPORT_GROUPS; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", groups->at[i].name);
        report_group(r, &groups->at[i], j);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static long long more_than_shown(const struct groups *g)
{
    return g->n > REPORT_GROUPS ? (long long)g->n - REPORT_GROUPS : 0;
}

void report_data(const struct report *r, FILE *out)
{
    struct json j = { out, false };
    json_open(&j, NULL, '{');
    json_number(&j, "now", (long long)r->live.now_ms);
    json_number(&j, "since", r->live.record ? (long long)r->live.record->head.since_ms : 0);
    zone(r, &j);
    json_number(&j, "pageSize", r->live.record ? r->live.record->head.page_size : sysconf(_SC_PAGESIZE));
    json_number(&j, "maps", r->count);
    json_number(&j, "limit", r->limit);
    json_number(&j, "live", (long long)r->stacks.all.mappings);
    json_text(&j, "why", r->why);
    history(r, &j);
    events(r, &j);
    report_stacks(r, &j);
    if (r->stacks.all.mappings) {
        tell_groups(r, "files", &r->files, &j);
        json_number(&j, "moreFiles", more_than_shown(&r->files));
        tell_groups(r, "suffixes", &r->suffixes, &j);
        tell_groups(r, "deleted", &r->deleted, &j);
    } else {
        report_sums(r, &j);
    }
    report_picture(r, &j);
    json_close(&j, '}');
}
