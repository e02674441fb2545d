/* SPDX-License-Identifier: MIT */
/* The test page: three files held in the program. */
#include "admin/page.h"

#include "admin/admin_priv.h"

/* Nothing inline, nothing from elsewhere; the WebSocket may be on another port or host. */
#define POLICY_PAGE                                                                                       \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ws: " \
	"wss:; "                                                                                          \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

void
page_index(struct exchange *ex)
{
	respond_static(ex, "text/html; charset=utf-8", POLICY_PAGE, page_index_html, page_index_html_len);
}

void
page_css(struct exchange *ex)
{
	respond_static(ex, "text/css; charset=utf-8", NULL, page_client_css, page_client_css_len);
}

void
page_js(struct exchange *ex)
{
	respond_static(ex, "text/javascript; charset=utf-8", NULL, page_client_js, page_client_js_len);
}
