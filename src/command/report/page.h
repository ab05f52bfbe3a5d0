/*
 * page: the files of src/command/report/page, line by line, as the build has put them into the command.
 */
#ifndef MAPHERD_PAGE_H
#define MAPHERD_PAGE_H

/* Each ends with NULL. In page_html, @NAME@ stands where something is to be put in. */
extern const char *const page_html[], *const page_css[], *const page_js[];

#endif
