/* page: the files in src/command/report/page, line by line. The build makes them part of the
 * command. */
#ifndef MAPHERD_PAGE_H
#define MAPHERD_PAGE_H

/* Each array ends with NULL. In page_html, report.c replaces each @NAME@. */
extern const char *const page_html[], *const page_css[], *const page_js[];

#endif
