/* SPDX-License-Identifier: MIT */
/* The files of page/, as the build put them into page_data.c. [const] */
#ifndef WSD_ADMIN_PAGE_H
#define WSD_ADMIN_PAGE_H

#include <stddef.h>

struct page_file {
	const char *name;
	const char *type; /* Content-Type */
	const char *etag; /* of the content, in quotes */
	const char *body;
	size_t len;
};

/* Ends with an entry without a name. */
extern const struct page_file page_files[];

#endif
