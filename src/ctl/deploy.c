/* SPDX-License-Identifier: MIT */
/* From what is found to the outcome; the steps are in deploy_steps.c. */
#include "ctl/deploy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/output.h"
#include "ctl/command.h"
#include "ctl/deploy_priv.h"
#include "ctl/interrupt.h"
#include "ctl/json_print.h"
#include "ctl/why.h"
#include "log/log.h"
#include "log/message_ids.h"

#define SETTLE_MS 15000 /* a restart waits up to 11 s for silent clients, and then starts */
#define LOOK_MS   100

enum outcome { DONE, UNDONE, FAILED };

static const char *const outcomes[] = { "done", "undone", "failed" };

/* ---- before */

/* A restart that somebody has just begun is waited for: what its connections will be in is not known before. */
static int
look_at_instances(struct deploy *d, struct why *why)
{
	uint64_t until_ms = clock_mono_ms() + SETTLE_MS;
	int rc;

	do {
		rc = instance_look(d->bus, d->from_name, &d->from, why);
		if (rc == WSD_OK)
			rc = instance_look(d->bus, d->o->to, &d->to, why);
		if (rc != WSD_OK || (!instance_changes(&d->from) && !instance_changes(&d->to)))
			return rc;
		if (interrupt_pause(LOOK_MS) != WSD_OK)
			return why_set(why, -EINTR, "interrupted");
	} while (clock_mono_ms() < until_ms);
	return WSD_OK;
}

static int
look(struct deploy *d, struct why *why)
{
	struct bus_unit unit;
	char name[64];
	int rc = look_at_instances(d, why);

	for (unsigned i = 0; i < INSTANCE_SOCKETS && rc == WSD_OK; i++) {
		instance_socket(name, d->to.name, i);
		rc = bus_unit(d->bus, name, &unit, why);
		d->had_sockets[i] = strcmp(unit.active, "active") == 0;
	}
	return rc;
}

static int
look_at_proxy(struct deploy *d, struct why *why)
{
	int rc = proxy_open(&d->proxy, d->conf, d->bus, why);

	if (rc == WSD_OK && !proxy_there(d->proxy) && d->conf->proxy.kind == CONF_PROXY_AUTO)
		return why_set(why, WSD_E_UNKNOWN,
			       "no proxy was found: neither nginx with ws.conf nor Traefik. Say in "
			       "/etc/ws/ws.env what leads clients to the instances (PROXY=), or PROXY=none");
	if (rc == WSD_OK)
		rc = proxy_current(d->proxy, d->proxy_before, why);
	if (rc == WSD_E_UNKNOWN) /* it was never switched */
		rc = WSD_OK;
	d->leads_there = rc == WSD_OK && strcmp(d->proxy_before, d->to.address) == 0;
	return rc;
}

/* Nobody but its own next process can take up what a restart has left. */
static int
judge_held(const struct deploy *d, struct why *why)
{
	struct why failure;

	instance_failure(&d->from, &failure);
	return why_set(why, instance_changes(&d->from) ? WSD_E_BUSY : WSD_E_UNSUPPORTED,
		       "ws@%s does not run (%s%s%s), and may hold connections of its clients, which only it can take "
		       "up: put that right and wsctl restart %s, or give them up with --no-handoff",
		       d->from_name, instance_state(&d->from), failure.text[0] ? ", " : "", failure.text, d->from_name);
}

static int
judge(struct deploy *d, struct why *why)
{
	const struct instance *both[] = { &d->from, &d->to };

	for (unsigned i = 0; i < 2; i++) {
		const char *masked = strcmp(both[i]->unit.load, "masked") == 0         ? "service"
				     : strcmp(both[i]->sockets[0].load, "masked") == 0 ? "socket"
										       : NULL;

		if (masked)
			return why_set(why, WSD_E_UNKNOWN,
				       "ws@%s.%s is masked; systemctl unmask ws@%s.%s takes that back", both[i]->name,
				       masked, both[i]->name, masked);
		if (strcmp(both[i]->unit.load, "loaded") != 0)
			return why_set(why, WSD_E_UNKNOWN, "ws@%s.service is not there (%s): is the package installed?",
				       both[i]->name, both[i]->unit.load);
		if (!both[i]->address[0])
			return why_set(why, WSD_E_UNKNOWN, "ws@%s.socket listens on no TCP address", both[i]->name);
	}
	if (d->from.runs && !d->from.answers)
		return why_set(why, WSD_E_TIMEOUT, "ws@%s runs, but does not answer: systemctl status ws@%s",
			       d->from_name, d->from_name);
	if (instance_holds(&d->from) && !d->o->no_handoff)
		return judge_held(d, why);
	if (d->proxy_before[0] && !d->leads_there && strcmp(d->proxy_before, d->from.address) != 0)
		return why_set(why, WSD_E_UNKNOWN,
			       "%s leads to %s, which is neither blue nor green; wsctl switch %s makes it so",
			       proxy_name(d->proxy), d->proxy_before, d->from.runs ? d->from_name : d->to.name);
	return WSD_OK;
}

