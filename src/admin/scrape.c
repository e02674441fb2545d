/* SPDX-License-Identifier: MIT */
/* /metrics, for those in METRICS_ALLOW. */
#include "admin/admin_priv.h"
#include "conf/conf.h"

static int
write_all(FILE *to, const void *arg)
{
	return metrics_text(to);
}

void
scrape_get(struct exchange *ex)
{
	if (!addr_nets_match(&ex->side->admin->conf->metrics_allow, &ex->client)) {
		respond_error(ex, 403, "forbidden", "METRICS_ALLOW does not list this address");
		return;
	}
	respond_written(ex, "text/plain; version=0.0.4; charset=utf-8", write_all, NULL);
}
