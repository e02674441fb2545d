/* SPDX-License-Identifier: MIT */
#include "ctl/handover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/api.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define LOOK_MS    100
#define SILENCE_MS 120000 /* without any connection leaving */

/* In a handoff that moves, those whose session went ahead (closed) are among the refused and the unmovable.
 */
static void
take(struct handover *h, struct json_object *o)
{
	bool close = strcmp(api_text(o, "mode"), "close") == 0;

	h->connections = (uint64_t)api_number(o, "connections");
	h->moved = (uint64_t)api_number(o, "moved");
	h->kept = (uint64_t)api_number(o, "kept");
	h->sent_away = (uint64_t)(api_number(o, "refused") + api_number(o, close ? "closed" : "unmovable"));
	h->ms = (uint64_t)api_number(o, "milliseconds");
}

static uint64_t
settled(const struct handover *h)
{
	return h->moved + h->sent_away + h->kept;
}

/* WSD_E_BUSY: it goes on. */
static int
look(const char *from, struct handover *h, struct why *why)
{
	struct json_object *o;
	int rc = api_ask(from, NULL, "/api/v1/handoff", NULL, &o, why);
	const char *state;

	if (rc != WSD_OK)
		return rc == WSD_E_FULL ? WSD_E_BUSY : rc; /* asked too often: later */
	take(h, o);
	state = api_text(o, "state");
	if (strcmp(state, "running") == 0)
		rc = WSD_E_BUSY;
	else if (strcmp(state, "done") != 0)
		rc = why_set(why, WSD_E_CLOSED, "the handoff failed: %s", api_text(o, "reason"));
	json_object_put(o);
	return rc;
}

static int
wait_end(const char *from, struct handover *h, handover_progress_cb progress, void *arg, struct why *why)
{
	uint64_t last = 0, until_ms = clock_mono_ms() + SILENCE_MS;
	int rc;

	while ((rc = look(from, h, why)) == WSD_E_BUSY && clock_mono_ms() < until_ms) {
		if (settled(h) != last) {
			last = settled(h);
			until_ms = clock_mono_ms() + SILENCE_MS;
		}
		if (progress)
			progress(arg, h);
		interrupt_pause(LOOK_MS);
	}
	return rc == WSD_E_BUSY ? why_set(why, WSD_E_TIMEOUT, "the handoff makes no progress") : rc;
}

int
handover_run(const char *from, const char *to, bool close, struct handover *out, handover_progress_cb progress,
	     void *arg, struct why *why)
{
	char body[128];
	int rc;

	*out = (struct handover){ .ms = 0 };
	interrupt_hold(); /* what goes on in the instances goes on anyway, and its end has to be known */
	rc = api_ask(to, "POST", "/api/v1/accept", "{\"accept\":true}", NULL, why);
	snprintf(body, sizeof(body), "{\"to\":\"%s\"%s}", to, close ? ",\"connections\":\"close\"" : "");
	if (rc == WSD_OK)
		rc = api_ask(from, "POST", "/api/v1/handoff", body, NULL, why);
	if (rc == WSD_OK)
		rc = wait_end(from, out, progress, arg, why);
	interrupt_release();
	if (rc == WSD_OK && interrupt_seen())
		rc = why_set(why, -EINTR, "interrupted");
	return rc;
}

const char *
handover_text(char *out, unsigned size, const struct handover *h)
{
	char kept[48] = "";

	if (h->kept > 0)
		snprintf(kept, sizeof(kept), ", %" PRIu64 " stay where they are", h->kept);
	snprintf(out, size, "%" PRIu64 " moved, %" PRIu64 " told to come back%s", h->moved, h->sent_away, kept);
	return out;
}
