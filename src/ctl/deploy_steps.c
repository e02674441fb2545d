/* SPDX-License-Identifier: MIT */
/* The seven steps. Each leaves the instance that serves as it is until the last one. */
#include "ctl/deploy_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/api.h"
#include "ctl/failure.h"
#include "ctl/handover.h"
#include "ctl/interrupt.h"
#include "ctl/probe.h"
#include "ctl/smoke.h"
#include "ctl/why.h"

#define START_TIMEOUT_MS  60000
#define STOP_TIMEOUT_MS   60000
#define REASON_MS         1000
#define HEALTH_TIMEOUT_MS 10000
#define LOOK_MS           50
#define PROBE_MS          200  /* at first, and then ever less often, */
#define PROBE_MOST_MS     1000 /* to stay within the rate that a proxy may allow an address */
/* One may meet the old process of a proxy that reloads, which leads to an instance that does not answer. */
#define PROBE_TRIES    4
#define PROBE_LEAST_MS 1000
/* In a row, LOOK_MS apart: old processes of a proxy that reloads still answer for 0.1 s. */
#define VERIFY_TIMES 4

/* ---- start */

/* ", with 0.1.0-3f2a9c1d", or "" if nothing is known of it. */
static const char *
with_program(const struct deploy *d, char out[PROGRAM_MAX + 16])
{
	snprintf(out, PROGRAM_MAX + 16, "%s%s", d->program[0] ? ", with " : "", program_name(d->program));
	return out;
}

static void
plan_start(struct deploy *d, struct why *detail)
{
	char with[PROGRAM_MAX + 16];

	if (d->in_use)
		why_set(detail, WSD_OK, "leave ws@%s running: clients use it already", d->to.name);
	else if (d->to.runs)
		why_set(detail, WSD_OK, "restart ws@%s, which runs without being used%s", d->to.name,
			with_program(d, with));
	else
		why_set(detail, WSD_OK, "start ws@%s%s and wait until it is ready", d->to.name, with_program(d, with));
}

/* Why it did not start. It may be started again already, and have nothing to say until it fails once more. */
static int
explain_start(struct deploy *d, const char *name, int rc, struct why *detail)
{
	uint64_t until_ms = clock_mono_ms() + REASON_MS;
	struct why words = { .text = "" }, closed = { .text = "" };
	struct bus_unit unit;
	struct instance there;
	struct why ignored;

	do {
		if (bus_unit(d->bus, name, &unit, &ignored) != WSD_OK)
			return rc;
		failure_words(&unit, &words);
	} while (!words.text[0] && clock_mono_ms() < until_ms && interrupt_pause(LOOK_MS) == WSD_OK);
	if (instance_look(d->bus, d->to.name, &there, &ignored) == WSD_OK)
		instance_closed_socket(&there, 0, &closed);
	return why_set(detail, rc, "%s did not start%s%s\n%s%ssee: journalctl -u ws@%s -n 20", name,
		       words.text[0] ? ": " : "", words.text, closed.text, closed.text[0] ? "\n" : "", d->to.name);
}

/* What crashes and is started again, or boots, runs this one too. */
static int
take_program(struct deploy *d, struct why *detail)
{
	char now[PROGRAM_MAX];

	program_of(d->to.name, now);
	d->reprogrammed = strcmp(d->program, d->former) != 0;
	return strcmp(d->program, now) == 0 ? WSD_OK : program_use(d->to.name, d->program, detail);
}

static int
run_start(struct deploy *d, struct why *detail)
{
	char name[64], with[PROGRAM_MAX + 16];
	int rc;

	instance_service(name, d->to.name);
	if (d->in_use)
		return why_set(detail, WSD_OK, "%s runs already", name);
	rc = take_program(d, detail);
	if (rc != WSD_OK)
		return rc;
	d->started = !d->to.runs;
	rc = instance_do(d->bus, d->to.runs ? BUS_RESTART : BUS_START, d->to.name, START_TIMEOUT_MS, detail);
	if (rc == WSD_OK)
		return why_set(detail, WSD_OK, "%s is ready%s", name, with_program(d, with));
	return rc == WSD_E_CLOSED ? explain_start(d, name, rc, detail) : rc;
}

/* ---- health */

static void
plan_health(struct deploy *d, struct why *detail)
{
	why_set(detail, WSD_OK, "ask %s whether it is ready, by /run/ws/%s/admin.sock", d->to.name, d->to.name);
}

