/* SPDX-License-Identifier: MIT */
/* wsctl's variables: their table, and the kinds of value that only they have. Main thread. */
#include "conf/conf_ctl.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf_priv.h"
#include "conf/env_file.h"

static const char *const proxy_names[] = { "auto", "none", "nginx", "traefik" };

static int
proxy_parse(const struct conf_var *var, void *at, const char *text)
{
	struct conf_proxy *proxy = at;

	if (strncmp(text, "script:", 7) == 0) {
		int rc = conf_kind_path.parse(var, &proxy->script, text + 7);

		proxy->kind = rc == WSD_OK ? CONF_PROXY_SCRIPT : CONF_PROXY_AUTO;
		return rc;
	}
	for (int kind = CONF_PROXY_AUTO; kind <= CONF_PROXY_TRAEFIK; kind++) {
		if (strcmp(text, proxy_names[kind]) == 0) {
			proxy->kind = kind;
			return WSD_OK;
		}
	}
	return WSD_E_MALFORMED;
}

static void
proxy_release(void *at)
{
	struct conf_proxy *proxy = at;

	free(proxy->script);
	proxy->script = NULL;
}

const struct conf_kind conf_kind_proxy = { proxy_parse, NULL, "auto, nginx, traefik, script:/PATH/OF/PROGRAM or none",
					   proxy_release };

static const struct conf_choice on_upgrades[] = {
	{ "auto", CONF_UPGRADE_AUTO },
	{ "deploy", CONF_UPGRADE_DEPLOY },
	{ "restart", CONF_UPGRADE_RESTART },
	{ "none", CONF_UPGRADE_NONE },
	{ NULL, 0 },
};

#define VAR(n, k, m)       .name = (n), .kind = &conf_kind_##k, .offset = offsetof(struct conf_ctl, m)
#define RANGE(least, most) .min = (least), .max = (most)

const struct conf_var conf_ctl_table[] = {
	{ VAR("PROXY", proxy, proxy), .standard = "auto", RANGE(2, 4000),
	  .help = "the proxy in front of the instances, which a deploy switches from one to the other",
	  .more = "auto: nginx, if its configuration includes PROXY_FILE, or else traefik, if that has such a file. "
		  "script: a program of your own; wsctl(8) tells how it is called. none: new connections are led to "
		  "the right instance by other means, and wsctl switches nothing." },
	{ VAR("PROXY_FILE", path, proxy_file), RANGE(2, 4000),
	  .help = "the file that names the instance for the proxy, and is replaced when it is switched",
	  .more = "Without it, /var/lib/ws/nginx/upstream.conf for nginx, and /etc/traefik/dynamic/ws-upstream.yml "
		  "for traefik." },
	{ VAR("PROXY_URL", base, proxy_url), .standard = "http://127.0.0.1/", RANGE(0, 1000),
	  .help = "where the proxy serves the instances, to see whether it does",
	  .more = "health and a WebSocket at ws/chat/ are asked for below it." },
	{ VAR("PROXY_TIMEOUT", number, proxy_timeout_ms), .standard = "10000", RANGE(100, 600000),
	  .unit = "milliseconds",
	  .help = "how long the proxy may take until the instance that it was switched to answers through it" },
	{ VAR("SMOKE_OPTIONS", words, smoke_options), RANGE(0, 4000),
	  .help = "further options of wsload(1) for the test load of a deploy, separated by blanks" },
	{ VAR("ON_UPGRADE", choice, on_upgrade), .standard = "auto", .choices = on_upgrades,
	  .help = "how instances take up a program when the package has been upgraded",
	  .more = "deploy: the instance that does not serve is started with it, tried, and all clients are led "
		  "there, as wsctl deploy does; what fails is taken back. restart: it is tried beside the instances "
		  "that run, which are then restarted with it. auto: deploy, if there is a proxy and a second "
		  "instance that is free for that, or else restart. none: instances go on with the program that they "
		  "have, until wsctl deploy, wsctl restart or wsctl upgrade." },
	{ .name = NULL },
};

static const char *
look_up(const void *arg, const char *name)
{
	return env_file_get(arg, name);
}

int
conf_ctl_load(struct conf_ctl *out, const struct env_file *file, char *why, size_t why_size)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = conf_vars_load(conf_ctl_table, out, look_up, file, why, why_size);
	if (rc != WSD_OK)
		conf_ctl_deinit(out);
	return rc;
}

void
conf_ctl_deinit(struct conf_ctl *conf)
{
	conf_vars_release(conf_ctl_table, conf);
	memset(conf, 0, sizeof(*conf));
}

void
conf_ctl_print_man(FILE *to)
{
	conf_vars_man(conf_ctl_table, to);
}