/* One that clients use is not restarted, and goes on with what it has. */
static int
choose_program(struct deploy *d, struct why *why)
{
	int rc = WSD_OK;

	program_of(d->to.name, d->former);
	if (d->o->program && d->in_use)
		return why_set(why, WSD_E_BUSY, "clients use %s already, and it is not restarted for another program",
			       d->to.name);
	if (d->o->program && d->o->dry_run)
		snprintf(d->program, sizeof(d->program), "%s", d->o->program);
	else if (d->o->program)
		rc = program_take(d->o->program, d->program, why);
	else if (!d->o->same_program && !d->in_use)
		program_installed(d->program);
	if (!d->program[0])
		snprintf(d->program, sizeof(d->program), "%s", d->former);
	return rc;
}

static int
prepare(struct deploy *d, struct why *why)
{
	int rc = look(d, why);

	if (rc == WSD_OK)
		rc = look_at_proxy(d, why);
	if (rc == WSD_OK)
		rc = judge(d, why);
	d->serves = d->to.answers && (proxy_there(d->proxy) ? d->leads_there : !d->from.runs);
	d->in_use = d->serves || d->to.connections > 0;
	if (rc == WSD_OK)
		rc = deploy_preflight(d, why);
	return rc == WSD_OK ? choose_program(d, why) : rc;
}

static bool
nothing_to_do(struct deploy *d)
{
	struct record last;
	struct why ignored;

	if (!d->serves || d->from.runs || instance_holds(&d->from))
		return false;
	return record_read(&last, &ignored) != WSD_OK || strcmp(last.outcome, "running") != 0;
}

/* ---- meanwhile */

static void
note(struct deploy *d, const char *step, const char *outcome)
{
	struct why why;

	snprintf(d->record.step, sizeof(d->record.step), "%s", step);
	snprintf(d->record.outcome, sizeof(d->record.outcome), "%s", outcome);
	if (strcmp(outcome, "running") != 0)
		clock_iso8601(d->record.ended, clock_real_ms());
	if (record_write(&d->record, &why) != WSD_OK)
		log_error("%s", why.text);
}

/* A deploy that was cut off may have moved `to` to another program already. */
static void
begin_record(struct deploy *d)
{
	struct record last;
	struct why ignored;

	if (record_read(&last, &ignored) == WSD_OK && strcmp(last.outcome, "running") == 0 &&
	    strcmp(last.to, d->to.name) == 0 && last.former[0])
		snprintf(d->former, sizeof(d->former), "%s", last.former);
	snprintf(d->record.program, sizeof(d->record.program), "%s", d->program);
	snprintf(d->record.former, sizeof(d->record.former), "%s", d->former);
	clock_iso8601(d->record.began, clock_real_ms());
}

/* The name of the step that failed, NULL if none did; *rc says why. */
static const char *
take_steps(struct deploy *d, int *rc)
{
	*rc = WSD_OK;
	for (unsigned i = 0; i < DEPLOY_STEPS; i++) {
		const struct deploy_step *step = &deploy_steps[i];
		struct why detail = { .text = "" };

		note(d, step->name, "running");
		steps_begin(&d->steps, step->name);
		if (interrupt_seen()) {
			*rc = -EINTR;
		} else if (step->needed && !step->needed(d, &detail)) {
			steps_end(&d->steps, STEP_SKIPPED, detail.text);
			continue;
		} else {
			*rc = step->run(d, &detail);
		}
		if (*rc == -EINTR)
			why_set(&detail, *rc, "interrupted");
		steps_end(&d->steps, *rc == WSD_OK ? STEP_OK : STEP_FAILED, detail.text);
		if (*rc != WSD_OK)
			return step->name;
	}
	return NULL;
}

static void
show_plan(struct deploy *d)
{
	for (unsigned i = 0; i < DEPLOY_STEPS; i++) {
		const struct deploy_step *step = &deploy_steps[i];
		struct why detail = { .text = "" };

		steps_begin(&d->steps, step->name);
		if (step->needed && !step->needed(d, &detail)) {
			steps_end(&d->steps, STEP_SKIPPED, detail.text);
		} else {
			step->plan(d, &detail);
			steps_end(&d->steps, STEP_PLANNED, detail.text);
		}
	}
}

/* ---- afterwards */

