/* SPDX-License-Identifier: MIT */
/* /metrics, for those in METRICS_ALLOW. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/admin_priv.h"
#include "base/err.h"
#include "conf/conf.h"

void
scrape_get(struct exchange *ex)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to;
	int rc;

	if (!addr_nets_match(&ex->side->admin->conf->metrics_allow, &ex->client)) {
		respond_error(ex, 403, "forbidden", "METRICS_ALLOW does not list this address");
		return;
	}
	to = open_memstream(&text, &len);
	if (!to) {
		respond_failure(ex, -ENOMEM);
		return;
	}
	rc = metrics_text(to);
	if (fclose(to) != 0 && rc == WSD_OK)
		rc = -ENOMEM;
	if (rc == WSD_OK) {
		respond_owned(ex, "text/plain; version=0.0.4; charset=utf-8", text, len);
	} else {
		free(text);
		respond_failure(ex, rc);
	}
}
