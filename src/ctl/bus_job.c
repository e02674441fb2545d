/* SPDX-License-Identifier: MIT */
/* Jobs of the service manager: started together, and waited for. */
#include "ctl/bus_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"

#define JOBS_MAX 16

struct jobs {
	struct {
		const char *unit;
		char path[128]; /* "": it has ended */
	} list[JOBS_MAX];
	unsigned n, left;
	const char *failed; /* the first unit whose job did */
	char result[32];
};

static int
on_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct jobs *jobs = arg;
	const char *path, *unit, *result;
	uint32_t id;

	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	for (unsigned i = 0; i < jobs->n; i++) {
		if (strcmp(jobs->list[i].path, path) != 0)
			continue;
		jobs->list[i].path[0] = '\0';
		jobs->left--;
		if (strcmp(result, "done") != 0 && strcmp(result, "skipped") != 0 && !jobs->failed) {
			jobs->failed = jobs->list[i].unit;
			strncpy(jobs->result, result, sizeof(jobs->result) - 1);
		}
	}
	return 0;
}

static int
begin(struct bus *bus, const char *member, const char *unit, struct jobs *jobs, struct why *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path;
	int rc = jobs->n < JOBS_MAX ? CALL(bus, member, &error, &reply, "ss", unit, "replace") : -E2BIG;

	if (rc >= 0)
		rc = sd_bus_message_read(reply, "o", &path);
	if (rc >= 0) {
		jobs->list[jobs->n].unit = unit;
		strncpy(jobs->list[jobs->n].path, path, sizeof(jobs->list[jobs->n].path) - 1);
		jobs->n++;
		jobs->left++;
		rc = WSD_OK;
	} else {
		rc = bus_done(rc, &error, unit, why);
	}
	sd_bus_message_unref(reply);
	return rc;
}

/* Until something is to be processed, or the time is over. */
static int
wait_bus(struct bus *bus, uint64_t until_ms)
{
	uint64_t now = clock_mono_ms();
	struct pollfd p[] = {
		{ .fd = sd_bus_get_fd(bus->sd), .events = (short)sd_bus_get_events(bus->sd) },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	int n = poll(p, 2, now < until_ms ? (int)(until_ms - now) : 0);

	if (n == -1)
		return errno == EINTR ? WSD_OK : wsd_errno();
	if (p[1].revents)
		return -EINTR;
	return n == 0 ? WSD_E_TIMEOUT : WSD_OK;
}

static int
wait_jobs(struct bus *bus, struct jobs *jobs, uint64_t until_ms)
{
	int rc = WSD_OK;

	while (rc == WSD_OK && jobs->left > 0) {
		int n = sd_bus_process(bus->sd, NULL);

		if (n < 0)
			rc = n;
		else if (n == 0)
			rc = wait_bus(bus, until_ms);
	}
	return rc;
}

int
bus_do(struct bus *bus, enum bus_verb verb, const char *const *units, uint32_t timeout_ms, struct why *why)
{
	static const char *const members[] = { "StartUnit", "StopUnit", "RestartUnit", "ReloadUnit" };
	static const char *const words[] = { "started", "stopped", "restarted", "reloaded" };
	uint64_t until_ms = clock_mono_ms() + timeout_ms;
	struct jobs jobs = { .n = 0 };
	sd_bus_slot *slot = NULL;
	int rc = sd_bus_match_signal(bus->sd, &slot, MANAGER, OBJECT, MANAGER ".Manager", "JobRemoved", on_removed,
				     &jobs);

	if (rc >= 0)
		rc = CALL(bus, "Subscribe", NULL, NULL, "");
	if (rc < 0 && rc != -EEXIST) {
		sd_bus_slot_unref(slot);
		return why_set(why, rc, "D-Bus: %s", strerror(-rc));
	}
	rc = WSD_OK;
	for (unsigned i = 0; units[i] && rc == WSD_OK; i++)
		rc = begin(bus, members[verb], units[i], &jobs, why);
	if (rc == WSD_OK) {
		rc = wait_jobs(bus, &jobs, until_ms);
		if (rc == -EINTR)
			why_set(why, rc, "interrupted");
		else if (rc == WSD_E_TIMEOUT)
			why_set(why, rc, "%s was not %s within %u s", units[0], words[verb], timeout_ms / 1000);
		else if (rc != WSD_OK)
			why_set(why, rc, "D-Bus: %s", strerror(-rc));
		else if (jobs.failed)
			rc = why_set(why, WSD_E_CLOSED, "%s could not be %s (%s)", jobs.failed, words[verb],
				     jobs.result);
	}
	CALL(bus, "Unsubscribe", NULL, NULL, "");
	sd_bus_slot_unref(slot);
	return rc;
}
