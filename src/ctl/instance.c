/* SPDX-License-Identifier: MIT */
#include "ctl/instance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/api.h"
#include "ctl/failure.h"
#include "ctl/why.h"

const char *const instance_names[INSTANCES] = { "blue", "green" };

const char *
instance_other(const char *name)
{
	for (unsigned i = 0; i < INSTANCES; i++)
		if (strcmp(name, instance_names[i]) == 0)
			return instance_names[1 - i];
	return NULL;
}

static void
add_name(void *arg, const char *unit)
{
	struct instance_list *list = arg;
	const char *at = strchr(unit, '@');
	char name[INSTANCE_NAME_MAX + 2] = "";

	if (at)
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "."), at + 1);
	if (!name_is_instance(name) || list->n == INSTANCES_MOST)
		return;
	for (unsigned i = 0; i < list->n; i++)
		if (strcmp(list->names[i], name) == 0)
			return;
	snprintf(list->names[list->n++], INSTANCE_NAME_MAX + 1, "%s", name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
instance_list(struct bus *bus, struct instance_list *out, struct why *why)
{
	static const char *const patterns[] = { "ws@*.service", "ws@*.socket", NULL };
	int rc;

	out->n = 0;
	for (unsigned i = 0; i < INSTANCES; i++)
		snprintf(out->names[out->n++], INSTANCE_NAME_MAX + 1, "%s", instance_names[i]);
	rc = bus_each(bus, patterns, add_name, out, why);
	qsort(out->names + INSTANCES, out->n - INSTANCES, sizeof(*out->names), by_name);
	return rc;
}

void
instance_service(char out[64], const char *name)
{
	snprintf(out, 64, "ws@%s.service", name);
}

void
instance_socket(char out[64], const char *name, unsigned i)
{
	static const char *const kinds[INSTANCE_SOCKETS] = { "ws", "ws-admin", "ws-handoff" };

	snprintf(out, 64, "%s@%s.socket", kinds[i], name);
}

int
instance_do(struct bus *bus, enum bus_verb verb, const char *name, uint32_t timeout_ms, struct why *why)
{
	char service[64];
	const char *const units[] = { service, NULL };

	instance_service(service, name);
	return bus_do(bus, verb, units, timeout_ms, why);
}

/* proc(5): the second figure of statm is the resident pages. */
static uint64_t
resident(uint32_t pid)
{
	unsigned long long size, pages = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/statm", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
take_crashes(struct instance *out, struct json_object *crashes)
{
	out->crashes.n = (uint64_t)api_number(crashes, "survived");
	out->crashes.kept = (uint64_t)api_number(crashes, "kept");
	out->crashes.closed = (uint64_t)api_number(crashes, "closed");
	out->crashes.signal = (int)api_number(crashes, "lastSignal");
	snprintf(out->crashes.at, sizeof(out->crashes.at), "%s", api_text(crashes, "last"));
}

static void
take_health(struct instance *out, struct json_object *health)
{
	struct json_object *uptime, *crashes;
	int64_t pid = api_number(health, "pid");

	out->answers = true;
	snprintf(out->state, sizeof(out->state), "%s", api_text(health, "state"));
	snprintf(out->version, sizeof(out->version), "%s", api_text(health, "version"));
	out->ready = strcmp(api_text(health, "status"), "ok") == 0;
	out->connections = (uint64_t)api_number(health, "connections");
	out->messages_per_second = (uint64_t)api_number(health, "messagesPerSecond");
	if (json_object_object_get_ex(health, "uptime", &uptime))
		out->uptime = json_object_get_double(uptime);
	if (json_object_object_get_ex(health, "crashes", &crashes))
		take_crashes(out, crashes);
	/* the main process is its keeper; of a version before, which tells none, it is the one that serves */
	out->memory = resident(pid > 0 ? (uint32_t)pid : out->unit.pid);
}

int
instance_look(struct bus *bus, const char *name, struct instance *out, struct why *why)
{
	struct json_object *health;
	struct why ignored;
	char unit[64];
	int rc;

	*out = (struct instance){ .name = name };
	program_of(name, out->program);
	instance_service(unit, name);
	rc = bus_unit(bus, unit, &out->unit, why);
	if (rc != WSD_OK)
		return rc;
	for (unsigned i = INSTANCE_SOCKETS; i-- > 0 && rc == WSD_OK;) {
		instance_socket(unit, name, i);
		rc = bus_unit(bus, unit, &out->sockets[i], why);
	}
	if (rc != WSD_OK)
		return rc;
	if (bus_listens(bus, unit, out->address, &ignored) != WSD_OK)
		out->address[0] = '\0';
	out->runs = bus_unit_runs(&out->unit);
	if (!out->runs)
		return WSD_OK;
	rc = api_ask(name, NULL, "/health", NULL, &health, &ignored);
	if (rc == -EINTR)
		return why_set(why, rc, "interrupted");
	out->denied = rc == -EACCES;
	if (rc == WSD_OK) {
		take_health(out, health);
		json_object_put(health);
	}
	return WSD_OK;
}

bool
instance_holds(const struct instance *i)
{
	return !i->runs && strcmp(i->unit.active, "inactive") != 0 && i->unit.stored > 0;
}

bool
instance_retries(const struct instance *i)
{
	return strncmp(i->unit.sub, "auto-restart", strlen("auto-restart")) == 0;
}

bool
instance_changes(const struct instance *i)
{
	return (strcmp(i->unit.active, "activating") == 0 || strcmp(i->unit.active, "deactivating") == 0) &&
	       !instance_retries(i);
}

bool
instance_would_start(const struct instance *i)
{
	return !i->runs && strcmp(i->sockets[0].active, "active") == 0;
}

/* A start that takes long says nothing of itself. */
static void
starting(const struct instance *i, struct why *out)
{
	uint64_t now_ms = clock_mono_ms(), began_ms = i->unit.began_us / 1000, seconds = (now_ms - began_ms) / 1000;

	if (i->unit.start_timeout_us == UINT64_MAX)
		why_set(out, 0, "it has been starting for %" PRIu64 " s", seconds);
	else
		why_set(out, 0, "it has been starting for %" PRIu64 " s, and is given up after %" PRIu64, seconds,
			i->unit.start_timeout_us / 1000000);
}

void
instance_failure(const struct instance *i, struct why *out)
{
	out->text[0] = '\0';
	if (i->runs || strcmp(i->unit.active, "inactive") == 0)
		return;
	failure_words(&i->unit, out);
	if (!out->text[0] && strcmp(i->unit.active, "activating") == 0)
		starting(i, out);
}

unsigned
instance_closed_socket(const struct instance *i, unsigned from, struct why *out)
{
	for (unsigned n = from; n < INSTANCE_SOCKETS; n++) {
		const struct bus_unit *unit = &i->sockets[n];
		bool failed = strcmp(unit->active, "failed") == 0;
		char name[64];

		if (!failed && (!i->runs || strcmp(unit->load, "loaded") != 0 || strcmp(unit->active, "inactive") != 0))
			continue;
		instance_socket(name, i->name, n);
		why_set(out, 0, "%s is closed (%s)%s%s", name, failed ? unit->result : unit->active,
			failed ? "; see: systemctl status " : "", failed ? name : "");
		return n;
	}
	return INSTANCE_SOCKETS;
}

const char *
instance_state(const struct instance *i)
{
	if (strcmp(i->unit.load, "masked") == 0 || strcmp(i->sockets[0].load, "masked") == 0)
		return "masked";
	if (strcmp(i->unit.load, "loaded") != 0)
		return "not installed";
	if (instance_retries(i))
		return "failing";
	if (!i->runs)
		return strcmp(i->unit.active, "inactive") == 0       ? "stopped"
		       : strcmp(i->unit.active, "activating") == 0   ? "starting"
		       : strcmp(i->unit.active, "deactivating") == 0 ? "stopping"
								     : i->unit.active;
	if (i->denied)
		return "runs (ask as root or group ws)";
	if (!i->answers)
		return "does not answer";
	return strcmp(i->state, "running") == 0 ? "serving" : i->state;
}

/*
 * One that runs first, and then its sockets: if it is not allowed to stop they stay, too, and all jobs are there
 * before it has ended. One that does not has ended at once, and whoever waits at a socket that is still open would
 * start it: sockets first.
 */
int
instance_stop(struct bus *bus, const char *name, const bool keep[INSTANCE_SOCKETS], uint32_t timeout_ms,
	      struct why *why)
{
	char names[INSTANCE_SOCKETS + 1][64];
	const char *units[INSTANCE_SOCKETS + 2];
	struct bus_unit service;
	unsigned n = 0;
	int rc;

	instance_service(names[INSTANCE_SOCKETS], name);
	rc = bus_unit(bus, names[INSTANCE_SOCKETS], &service, why);
	if (rc != WSD_OK)
		return rc;
	if (bus_unit_runs(&service))
		units[n++] = names[INSTANCE_SOCKETS];
	for (unsigned i = 0; i < INSTANCE_SOCKETS; i++) {
		instance_socket(names[i], name, i);
		if (!keep || !keep[i])
			units[n++] = names[i];
	}
	if (!bus_unit_runs(&service))
		units[n++] = names[INSTANCE_SOCKETS];
	units[n] = NULL;
	return bus_do(bus, BUS_STOP, units, timeout_ms, why);
}
