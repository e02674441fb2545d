/* SPDX-License-Identifier: MIT */
/* Traefik: a file of its file provider, which it watches. Whether it has taken it up shows when it is asked.
 */
#include "ctl/proxy_priv.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "ctl/why.h"

static int
traefik_found(struct proxy *proxy)
{
	return access(proxy->file, F_OK) == 0 ? WSD_OK : WSD_E_UNKNOWN;
}

static int
traefik_current(struct proxy *proxy, char *out, struct why *why)
{
	return proxy_file_address(proxy->file, "url:", out, why);
}

static int
traefik_change(struct proxy *proxy, const char *instance, const char *address, struct why *why)
{
	struct proxy_file file;
	char text[1024];
	int rc;

	snprintf(text, sizeof(text),
		 PROXY_FILE_HEAD "http:\n"
				 "  services:\n"
				 "    ws:\n"
				 "      loadBalancer:\n"
				 "        serversTransport: ws\n"
				 "        servers:\n"
				 "          - url: \"http://%s\"\n",
		 address);
	rc = proxy_file_replace(&file, proxy->file, text, why);
	proxy_file_end(&file);
	return rc;
}

const struct proxy_kind proxy_traefik = { "traefik",       "/etc/traefik/dynamic/ws-upstream.yml",
					  traefik_found,   NULL,
					  traefik_current, traefik_change };
