/* SPDX-License-Identifier: MIT */
/* wsctl check, restart and stop: nothing that serves is stopped for what comes before that has shown that it
 * starts. */
#include "ctl/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "ctl/api.h"
#include "ctl/command.h"
#include "ctl/failure.h"
#include "ctl/instance.h"
#include "ctl/interrupt.h"
#include "ctl/program.h"
#include "ctl/record.h"
#include "ctl/trial.h"
#include "ctl/why.h"

#define COUNT_MS           1000
#define COUNT_LOOK_MS      20
#define STOP_TIMEOUT_MS    300000 /* DRAIN_TIMEOUT may be long, and is asked for by the server itself */
#define RESTART_TIMEOUT_MS 120000 /* a stop that has to kill, and a start that takes as long as it may */

static void
say_seconds(uint64_t ms)
{
	printf("%" PRIu64 ".%02" PRIu64 " s", ms / 1000, ms % 1000 / 10);
}

static void
say_remarks(const struct trial *t, const char *name)
{
	struct slice rest = slice_of(t->remarks), line;

	while (slice_cut(&rest, '\n', &line))
		printf("%s: remark: %.*s\n", name, (int)line.len, line.at);
}

/* Tries one, and tells of it. */
static int
try_one(struct bus *bus, const char *name, const char *program)
{
	struct trial t;
	struct why why;
	int rc = trial_run(bus, name, program, &t, &why);

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
		rc = try_one(ctl->bus, list.names[i], ctl->o->program);
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

	if (ctl->o->n_args == 0)
		return check_all(ctl, &why);
	for (unsigned i = 0; i < ctl->o->n_args; i++) {
		int one = status_of(try_one(ctl->bus, ctl->o->args[i], ctl->o->program));

		status = one != EXIT_DONE ? one : status;
		if (one != EXIT_DONE && one != EXIT_FAILED)
			break;
	}
	return status;
}

/* ---- restart */

/* It has passed, and does not come up all the same. */
static int
explain(struct bus *bus, const char *name, int rc, struct why *why)
{
	struct instance i;
	struct why failure, ignored;

	if (rc != WSD_E_CLOSED && rc != WSD_E_TIMEOUT)
		return rc;
	if (instance_look(bus, name, &i, &ignored) != WSD_OK)
		return rc;
	failure_words(&i.unit, &failure);
	return why_set(why, rc, "ws@%s.service did not come up%s%s%s%s\nsee: journalctl -u ws@%s.service -n 20", name,
		       failure.text[0] ? " (" : "", failure.text, failure.text[0] ? ")" : "",
		       instance_holds(&i) ? "; its connections wait, and it is tried again" : "", name);
}

/* What it took up from its former process is counted a moment after it is ready. */
static int
look_after(struct bus *bus, const char *name, uint64_t expected, struct instance *out, struct why *why)
{
	uint64_t until_ms = clock_mono_ms() + COUNT_MS;
	int rc;

	while ((rc = instance_look(bus, name, out, why)) == WSD_OK && out->connections < expected &&
	       clock_mono_ms() < until_ms)
		if (interrupt_pause(COUNT_LOOK_MS) != WSD_OK)
			break;
	return rc;
}

static int
restart_one(struct bus *bus, const char *name, struct why *why)
{
	struct instance before, after;
	uint64_t began_ms;
	int rc = instance_look(bus, name, &before, why);

	if (rc != WSD_OK)
		return rc;
	began_ms = clock_mono_ms();
	rc = instance_do(bus, BUS_RESTART, name, RESTART_TIMEOUT_MS, why);
	if (rc != WSD_OK)
		return explain(bus, name, rc, why);
	printf("%s: %s in ", name, before.runs ? "restarted" : "started");
	say_seconds(clock_mono_ms() - began_ms);
	rc = look_after(bus, name, before.connections, &after, why);
	if (before.answers && after.answers)
		printf(", %" PRIu64 " connections before and %" PRIu64 " after", before.connections, after.connections);
	else if (after.answers)
		printf(", %" PRIu64 " connections", after.connections);
	putchar('\n');
	fflush(stdout);
	return rc;
}

/* Another program; what rollback needs to go back to the former one. It is written before anything changes, so that
 * the way back is known even if this process is killed. */
