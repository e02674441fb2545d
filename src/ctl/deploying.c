/* SPDX-License-Identifier: MIT */
/* The commands deploy, rollback and switch. */
#include <string.h>

#include "base/err.h"
#include "ctl/check.h"
#include "ctl/command.h"
#include "ctl/deploy.h"
#include "ctl/deploy_priv.h"
#include "ctl/instance.h"
#include "ctl/program.h"
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
		.program = o->program,
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

static bool
can_go_back(const struct record *last)
{
	return strcmp(last->from, last->to) == 0 ? last->former[0] != '\0' : instance_other(last->from) != NULL;
}

/* What was cut off may have moved its instance to another program, which that has not served with. */
static void
put_back_program(const struct record *last)
{
	struct why why;

	if (strcmp(last->outcome, "running") != 0 || !last->former[0] || !instance_other(last->to))
		return;
	if (program_use(last->to, last->former, &why) != WSD_OK)
		fprintf(stderr, "wsctl: %s\n", why.text);
}

struct return_trip {
	struct ctl *ctl;
	const struct record *last;
	unsigned found;
	int status;
};

static int
return_one(void *arg, const char *name, const char *folder)
{
	struct return_trip *t = arg;
	char file[PROGRAM_MAX + 8];
	struct instance i;
	struct why why;

	if (strcmp(folder, t->last->program) != 0 || instance_look(t->ctl->bus, name, &i, &why) != WSD_OK)
		return WSD_OK;
	t->found++;
	snprintf(file, sizeof(file), "%s/wsd", t->last->former);
	if (option_given(t->ctl->o, OPTION_DRY_RUN))
		printf("would have %s run %s\n", name, program_name(t->last->former));
	else if (!i.runs && !instance_retries(&i))
		t->status = command_status(program_use(name, t->last->former, &why));
	else
		t->status = restart_tried(t->ctl->bus, name, file, true);
	return t->status == EXIT_DONE ? WSD_OK : WSD_E_CLOSED;
}

/* There was no other instance to go to: all that run the other program, or would when started, get the former one. */
static int
back_to_program(struct ctl *ctl, const struct record *last)
{
	struct return_trip t = { .ctl = ctl, .last = last, .status = EXIT_DONE };
	struct why why;
	int rc = option_given(ctl->o, OPTION_DRY_RUN) ? WSD_OK : record_lock("rollback", "", &why);

	if (rc != WSD_OK)
		return command_fail(rc, &why);
	program_each(return_one, &t);
	if (t.found == 0)
		printf("no instance has %s any more: there is nothing to go back from\n", program_name(last->program));
	return t.status;
}

/* Speed counts, and the instance has served before, with the program that it still has: no test load. */
int
rollback_command(struct ctl *ctl)
{
	struct deploy_options options;
	struct record last;
	struct why why;
	int rc = record_read(&last, &why), status;

	if (rc == WSD_E_UNKNOWN || (rc == WSD_OK && !can_go_back(&last)))
		rc = why_set(&why, WSD_E_UNKNOWN, "there was no deploy to go back from");
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	if (strcmp(last.from, last.to) == 0)
		return back_to_program(ctl, &last);
	options = options_for(ctl->o, last.from);
	options.no_smoke = options.same_program = true;
	status = deploy_run(&options, &ctl->conf, ctl->bus);
	if (status == EXIT_DONE && !options.dry_run)
		put_back_program(&last);
	return status;
}

/* ---- switch */

static int
judge(struct ctl *ctl, const struct instance *to, struct why *why)
{
	if (!to->address[0])
		return why_set(why, WSD_E_UNKNOWN, "ws@%s.socket listens on no TCP address", to->name);
	if (option_given(ctl->o, OPTION_FORCE) || (to->answers && to->ready))
		return WSD_OK;
	return why_set(why, WSD_E_UNSUPPORTED, "%s is not ready for clients (%s); --force switches all the same",
		       to->name, to->answers ? to->state : to->unit.active);
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
	struct why why;
	int rc;

	if (!check_pair(name))
		return EXIT_USAGE;
	rc = record_lock("switch", name, &why);
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
