/*
 * request: see request.h.
 */
#include "space/request.h"

#include "kernel/sys.h"

const struct stat *request_file(struct map_request *q)
{
    if (!q->asked && sys_fstat(q->fd, &q->st) < 0)
        q->st.st_mode = 0; /* no file has this mode */
    q->asked = true;
    return q->st.st_mode ? &q->st : NULL;
}
