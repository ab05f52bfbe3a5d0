/*
 * request: what is known of the file of a mmap.
 */
#include "space/request.h"

#include "kernel/sys.h"

const struct stat *request_file(struct map_request *q)
{
    if (!q->asked && sys_fstat(q->fd, &q->st) < 0)
        q->st.st_mode = 0; /* of no file */
    q->asked = true;
    return q->st.st_mode ? &q->st : NULL;
}
