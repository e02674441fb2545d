/* SPDX-License-Identifier: MIT */
/* Which kind of proxy there is; and the one that is none. */
#include "ctl/proxy.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/replace.h"
#include "ctl/proxy_priv.h"
#include "ctl/why.h"

static int
none_current(struct proxy *proxy, char *out, struct why *why)
{
	return why_set(why, WSD_E_UNKNOWN, "there is no proxy that wsctl knows of");
}

static int
none_change(struct proxy *proxy, const char *instance, const char *address, struct why *why)
{
	return WSD_OK;
}

const struct proxy_kind proxy_none = { "none", NULL, NULL, NULL, none_current, none_change };

static void
use(struct proxy *proxy, const struct proxy_kind *kind)
{
	proxy->kind = kind;
	proxy->file = proxy->conf->proxy_file ? proxy->conf->proxy_file : kind->file;
}

static int
detect(struct proxy *proxy)
{
	static const struct proxy_kind *const kinds[] = { &proxy_nginx, &proxy_traefik };

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int rc;

		use(proxy, kinds[i]);
		rc = proxy->kind->found(proxy);
		if (rc == WSD_OK)
			snprintf(proxy->reason, sizeof(proxy->reason), "found; its file is %s", proxy->file);
		if (rc == WSD_OK || rc == -EINTR)
			return rc;
	}
	use(proxy, &proxy_none);
	snprintf(proxy->reason, sizeof(proxy->reason), "none found; see PROXY in wsd.env(5)");
	return WSD_OK;
}

int
proxy_open(struct proxy **out, const struct conf_ctl *conf, struct bus *bus, struct why *why)
{
	static const struct proxy_kind *const kinds[] = {
		[CONF_PROXY_NONE] = &proxy_none,
		[CONF_PROXY_NGINX] = &proxy_nginx,
		[CONF_PROXY_TRAEFIK] = &proxy_traefik,
		[CONF_PROXY_SCRIPT] = &proxy_script,
	};
	struct proxy *proxy = calloc(1, sizeof(*proxy));

	*out = proxy;
	if (!proxy)
		return why_set(why, -ENOMEM, "out of memory");
	proxy->conf = conf;
	proxy->bus = bus;
	if (conf->proxy.kind == CONF_PROXY_AUTO) {
		int rc = detect(proxy);

		return rc == -EINTR ? why_set(why, rc, "interrupted") : rc;
	}
	use(proxy, kinds[conf->proxy.kind]);
	snprintf(proxy->reason, sizeof(proxy->reason), "by PROXY=%s%s", proxy->kind->name,
		 proxy->kind == &proxy_script ? ":..." : "");
	return WSD_OK;
}

void
proxy_close(struct proxy **proxy)
{
	free(*proxy);
	*proxy = NULL;
}

const char *
proxy_name(const struct proxy *proxy)
{
	return proxy->kind->name;
}

const char *
proxy_reason(const struct proxy *proxy)
{
	return proxy->reason;
}

bool
proxy_there(const struct proxy *proxy)
{
	return proxy->kind != &proxy_none;
}

const char *
proxy_url(const struct proxy *proxy)
{
	return proxy->conf->proxy_url;
}

int
proxy_current(struct proxy *proxy, char *out, struct why *why)
{
	return proxy->kind->current(proxy, out, why);
}

int
proxy_check(struct proxy *proxy, struct why *why)
{
	int rc = proxy->file ? replace_check(proxy->file) : WSD_OK;

	if (rc != WSD_OK)
		return why_set(why, rc, "%s cannot be written: %s", proxy->file, wsd_strerror(rc));
	return proxy->kind->check ? proxy->kind->check(proxy, why) : WSD_OK;
}

int
proxy_switch(struct proxy *proxy, const char *instance, const char *address, struct why *why)
{
	return proxy->kind->change(proxy, instance, address, why);
}