static int
ask_ready(struct deploy *d, struct why *detail)
{
	struct json_object *o;
	int rc = api_ask(d->to.name, NULL, "/health", NULL, &o, detail);

	if (rc != WSD_OK)
		return rc;
	if (strcmp(api_text(o, "instance"), d->to.name) != 0)
		rc = why_set(detail, WSD_E_UNSUPPORTED, "%s says that it is %s: is INSTANCE set in /etc/ws?",
			     d->to.name, api_text(o, "instance"));
	else if (strcmp(api_text(o, "status"), "ok") != 0)
		rc = why_set(detail, WSD_E_BUSY, "%s is not ready: %s", d->to.name, api_text(o, "status"));
	else
		why_set(detail, WSD_OK, "%s %s is ready", d->to.name, api_text(o, "version"));
	json_object_put(o);
	return rc;
}

static int
run_health(struct deploy *d, struct why *detail)
{
	uint64_t until_ms = clock_mono_ms() + HEALTH_TIMEOUT_MS;
	struct why ignored;
	int rc;

	if (d->to.runs) /* it may be on standby, after a handoff away from it */
		api_ask(d->to.name, "POST", "/api/v1/accept", "{\"accept\":true}", NULL, &ignored);
	while ((rc = ask_ready(d, detail)) != WSD_OK && rc != WSD_E_UNSUPPORTED && clock_mono_ms() < until_ms)
		if (interrupt_pause(LOOK_MS) != WSD_OK)
			return -EINTR;
	return rc;
}

/* ---- smoke */

static bool
smoke_needed(struct deploy *d, struct why *why_not)
{
	if (d->o->no_smoke)
		why_set(why_not, 0, "--no-smoke");
	else if (d->in_use)
		why_set(why_not, 0, "%s serves clients already", d->to.name);
	return !d->o->no_smoke && !d->in_use;
}

static void
plan_smoke(struct deploy *d, struct why *detail)
{
	why_set(detail, WSD_OK, "put a second of load on %s with wsload", d->to.address);
}

static int
run_smoke(struct deploy *d, struct why *detail)
{
	return smoke_run(d->to.address, d->conf->smoke_options, detail);
}

/* ---- switch */

static bool
proxy_needed(struct deploy *d, struct why *why_not)
{
	if (!proxy_there(d->proxy))
		why_set(why_not, 0, "there is no proxy: lead new connections to %s yourself", d->to.address);
	return proxy_there(d->proxy);
}

static void
plan_switch(struct deploy *d, struct why *detail)
{
	why_set(detail, WSD_OK, "enable ws@%s, and have %s (%s) lead new connections to %s", d->to.name,
		proxy_name(d->proxy), proxy_reason(d->proxy), d->to.address);
}

/* From here on new clients come to it, after a power cut and the next boot as well. */
static int
enable(struct deploy *d, struct why *detail)
{
	char name[64];
	int rc;

	if (strcmp(d->to.unit.enabled, "enabled") == 0)
		return WSD_OK;
	instance_service(name, d->to.name);
	rc = bus_enable(d->bus, name, NULL, detail);
	d->enabled = rc == WSD_OK;
	return rc;
}

/* Also if it seems to be done: a deploy that was cut off may have written the file and not told the proxy. */
static int
run_switch(struct deploy *d, struct why *detail)
{
	int rc = enable(d, detail);

	if (rc == WSD_OK)
		rc = proxy_switch(d->proxy, d->to.name, d->to.address, detail);
	if (rc != WSD_OK)
		return rc;
	d->switched = !d->leads_there;
	return why_set(detail, WSD_OK, "%s leads new connections to %s", proxy_name(d->proxy), d->to.address);
}

/* ---- verify */

static void
plan_verify(struct deploy *d, struct why *detail)
{
	why_set(detail, WSD_OK, "ask %shealth and %sws/chat/ until %s answers", proxy_url(d->proxy),
		proxy_url(d->proxy), d->to.name);
}

static int
probe_both(struct deploy *d, const char *instance, uint32_t timeout_ms, struct why *detail)
{
	char answered[INSTANCE_NAME_MAX + 1] = "";
	int rc = WSD_OK;

	for (int i = 0; i < VERIFY_TIMES && rc == WSD_OK; i++) {
		rc = probe_health(proxy_url(d->proxy), timeout_ms, answered, detail);
		if (rc == WSD_OK && strcmp(answered, instance) != 0)
			return why_set(detail, WSD_E_BUSY, "%shealth is answered by %s", proxy_url(d->proxy), answered);
		if (rc == WSD_OK)
			rc = interrupt_pause(LOOK_MS);
	}
	if (rc == WSD_OK)
		rc = probe_websocket(proxy_url(d->proxy), timeout_ms, answered, detail);
	if (rc == WSD_OK && answered[0] && strcmp(answered, instance) != 0)
		return why_set(detail, WSD_E_BUSY, "%sws/chat/ is answered by %s", proxy_url(d->proxy), answered);
	return rc;
}

