/*
 * findings: what the doctor found, one line each.
 *
 *   ok       kernel      Linux 6.12.5 on x86_64
 *   note     limit       vm.max_map_count is 65,530, the kernel's default
 *            right:      sysctl -w vm.max_map_count=262144
 */
#ifndef MAPHERD_FINDINGS_H
#define MAPHERD_FINDINGS_H

#include <stdbool.h>

#include "command/lib/print.h"

enum level { OK, NOTE, PROBLEM };

struct findings {
    bool as_json;
    struct json json;
    int problems;
};

void findings_start(struct findings *f, bool as_json);

/* right: what would be right, or NULL. */
void finding(struct findings *f, enum level level, const char *check, const char *right,
             const char *format, ...) __attribute__((format(printf, 5, 6)));

void findings_end(struct findings *f);

#endif
