/*
 * top: what `mapherd top` watches, for the screen that shows it.
 */
#ifndef MAPHERD_TOP_H
#define MAPHERD_TOP_H

#include <time.h>

#include "command/watch/history.h"

enum { TOP_MOST = 8 }; /* rows of holders of the process that is shown closely */

struct top {
    long every_ms;
    pid_t only;     /* -p: this process alone; 0: all */
    pid_t close_up; /* the process that is shown closely; 0: none */

    /* The last round: */
    struct processes all;
    struct histories histories;
    struct process one; /* close_up, if it is there */
    bool one_is_there;
    struct holding most[TOP_MOST];
    size_t n_most;
    time_t at;
};

/* Begins a round: reads every process, or the only one. */
void top_round(struct top *t);

/* Reads the process that is shown closely once more. Its history goes on. */
void top_close_up(struct top *t);

/* Shows the rounds in the terminal until the user quits. Returns DONE, or FAILED after a
 * complaint. */
int screen_run(struct top *t);

#endif
