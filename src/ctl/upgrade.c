/* SPDX-License-Identifier: MIT */
/*
 * wsctl upgrade: how instances take up the program that is installed. The package calls it when it has been
 * upgraded; what it says is apt's output then. An instance that does not run the installed program is deployed away
 * from, or restarted once the program was tried, as ON_UPGRADE says; nothing that fails reaches the clients of one
 * that serves.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/check.h"
#include "ctl/command.h"
#include "ctl/deploy.h"
#include "ctl/instance.h"
#include "ctl/interrupt.h"
#include "ctl/program.h"
#include "ctl/proxy.h"
#include "ctl/record.h"
#include "ctl/smoke.h"
#include "ctl/why.h"

#define LOCK_WAIT_MS 180000 /* longer than a deploy takes */
#define LOCK_LOOK_MS 200

struct upgrade {
	struct ctl *ctl;
	char installed[PROGRAM_MAX];
	const char *serves;   /* blue or green, if the proxy leads to it and the other one is free; else NULL */
	struct why no_deploy; /* why it is NULL */
	struct record last;   /* the last deploy; all "" if there was none */
	unsigned outdated;    /* instances that run another program than the installed one */
	bool deployed;        /* or would have been: that is what rollback goes back from */
	bool acted;           /* there was something to do, and it was told of */
	int status;           /* the first failure of an instance */
};

/* ---- looking */

static int
wait_lock(struct why *why)
{
	uint64_t until_ms = clock_mono_ms() + LOCK_WAIT_MS;
	bool told = false;
	int rc;

	while ((rc = record_lock("upgrade", "", why)) == WSD_E_BUSY && clock_mono_ms() < until_ms) {
		if (!told)
			printf("%s; waiting for its end\n", why->text);
		told = true;
		fflush(stdout);
		if (interrupt_pause(LOCK_LOOK_MS) != WSD_OK)
			return why_set(why, -EINTR, "interrupted");
	}
	return rc;
}

/* One that systemd tries to start again and again is there to serve, too; this may be the program that mends it. */
static bool
is_outdated(const struct upgrade *u, const struct instance *i)
{
	return (i->runs || instance_retries(i)) && strcmp(i->program, u->installed) != 0;
}

static int
count_outdated(void *arg, const char *name, const char *folder)
{
	struct upgrade *u = arg;
	struct instance i;
	struct why why;

	if (instance_look(u->ctl->bus, name, &i, &why) == WSD_OK && is_outdated(u, &i))
		u->outdated++;
	return WSD_OK;
}

/* The one to deploy away from, if that can be done. */
static void
look_for_pair(struct upgrade *u, struct proxy *proxy, const char *leads_to)
{
	struct instance pair[INSTANCES];
	struct why *why = &u->no_deploy;

	for (unsigned i = 0; i < INSTANCES; i++)
		if (instance_look(u->ctl->bus, instance_names[i], &pair[i], why) != WSD_OK)
			return;
	for (unsigned i = 0; i < INSTANCES; i++) {
		const struct instance *to = &pair[i], *other = &pair[1 - i];

		if (strcmp(leads_to, to->address) != 0)
			continue;
		if (!to->runs)
			why_set(why, 0, "%s leads to %s, which does not run", proxy_name(proxy), to->name);
		else if (other->runs && (!other->answers || other->connections > 0))
			why_set(why, 0, "%s has clients too, and is not free to try a program", other->name);
		else
			u->serves = to->name;
		return;
	}
	why_set(why, 0, "%s leads to %s, which is neither blue nor green", proxy_name(proxy), leads_to);
}

static int
look(struct upgrade *u, struct why *why)
{
	char leads_to[PROXY_ADDRESS_MAX];
	struct proxy *proxy = NULL;
	struct why ignored;
	int rc;

	u->serves = NULL;
	u->outdated = 0;
	program_installed(u->installed);
	if (!u->installed[0])
		return why_set(why, WSD_E_UNKNOWN, "no package has installed a program");
	if (record_read(&u->last, &ignored) != WSD_OK)
		u->last = (struct record){ .from = "" };
	program_each(count_outdated, u);
	rc = proxy_open(&proxy, &u->ctl->conf, u->ctl->bus, why);
	if (rc == WSD_OK && !proxy_there(proxy))
		why_set(&u->no_deploy, 0, "there is no proxy to switch (%s)", proxy_reason(proxy));
	else if (rc == WSD_OK && proxy_current(proxy, leads_to, &u->no_deploy) == WSD_OK)
		look_for_pair(u, proxy, leads_to);
	proxy_close(&proxy);
	return rc;
}

/* ---- instances that run */

static int
deploy_to(struct upgrade *u, const char *to)
{
	struct why no_wsload;
	struct deploy_options options = {
		.to = to,
		.no_smoke = smoke_check(&no_wsload) != WSD_OK, /* its package is recommended only */
		.dry_run = option_given(u->ctl->o, OPTION_DRY_RUN),
	};
	int status;

	if (options.no_smoke)
		printf("there will be no test load (%s)\n", no_wsload.text);
	status = deploy_run(&options, &u->ctl->conf, u->ctl->bus);
	fflush(stdout);
	u->deployed = status == EXIT_DONE;
	return status;
}

static int
deploy(struct upgrade *u)
{
	char program[PROGRAM_MAX];
	int status;

	program_of(u->serves, program);
	if (strcmp(program, u->installed) == 0)
		return EXIT_DONE;
	status = deploy_to(u, instance_other(u->serves));
	if (status == EXIT_DONE && !option_given(u->ctl->o, OPTION_DRY_RUN))
		printf("%s has the former program, %s: wsctl rollback goes back to it\n", u->serves,
		       program_name(program));
	else if (status != EXIT_ATTENTION)
		fprintf(stderr,
			"wsctl: %s goes on with %s, and its clients have noticed nothing; %s was not taken up\n",
			u->serves, program_name(program), program_name(u->installed));
	return status;
}

