/*
 * leaks_list: `mapherd leaks --list`: the records there are.
 */
#define _GNU_SOURCE
#include "command/leaks/leaks.h"
#include "command/leaks/live.h"
#include "command/lib/print.h"
#include "command/leaks/records.h"
#include "command/lib/units.h"

static void print_row(const char *path, const struct record *r, enum live_state state)
{
    const struct mapherd_record_head *h = &r->head;
    uint64_t last = h->ended_ms ? h->ended_ms : h->touched_ms;
    char age[40];
    snprintf(age, sizeof age, "%s", units_between(last, r->taken_ms));
    print_text(stdout, h->program);
    printf("[%d]: %s, ", (int)h->pid, live_state_text(state));
    if (state == LIVE_RUNNING)
        printf("recorded since %s, ", units_moment(h->since_ms));
    else
        printf("last seen %s ago, ", age);
    if (h->leaks_ms)
        printf("%s pieces mapped, ", grouped((long long)r->piece_count));
    else
        printf("no mappings, ");
    printf("%s: ", units_bytes(r->size));
    print_text(stdout, path);
    putchar('\n');
}

static void print_json_row(const char *path, const struct record *r, enum live_state state, pid_t pid)
{
    const struct mapherd_record_head *h = &r->head;
    struct json j = { stdout, false };
    json_open(&j, NULL, '{');
    json_text(&j, "path", path);
    json_text(&j, "program", h->program);
    json_number(&j, "pid", pid ? pid : h->pid);
    json_text(&j, "host", h->host);
    json_text(&j, "state", live_state_text(state));
    json_number(&j, "since_ms", (long long)h->since_ms);
    json_number(&j, "last_ms", (long long)(h->ended_ms ? h->ended_ms : h->touched_ms));
    json_number(&j, "bytes", (long long)r->size);
    json_number(&j, "pieces", (long long)r->piece_count);
    json_close(&j, '}');
    putchar('\n');
}

static void list_one(const char *path, const struct record *r, void *context)
{
    pid_t pid;
    enum live_state state = live_state_of(r, &pid);
    if (*(bool *)context)
        print_json_row(path, r, state, pid);
    else
        print_row(path, r, state);
}

int leaks_list(int folders, char **paths, bool json)
{
    int result = DONE;
    if (!folders)
        records_each_usual(list_one, &json);
    for (int i = 0; i < folders; i++)
        if (!records_each(paths[i], list_one, &json))
            result = FAILED;
    return result;
}
