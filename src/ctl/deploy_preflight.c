/* SPDX-License-Identifier: MIT */
/* Whether the steps could be taken, as far as that shows without taking them: told before anything is done, and
 * by a dry run. */
#include <string.h>

#include "base/err.h"
#include "ctl/address.h"
#include "ctl/deploy_priv.h"
#include "ctl/probe.h"
#include "ctl/smoke.h"
#include "ctl/why.h"

#define URL_TIMEOUT_MS 5000

/* Only while it leads to one that serves: nothing else would have to answer. */
static int
check_url(struct deploy *d, struct why *why)
{
	char answered[INSTANCE_NAME_MAX + 1];
	int rc;

	if (!d->from.ready || strcmp(d->proxy_before, d->from.address) != 0)
		return WSD_OK;
	rc = probe_health(proxy_url(d->proxy), URL_TIMEOUT_MS, answered, why);
	if (rc == WSD_OK || rc == -EINTR)
		return rc;
	return why_set(why, rc, "%s leads to %s, but nothing answers there as it should (%s): is PROXY_URL right?",
		       proxy_name(d->proxy), d->from_name, why->text);
}

static int
check_proxy(struct deploy *d, struct why *why)
{
	int rc = proxy_there(d->proxy) ? proxy_check(d->proxy, why) : WSD_OK;

	return rc == WSD_OK && proxy_there(d->proxy) ? check_url(d, why) : rc;
}

int
deploy_preflight(struct deploy *d, struct why *why)
{
	int rc = record_check(why);

	if (rc == WSD_OK)
		rc = address_check(d->bus, &d->to, why);
	if (rc == WSD_OK && !d->o->no_smoke && !d->in_use)
		rc = smoke_check(why);
	if (rc == WSD_OK)
		rc = check_proxy(d, why);
	return rc;
}