/* Clients may be on both sides of a deploy that was cut off, perhaps by the end of an upgrade's own process. Restarting
 * either would make it the last one, and rollback forget where to go back to. */
static bool
is_cut_off(const struct upgrade *u)
{
	return strcmp(u->last.outcome, "running") == 0 && instance_other(u->last.to) &&
	       strcmp(u->last.from, u->last.to) != 0 && (!u->serves || strcmp(u->serves, u->last.from) != 0);
}

static int
go_on(struct upgrade *u)
{
	struct why why;

	if (strcmp(u->last.program, u->installed) != 0) {
		why_set(&why, WSD_E_UNSUPPORTED,
			"the deploy from %s to %s was cut off in its step %s: wsctl deploy %s goes on with it, wsctl "
			"rollback goes back",
			u->last.from, u->last.to, u->last.step, u->last.to);
		return command_fail(WSD_E_UNSUPPORTED, &why);
	}
	printf("the deploy from %s to %s was cut off in its step %s, and goes on\n", u->last.from, u->last.to,
	       u->last.step);
	return deploy_to(u, u->last.to);
}

static int
restart_outdated(void *arg, const char *name, const char *folder)
{
	struct upgrade *u = arg;
	bool dry = option_given(u->ctl->o, OPTION_DRY_RUN);
	char file[PROGRAM_MAX + 8];
	struct instance i;
	struct why why;

	if (instance_look(u->ctl->bus, name, &i, &why) != WSD_OK || !is_outdated(u, &i))
		return WSD_OK;
	if (dry && u->deployed && instance_other(name))
		return WSD_OK;
	snprintf(file, sizeof(file), "%s/wsd", u->installed);
	if (dry)
		printf("would try %s, and restart %s with it\n", program_name(u->installed), name);
	else
		u->status = restart_tried(u->ctl->bus, name, file, !u->deployed);
	return u->status == EXIT_DONE ? WSD_OK : WSD_E_CLOSED;
}

/* ---- those that do not */

/* Where rollback goes back to: it keeps what it served with. */
static bool
is_way_back(const struct upgrade *u, const char *name)
{
	char program[PROGRAM_MAX];

	if (strcmp(u->last.outcome, "undone") == 0 || strcmp(u->last.from, name) != 0 || strcmp(u->last.to, name) == 0)
		return false;
	program_of(u->last.to, program);
	return strcmp(program, u->last.program) == 0;
}

static int
lead_stopped(void *arg, const char *name, const char *folder)
{
	struct upgrade *u = arg;
	struct instance i;
	struct why why;

	if (strcmp(folder, u->installed) == 0 || is_way_back(u, name) ||
	    instance_look(u->ctl->bus, name, &i, &why) != WSD_OK ||
	    (strcmp(i.unit.active, "inactive") != 0 && strcmp(i.unit.active, "failed") != 0))
		return WSD_OK;
	u->acted = true;
	if (option_given(u->ctl->o, OPTION_DRY_RUN))
		printf("%s does not run, and would start with %s\n", name, program_name(u->installed));
	else if (program_use(name, u->installed, &why) == WSD_OK)
		printf("%s does not run, and starts with %s\n", name, program_name(u->installed));
	else
		u->status = command_fail(WSD_E_CLOSED, &why);
	return WSD_OK;
}

/* ---- the command */

static void
take_up(struct upgrade *u)
{
	int how = u->ctl->conf.on_upgrade;

	if (u->serves && how != CONF_UPGRADE_RESTART)
		u->status = deploy(u);
	else if (how == CONF_UPGRADE_DEPLOY)
		u->status = command_fail(WSD_E_UNSUPPORTED, &u->no_deploy);
	/* those that are in no pair, or all */
	if (u->status == EXIT_DONE && how != CONF_UPGRADE_DEPLOY)
		program_each(restart_outdated, u);
}

static void
run(struct upgrade *u)
{
	int how = u->ctl->conf.on_upgrade;
	struct why why;

	u->acted = u->outdated > 0;
	if (u->outdated > 0 && how == CONF_UPGRADE_NONE) {
		printf("ON_UPGRADE=none: %s is installed, and instances that run go on with what they have, until "
		       "wsctl deploy or wsctl restart\n",
		       program_name(u->installed));
		return;
	}
	if (how != CONF_UPGRADE_NONE && is_cut_off(u)) {
		u->acted = true;
		u->status = go_on(u);
		if (u->status != EXIT_DONE || option_given(u->ctl->o, OPTION_DRY_RUN))
			return;
		if (look(u, &why) != WSD_OK) {
			u->status = command_fail(WSD_E_CLOSED, &why);
			return;
		}
	}
	if (u->outdated > 0)
		take_up(u);
	if (u->status != EXIT_DONE)
		return;
	if (record_read(&u->last, &why) != WSD_OK)
		u->last = (struct record){ .from = "" };
	program_each(lead_stopped, u);
	if (!u->acted)
		printf("there is nothing to do: %s is installed, and no instance needs another program\n",
		       program_name(u->installed));
}

int
upgrade_command(struct ctl *ctl)
{
	struct upgrade u = { .ctl = ctl, .status = EXIT_DONE };
	struct why why;
	int rc = option_given(ctl->o, OPTION_DRY_RUN) ? WSD_OK : wait_lock(&why);

	if (rc == WSD_OK)
		rc = look(&u, &why);
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	run(&u);
	if (!option_given(ctl->o, OPTION_DRY_RUN))
		record_prune();
	return u.status;
}
