/* SPDX-License-Identifier: MIT */
/* wsctl check, restart and stop: nothing that serves is stopped for what comes before that has shown that it
 * starts. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/api.h"
#include "ctl/command.h"
#include "ctl/failure.h"
#include "ctl/instance.h"
#include "ctl/record.h"
#include "ctl/trial.h"
#include "ctl/why.h"

#define STOP_TIMEOUT_MS    300000 /* DRAIN_TIMEOUT may be long, and is asked for by the server itself */
#define RESTART_TIMEOUT_MS 120000 /* a stop that has to kill, and a start that takes as long as it may */

/* False: it was said that one is none. */
static bool
check_names(const struct options *o)
{
	for (unsigned i = 0; i < o->n_args; i++) {
		if (instance_is_name(o->args[i]))
			continue;
		fprintf(stderr, "wsctl: '%s' is not the name of an instance such as blue\n", o->args[i]);
		return false;
	}
	return true;
}

static void
say_seconds(uint64_t ms)
{
	printf("%" PRIu64 ".%02" PRIu64 " s", ms / 1000, ms % 1000 / 10);
}

static void
say_remarks(const struct trial *t, const char *name)
{
	for (const char *at = t->remarks; *at;) {
		size_t len = strcspn(at, "\n");

		printf("%s: remark: %.*s\n", name, (int)len, at);
		at += len + (at[len] == '\n');
	}
}

/* Tries one, and tells of it. */
static int
try_one(struct ctl *ctl, const char *name)
{
	struct trial t;
	struct why why;
	int rc = trial_run(ctl->bus, name, ctl->o->program, &t, &why);

	if (rc != WSD_OK) {
		printf("%s: FAILED: %s\n", name, why.text);
		fflush(stdout);
		return rc;
	}
	say_remarks(&t, name);
	printf("%s: ok, version %s is ready after ", name, t.version);
	say_seconds(t.ms);
	putchar('\n');
	fflush(stdout);
	return WSD_OK;
}

/* What is wrong with the instance itself: systemd or its files are another matter. */
static int
status_of(int rc)
{
	return rc == WSD_E_RANGE || rc == WSD_E_CLOSED || rc == WSD_E_UNKNOWN ? EXIT_FAILED : command_status(rc);
}

/* ---- check */

static bool
is_in_use(const struct bus_unit *unit)
{
	return strcmp(unit->active, "inactive") != 0 || strcmp(unit->enabled, "enabled") == 0;
}

/* Is it there to serve: now, or after the next boot? */
static int
in_use(struct bus *bus, const char *name, bool *out, struct why *why)
{
	struct instance i;
	int rc = instance_look(bus, name, &i, why);

	*out = rc == WSD_OK && (is_in_use(&i.unit) || is_in_use(&i.sockets[0]));
	return rc;
}

static int
check_all(struct ctl *ctl, struct why *why)
{
	struct instance_list list;
	int status = EXIT_DONE, rc = instance_list(ctl->bus, &list, why);
	unsigned n = 0;

	for (unsigned i = 0; i < list.n && rc == WSD_OK; i++) {
		bool used;

		rc = in_use(ctl->bus, list.names[i], &used, why);
		if (rc != WSD_OK || !used)
			continue;
		n++;
		rc = try_one(ctl, list.names[i]);
		if (status_of(rc) == EXIT_FAILED) {
			status = EXIT_FAILED;
			rc = WSD_OK;
		}
	}
	if (rc == WSD_OK && n == 0)
		rc = why_set(why, WSD_E_UNKNOWN, "no instance is enabled or runs: wsctl check blue");
	return rc == WSD_OK ? status : command_fail(rc, why);
}

int
check_command(struct ctl *ctl)
{
	int status = EXIT_DONE;
	struct why why;

	if (!check_names(ctl->o))
		return EXIT_USAGE;
	if (ctl->o->n_args == 0)
		return check_all(ctl, &why);
	for (unsigned i = 0; i < ctl->o->n_args; i++) {
		int one = status_of(try_one(ctl, ctl->o->args[i]));

		status = one != EXIT_DONE ? one : status;
		if (one != EXIT_DONE && one != EXIT_FAILED)
			break;
	}
	return status;
}

/* ---- restart */

/* It has passed, and does not come up all the same. */
static int
explain(struct ctl *ctl, const char *name, const char *service, int rc, struct why *why)
{
	struct instance i;
	struct why failure, ignored;

	if (rc != WSD_E_CLOSED && rc != WSD_E_TIMEOUT)
		return rc;
	if (instance_look(ctl->bus, name, &i, &ignored) != WSD_OK)
		return rc;
	failure_words(&i.unit, &failure);
	return why_set(why, rc, "%s did not come up%s%s%s%s\nsee: journalctl -u %s -n 20", service,
		       failure.text[0] ? " (" : "", failure.text, failure.text[0] ? ")" : "",
		       instance_holds(&i) ? "; its connections wait, and it is tried again" : "", service);
}

static int
restart_one(struct ctl *ctl, const char *name, struct why *why)
{
	char service[64];
	const char *units[] = { service, NULL };
	struct instance before, after;
	uint64_t began_ms;
	int rc = instance_look(ctl->bus, name, &before, why);

	instance_service(service, name);
	if (rc != WSD_OK)
		return rc;
	began_ms = clock_mono_ms();
	rc = bus_do(ctl->bus, BUS_RESTART, units, RESTART_TIMEOUT_MS, why);
	if (rc != WSD_OK)
		return explain(ctl, name, service, rc, why);
	printf("%s: %s in ", name, before.runs ? "restarted" : "started");
	say_seconds(clock_mono_ms() - began_ms);
	rc = instance_look(ctl->bus, name, &after, why);
	if (before.answers && after.answers)
		printf(", %" PRIu64 " connections before and %" PRIu64 " after", before.connections, after.connections);
	else if (after.answers)
		printf(", %" PRIu64 " connections", after.connections);
	putchar('\n');
	fflush(stdout);
	return rc;
}

int
restart_command(struct ctl *ctl)
{
	const struct options *o = ctl->o;
	struct why why;
	char what[80];
	int rc;

	if (!check_names(o))
		return EXIT_USAGE;
	snprintf(what, sizeof(what), "restart %s", o->args[0]);
	rc = record_lock(what, &why);
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	for (unsigned i = 0; i < o->n_args; i++) {
		int status = status_of(try_one(ctl, o->args[i]));

		if (status != EXIT_DONE) {
			fprintf(stderr, "wsctl: %s is not restarted, and nothing was stopped\n", o->args[i]);
			return status;
		}
		rc = restart_one(ctl, o->args[i], &why);
		if (rc != WSD_OK) {
			command_fail(rc, &why);
			return rc == -EINTR ? EXIT_INTERRUPTED : EXIT_ATTENTION;
		}
	}
	return EXIT_DONE;
}

/* ---- stop */

int
stop_command(struct ctl *ctl)
{
	const struct options *o = ctl->o;
	struct why why;
	char what[80];
	int rc;

	if (!check_names(o))
		return EXIT_USAGE;
	snprintf(what, sizeof(what), "stop %s", o->args[0]);
	rc = record_lock(what, &why);
	for (unsigned i = 0; i < o->n_args && rc == WSD_OK; i++) {
		rc = instance_stop(ctl->bus, o->args[i], NULL, STOP_TIMEOUT_MS, &why);
		if (rc == WSD_OK)
			printf("%s is stopped, and its sockets are closed; systemctl start ws@%s\n", o->args[i],
			       o->args[i]);
	}
	return rc == WSD_OK ? EXIT_DONE : command_fail(rc, &why);
}