int
deploy_verify(struct deploy *d, const char *instance, struct why *detail)
{
	uint64_t until_ms = clock_mono_ms() + d->conf->proxy_timeout_ms;
	uint32_t pause_ms = PROBE_MS, probe_ms = d->conf->proxy_timeout_ms / PROBE_TRIES;
	int rc;

	if (probe_ms < PROBE_LEAST_MS)
		probe_ms = PROBE_LEAST_MS;
	while ((rc = probe_both(d, instance, probe_ms, detail)) != WSD_OK && rc != -EINTR &&
	       clock_mono_ms() < until_ms) {
		if (interrupt_pause(pause_ms) != WSD_OK)
			return -EINTR;
		pause_ms = pause_ms * 2 < PROBE_MOST_MS ? pause_ms * 2 : PROBE_MOST_MS;
	}
	if (rc == WSD_OK)
		why_set(detail, rc, "%s answers at %s", instance, proxy_url(d->proxy));
	return rc;
}

static int
run_verify(struct deploy *d, struct why *detail)
{
	return deploy_verify(d, d->to.name, detail);
}

/* ---- handoff */

static bool
handoff_needed(struct deploy *d, struct why *why_not)
{
	if (!d->from.runs)
		why_set(why_not, 0, "%s does not run%s", d->from_name,
			instance_holds(&d->from) ? "; the connections that it may hold are closed" : "");
	return d->from.runs;
}

static void
plan_handoff(struct deploy *d, struct why *detail)
{
	if (d->o->no_handoff)
		why_set(detail, WSD_OK, "have %s tell its %" PRIu64 " clients to come back to %s", d->from_name,
			d->from.connections, d->to.name);
	else
		why_set(detail, WSD_OK, "have %s hand its %" PRIu64 " connections over to %s", d->from_name,
			d->from.connections, d->to.name);
}

static void
show_handover(void *arg, const struct handover *h)
{
	char text[160];

	steps_progress(arg, "%" PRIu64 ": %s", h->connections, handover_text(text, sizeof(text), h));
}

static int
run_handoff(struct deploy *d, struct why *detail)
{
	struct handover h;
	char text[160];
	int rc;

	d->handing = true;
	rc = handover_run(d->from_name, d->to.name, d->o->no_handoff, &h, show_handover, &d->steps, detail);
	handover_text(text, sizeof(text), &h);
	if (rc != WSD_OK && rc != -EINTR)
		return why_set(detail, rc, "%s; %s", detail->text, text);
	return rc == WSD_OK ? why_set(detail, rc, "%s", text) : rc;
}

/* ---- stop */

static void
plan_stop(struct deploy *d, struct why *detail)
{
	why_set(detail, WSD_OK, "enable ws@%s, disable ws@%s and stop it with its sockets", d->to.name, d->from_name);
}

/* All clients are where they are to be: from here it only goes forwards. */
static int
run_stop(struct deploy *d, struct why *detail)
{
	char on[64], off[64];
	int rc;

	interrupt_hold();
	instance_service(on, d->to.name);
	instance_service(off, d->from_name);
	rc = bus_enable(d->bus, on, off, detail);
	if (rc == WSD_OK)
		rc = instance_stop(d->bus, d->from_name, NULL, STOP_TIMEOUT_MS, detail);
	if (rc == WSD_OK && instance_holds(&d->from)) /* nobody will take them up; their clients are to know */
		bus_empty_store(d->bus, off);
	interrupt_release();
	return rc == WSD_OK ? why_set(detail, rc, "%s is stopped, and %s starts at boot", d->from_name, d->to.name)
			    : rc;
}

const struct deploy_step deploy_steps[DEPLOY_STEPS] = {
	{ "start", plan_start, NULL, run_start },
	{ "health", plan_health, NULL, run_health },
	{ "smoke", plan_smoke, smoke_needed, run_smoke },
	{ "switch", plan_switch, proxy_needed, run_switch },
	{ "verify", plan_verify, proxy_needed, run_verify },
	{ "handoff", plan_handoff, handoff_needed, run_handoff },
	{ "stop", plan_stop, NULL, run_stop },
};
