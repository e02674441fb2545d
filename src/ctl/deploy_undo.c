/* SPDX-License-Identifier: MIT */
/* The way back: the proxy first, so that nobody new comes; then the connections; then what was started. */
#include "ctl/deploy_priv.h"

#include <string.h>

#include "base/err.h"
#include "ctl/api.h"
#include "ctl/handover.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define STOP_TIMEOUT_MS    60000
#define RESTART_TIMEOUT_MS 60000

static int
undo_switch(struct deploy *d, struct why *detail)
{
	const char *name = d->from_name, *address = d->from.address;
	int rc;

	/* it may be on standby, if its handoff came to an end */
	if (d->from.runs)
		api_ask(name, "POST", "/api/v1/accept", "{\"accept\":true}", NULL, detail);
	rc = proxy_switch(d->proxy, name, address, detail);
	if (rc != WSD_OK)
		return rc;
	if (d->from.runs)
		rc = deploy_verify(d, name, detail);
	return rc == WSD_OK ? why_set(detail, rc, "%s leads new connections to %s again", proxy_name(d->proxy), address)
			    : rc;
}

/* Clients may have come since the switch, or by the handoff: of one that says nothing it is not known whether
 * it has any. */
static bool
may_have_clients(const struct deploy *d, const struct instance *there)
{
	return there->answers ? there->connections > 0 : there->runs && (d->switched || d->handing);
}

static int
undo_handoff(struct deploy *d, struct why *detail)
{
	struct instance there;
	struct handover h;
	char text[160];
	int rc = instance_look(d->bus, d->to.name, &there, detail);

	if (rc != WSD_OK)
		return rc;
	if (!there.runs)
		return why_set(detail, WSD_OK, "%s does not run any more, and has nothing to give back", d->to.name);
	if (!there.answers)
		return why_set(detail, WSD_E_TIMEOUT, "%s runs, but does not answer: what it has cannot be given back",
			       d->to.name);
	rc = handover_run(d->to.name, d->from_name, false, &h, NULL, NULL, detail);
	return rc == WSD_OK ? why_set(detail, rc, "back to %s: %s", d->from_name, handover_text(text, sizeof(text), &h))
			    : rc;
}

/* It is told here, and nobody has to be called for it any more. */
static void
forget_failure(struct deploy *d)
{
	char unit[64];

	instance_service(unit, d->to.name);
	bus_forget_failure(d->bus, unit);
	for (unsigned i = 0; i < INSTANCE_SOCKETS; i++) {
		instance_socket(unit, d->to.name, i);
		bus_forget_failure(d->bus, unit);
	}
}

/* One that ran before, without being used, is to do so again, with the program that it had. */
static int
undo_program(struct deploy *d, struct why *detail)
{
	int rc = program_use(d->to.name, d->former, detail);

	if (rc == WSD_OK && !d->started)
		rc = instance_do(d->bus, BUS_RESTART, d->to.name, RESTART_TIMEOUT_MS, detail);
	return rc;
}

/* Unless clients are there, whose way back has failed: they are served, then, by an instance that was to go.
 */
static int
undo_start(struct deploy *d, struct why *detail)
{
	const char *has = d->reprogrammed ? ", and has its former program" : "";
	struct instance there;
	char name[64];
	int rc = instance_look(d->bus, d->to.name, &there, detail);

	instance_service(name, d->to.name);
	if (rc == WSD_OK && may_have_clients(d, &there))
		rc = why_set(detail, WSD_E_BUSY, "%s may still have clients, and is left running: wsctl status",
			     d->to.name);
	if (rc == WSD_OK && d->enabled)
		rc = bus_enable(d->bus, NULL, name, detail);
	if (rc == WSD_OK && d->started)
		rc = instance_stop(d->bus, d->to.name, d->had_sockets, STOP_TIMEOUT_MS, detail);
	if (rc == WSD_OK && d->started)
		forget_failure(d);
	if (rc == WSD_OK && d->reprogrammed)
		rc = undo_program(d, detail);
	if (rc != WSD_OK)
		return rc;
	return d->started ? why_set(detail, rc, "%s is stopped again%s", d->to.name, has)
			  : why_set(detail, rc, "%s runs as before%s", d->to.name, has);
}

static int
take_back(struct deploy *d, const char *name, bool done, deploy_step_cb undo)
{
	struct why detail = { .text = "" };
	int rc;

	if (!done)
		return WSD_OK;
	steps_begin(&d->steps, name);
	rc = undo(d, &detail);
	steps_end(&d->steps, rc == WSD_OK ? STEP_OK : STEP_FAILED, detail.text);
	return rc;
}

int
deploy_undo(struct deploy *d)
{
	int first, second, third;

	interrupt_hold();
	d->steps.of = 0;
	first = take_back(d, "back", d->switched, undo_switch);
	second = take_back(d, "return", d->from.runs && !d->leads_there && (d->handing || d->switched), undo_handoff);
	third = take_back(d, "stop", d->started || d->enabled || d->reprogrammed, undo_start);
	interrupt_release();
	return first != WSD_OK ? first : second != WSD_OK ? second : third;
}