static void
note(const char *name, const char *program, const char *former, const char *outcome)
{
	struct record r = { .step = "restart" };
	struct why why;

	snprintf(r.from, sizeof(r.from), "%s", name);
	snprintf(r.to, sizeof(r.to), "%s", name);
	snprintf(r.program, sizeof(r.program), "%s", program);
	snprintf(r.former, sizeof(r.former), "%s", former);
	snprintf(r.outcome, sizeof(r.outcome), "%s", outcome);
	clock_iso8601(r.began, clock_real_ms());
	clock_iso8601(r.ended, clock_real_ms());
	if (record_write(&r, &why) != WSD_OK)
		fprintf(stderr, "wsctl: %s\n", why.text);
}

/* Nothing has come of it: what was there to go back from before is so again. */
static void
note_nothing(const struct record *last)
{
	struct why why;

	if ((last->to[0] ? record_write(last, &why) : record_remove(&why)) != WSD_OK)
		fprintf(stderr, "wsctl: %s\n", why.text);
}

/* systemd is about to start it once more, and has kept the connections for that. */
static int
go_back(struct bus *bus, const char *name, const char *former, int rc, struct why *why)
{
	struct why again;

	if (program_use(name, former, &again) != WSD_OK ||
	    instance_do(bus, BUS_RESTART, name, RESTART_TIMEOUT_MS, &again) != WSD_OK)
		return why_set(why, rc, "%s\nnor does it with its former program: %s", why->text, again.text);
	return why_set(why, WSD_E_UNSUPPORTED, "%s\n%s runs its former program again", why->text, name);
}

/* Not interrupted: what systemd has begun goes on, and whether it went well decides on the program. */
static int
restart_with(struct bus *bus, const char *name, const char *file, bool way_back, struct why *why)
{
	char program[PROGRAM_MAX] = "", former[PROGRAM_MAX];
	int rc = file ? program_take(file, program, why) : WSD_OK;
	struct record last;
	struct why ignored;
	bool another;

	program_of(name, former);
	another = program[0] && strcmp(program, former) != 0;
	way_back = way_back && another;
	if (rc != WSD_OK)
		return rc;
	interrupt_hold();
	record_read(&last, &ignored);
	if (way_back)
		note(name, program, former, "running");
	if (another)
		rc = program_use(name, program, why);
	if (rc == WSD_OK) {
		rc = restart_one(bus, name, why);
		if (another && rc != WSD_OK)
			rc = go_back(bus, name, former, rc, why);
	}
	if (way_back && rc == WSD_OK)
		note(name, program, former, "done");
	else if (way_back)
		note_nothing(&last);
	interrupt_release();
	return rc;
}

int
restart_tried(struct bus *bus, const char *instance, const char *file, bool way_back)
{
	struct why why;
	int rc, status = status_of(try_one(bus, instance, file));

	if (status != EXIT_DONE) {
		fprintf(stderr, "wsctl: %s is not restarted, and nothing was stopped\n", instance);
		return status;
	}
	rc = restart_with(bus, instance, file, way_back, &why);
	if (rc == WSD_OK)
		return EXIT_DONE;
	command_fail(rc, &why);
	return rc == WSD_E_UNSUPPORTED ? EXIT_FAILED : EXIT_ATTENTION;
}

int
restart_command(struct ctl *ctl)
{
	const struct options *o = ctl->o;
	int rc, status = EXIT_DONE;
	struct why why;

	rc = record_lock("restart", o->args[0], &why);
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	for (unsigned i = 0; i < o->n_args && status == EXIT_DONE; i++)
		status = restart_tried(ctl->bus, o->args[i], o->program, true);
	record_prune();
	return status;
}

/* ---- stop */

int
stop_command(struct ctl *ctl)
{
	const struct options *o = ctl->o;
	struct why why;
	int rc;

	rc = record_lock("stop", o->args[0], &why);
	for (unsigned i = 0; i < o->n_args && rc == WSD_OK; i++) {
		rc = instance_stop(ctl->bus, o->args[i], NULL, STOP_TIMEOUT_MS, &why);
		if (rc == WSD_OK)
			printf("%s is stopped, and its sockets are closed; systemctl start ws@%s\n", o->args[i],
			       o->args[i]);
	}
	return rc == WSD_OK ? EXIT_DONE : command_fail(rc, &why);
}
