/* SPDX-License-Identifier: MIT */
/* The commands deploy, rollback and switch. */
#include <string.h>

#include "base/err.h"
#include "ctl/command.h"
#include "ctl/deploy.h"
#include "ctl/deploy_priv.h"
#include "ctl/instance.h"
#include "ctl/proxy.h"
#include "ctl/record.h"
#include "ctl/why.h"
#include "log/log.h"
#include "log/message_ids.h"

static bool
check_pair(const char *name)
{
	if (instance_other(name))
		return true;
	fprintf(stderr, "wsctl: '%s' is neither blue nor green\n", name);
	return false;
}

static struct deploy_options
options_for(const struct options *o, const char *to)
{
	return (struct deploy_options){
		.to = to,
		.no_handoff = option_given(o, OPTION_NO_HANDOFF),
		.no_smoke = option_given(o, OPTION_NO_SMOKE),
		.dry_run = option_given(o, OPTION_DRY_RUN),
		.json = option_given(o, OPTION_JSON),
	};
}

int
deploy_command(struct ctl *ctl)
{
	struct deploy_options options = options_for(ctl->o, ctl->o->args[0]);

	return check_pair(options.to) ? deploy_run(&options, &ctl->conf, ctl->bus) : EXIT_USAGE;
}

/* Speed counts, and the instance has served before: no test load. */
int
rollback_command(struct ctl *ctl)
{
	struct deploy_options options;
	struct record last;
	struct why why;
	int rc = record_read(&last, &why);

	if (rc == WSD_E_UNKNOWN || (rc == WSD_OK && !instance_other(last.from)))
		rc = why_set(&why, WSD_E_UNKNOWN, "there was no deploy to go back from");
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	options = options_for(ctl->o, last.from);
	options.no_smoke = true;
	return deploy_run(&options, &ctl->conf, ctl->bus);
}

/* ---- switch */

static int
judge(struct ctl *ctl, const struct instance *to, struct why *why)
{
	if (!to->address[0])
		return why_set(why, WSD_E_UNKNOWN, "ws@%s.socket listens on no TCP address", to->name);
	if (option_given(ctl->o, OPTION_FORCE) || (to->answers && to->ready))
		return WSD_OK;
	return why_set(why, WSD_E_UNSUPPORTED,
		       "%s is not ready for clients (%s); --force switches all the same", to->name,
		       to->answers ? to->state : to->unit.active);
}

static int
switch_to(struct ctl *ctl, struct proxy *proxy, const struct instance *to, struct why *why)
{
	struct deploy d = { .conf = &ctl->conf, .bus = ctl->bus, .proxy = proxy };
	int rc;

	if (!proxy_there(proxy))
		return why_set(why, WSD_E_UNKNOWN, "there is no proxy to switch (%s)", proxy_reason(proxy));
	rc = proxy_switch(proxy, to->name, to->address, why);
	if (rc != WSD_OK)
		return rc;
	log_write(LOG_LEVEL_NOTICE, LOG_ID_SWITCHED, LOG_FIELDS(LOG_TEXT("WS_DEPLOY_TO", to->name)),
		  "%s leads new connections to %s", proxy_name(proxy), to->name);
	if (to->answers && to->ready)
		rc = deploy_verify(&d, to->name, why);
	if (rc == WSD_OK)
		printf("%s leads new connections to %s, %s\n", proxy_name(proxy), to->name, to->address);
	return rc;
}

int
switch_command(struct ctl *ctl)
{
	const char *name = ctl->o->args[0];
	struct proxy *proxy = NULL;
	struct instance to;
	char what[80];
	struct why why;
	int rc;

	if (!check_pair(name))
		return EXIT_USAGE;
	snprintf(what, sizeof(what), "switch %s", name);
	rc = record_lock(what, &why);
	if (rc == WSD_OK)
		rc = instance_look(ctl->bus, name, &to, &why);
	if (rc == WSD_OK)
		rc = judge(ctl, &to, &why);
	if (rc == WSD_OK)
		rc = proxy_open(&proxy, &ctl->conf, ctl->bus, &why);
	if (rc == WSD_OK)
		rc = switch_to(ctl, proxy, &to, &why);
	proxy_close(&proxy);
	return rc == WSD_OK ? EXIT_DONE : command_fail(rc, &why);
}