static void
tell(struct deploy *d, enum outcome outcome, const char *failed, uint64_t ms)
{
	char text[512];

	if (outcome == DONE)
		snprintf(text, sizeof(text), "%s serves, after %" PRIu64 ".%02" PRIu64 " s", d->to.name, ms / 1000,
			 ms % 1000 / 10);
	else if (outcome == UNDONE)
		snprintf(text, sizeof(text), "not deployed (%s): all is as it was before", failed);
	else
		snprintf(text, sizeof(text),
			 "not deployed (%s), and not all could be taken back; see above, and wsctl status", failed);
	log_write(outcome == DONE ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, LOG_ID_DEPLOY_ENDED,
		  LOG_FIELDS(LOG_TEXT("WS_DEPLOY_FROM", d->from_name), LOG_TEXT("WS_DEPLOY_TO", d->to.name),
			     LOG_TEXT("WS_DEPLOY_RESULT", outcomes[outcome]), LOG_NUMBER("WS_DEPLOY_MS", ms)),
		  "deploy from %s to %s: %s", d->from_name, d->to.name, text);
	if (!d->o->json)
		printf("%s\n", text);
}

static void
print_json(struct deploy *d, const char *outcome, uint64_t ms)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "from", json_object_new_string(d->from_name));
	json_object_object_add(o, "to", json_object_new_string(d->to.name));
	json_object_object_add(o, "proxy", json_object_new_string(proxy_name(d->proxy)));
	json_object_object_add(o, "outcome", json_object_new_string(outcome));
	json_object_object_add(o, "seconds", json_object_new_double((double)ms / 1000));
	json_object_object_add(o, "steps", steps_json(&d->steps));
	json_print(o, false);
	json_object_put(o);
}

/* A failure to stop the old one is no reason to go back: all clients are served by the new one. */
static int
carry_out(struct deploy *d)
{
	uint64_t began_ms = clock_mono_ms();
	enum outcome outcome = DONE;
	const char *failed;
	int rc;

	begin_record(d);
	log_write(LOG_LEVEL_NOTICE, LOG_ID_DEPLOY_BEGUN,
		  LOG_FIELDS(LOG_TEXT("WS_DEPLOY_FROM", d->from_name), LOG_TEXT("WS_DEPLOY_TO", d->to.name)),
		  "deploy from %s to %s begins", d->from_name, d->to.name);
	failed = take_steps(d, &rc);
	if (failed && strcmp(failed, "stop") == 0 && rc != -EINTR)
		outcome = FAILED;
	else if (failed)
		outcome = deploy_undo(d) == WSD_OK ? UNDONE : FAILED;
	note(d, failed ? failed : "stop", outcomes[outcome]);
	record_prune();
	tell(d, outcome, failed, clock_mono_ms() - began_ms);
	if (d->o->json)
		print_json(d, outcomes[outcome], clock_mono_ms() - began_ms);
	return outcome == DONE     ? EXIT_DONE
	       : outcome == FAILED ? EXIT_ATTENTION
	       : rc == -EINTR      ? EXIT_INTERRUPTED
				   : EXIT_FAILED;
}

static int
run(struct deploy *d)
{
	if (nothing_to_do(d)) {
		if (d->o->json)
			print_json(d, "nothing to do", 0);
		else
			printf("%s serves already, and %s does not run. wsctl restart %s takes up another "
			       "configuration, and wsctl upgrade another program, without losing a connection\n",
			       d->to.name, d->from_name, d->to.name);
		return EXIT_DONE;
	}
	if (!d->o->json)
		printf("%s %s to %s, %" PRIu64 " connections, proxy %s\n", d->o->dry_run ? "would deploy" : "deploy",
		       d->from_name, d->to.name, d->from.connections, proxy_name(d->proxy));
	output_flush(stdout);
	if (!d->o->dry_run)
		return carry_out(d);
	show_plan(d);
	if (d->o->json)
		print_json(d, "planned", 0);
	return EXIT_DONE;
}

int
deploy_run(const struct deploy_options *options, const struct conf_ctl *conf, struct bus *bus)
{
	struct deploy d = { .o = options, .conf = conf, .bus = bus, .from_name = instance_other(options->to) };
	struct why why;
	int rc, status;

	steps_init(&d.steps, d.from_name, options->to, DEPLOY_STEPS, options->json);
	snprintf(d.record.from, sizeof(d.record.from), "%s", d.from_name);
	snprintf(d.record.to, sizeof(d.record.to), "%s", options->to);
	rc = options->dry_run ? WSD_OK : record_lock("deploy", options->to, &why);
	if (rc == WSD_OK)
		rc = prepare(&d, &why);
	status = rc == WSD_OK ? run(&d) : command_fail(rc, &why);
	proxy_close(&d.proxy);
	json_object_put(d.steps.list);
	return status;
}
