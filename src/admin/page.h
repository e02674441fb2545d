/* SPDX-License-Identifier: MIT */
/* The files of page/, as the build put them into page_data.c. [const] */
#ifndef WSD_ADMIN_PAGE_H
#define WSD_ADMIN_PAGE_H

#include <stddef.h>

extern const char page_index_html[], page_client_css[], page_client_js[];
extern const size_t page_index_html_len, page_client_css_len, page_client_js_len;

#endif
