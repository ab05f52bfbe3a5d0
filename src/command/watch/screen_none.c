/*
 * screen_none: top's screen in a command that was built without ncurses.
 */
#include "command/watch/top.h"

int screen_run(struct top *t)
{
    (void)t;
    complain("top is not built in: this mapherd was built without ncurses; there are 'mapherd ps' "
             "and 'mapherd top --json'");
    return FAILED;
}
