/* SPDX-License-Identifier: MIT */
/*
 * systemd can be asked to make a unit from properties, but not from those of another one: so the files of the
 * instance's unit are put together to one in /run/systemd/system, under another name and the same instance (%i),
 * and that is started. It is the only way in which all of what the unit says is in force, the operator's drop-ins
 * and credentials among it.
 */
#include "ctl/trial.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/replace.h"
#include "ctl/address.h"
#include "ctl/api.h"
#include "ctl/bus.h"
#include "ctl/failure.h"
#include "ctl/http.h"
#include "ctl/instance.h"
#include "ctl/interrupt.h"
#include "ctl/trial_unit.h"
#include "ctl/why.h"

#define UNITS           "/run/systemd/system"
#define LOCK            TRIAL_FOLDER "/lock"
#define LOCK_TIMEOUT_MS 120000 /* another check takes about a second, and a minute if the program hangs */
#define LOCK_LOOK_MS    50
#define FILE_ROOM       1048576
#define START_SPARE_MS  10000 /* beyond what the unit allows, for systemd to say so */
#define STOP_TIMEOUT_MS 20000
#define ASK_TIMEOUT_MS  5000
#define LAST_WORDS      3 /* lines */

struct attempt {
	struct bus *bus;
	const char *instance;
	const char *program;                            /* resolved; NULL: the unit's */
	char service[128], sockets[TRIAL_SOCKETS][128]; /* names of the units */
	struct trial *out;
};

/* ---- one at a time: they share names */

static int
lock(int *fd, struct why *why)
{
	uint64_t until_ms = clock_mono_ms() + LOCK_TIMEOUT_MS;

	if (mkdir(TRIAL_FOLDER, 0700) != 0 && errno != EEXIST)
		return why_set(why, wsd_errno(), TRIAL_FOLDER ": %s", strerror(errno));
	*fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd == -1)
		return why_set(why, wsd_errno(), LOCK ": %s", strerror(errno));
	while (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return why_set(why, wsd_errno(), LOCK ": %s", strerror(errno));
		if (clock_mono_ms() > until_ms)
			return why_set(why, WSD_E_BUSY, "another wsctl check is at work");
		if (interrupt_pause(LOCK_LOOK_MS) != WSD_OK)
			return why_set(why, -EINTR, "interrupted");
	}
	return WSD_OK;
}

/* ---- its units */

static void
unit_path(char out[192], const char *name)
{
	snprintf(out, 192, UNITS "/%s", name);
}

static int
write_unit(const char *name, char *text, struct why *why)
{
	char path[192];
	int rc;

	unit_path(path, name);
	rc = text ? replace_file(path, text, strlen(text), 0644) : -ENOMEM;
	free(text);
	return rc == WSD_OK ? rc : why_set(why, rc, "%s: %s", path, wsd_strerror(rc));
}

static char *
service_text(struct attempt *a, const struct bus_files *files, struct why *why)
{
	char *texts[256] = { NULL }, *out = NULL;
	size_t n = 0, len;
	int rc = WSD_OK;

	for (; files->paths[n] && n < 255 && rc == WSD_OK; n++) {
		rc = fd_read_file(files->paths[n], FILE_ROOM, &texts[n], &len);
		if (rc != WSD_OK)
			why_set(why, rc, "%s: %s", files->paths[n], wsd_strerror(rc));
	}
	if (rc == WSD_OK) {
		out = trial_unit_service((const char *const *)texts, a->instance, a->program,
					 (const char *const *)files->argv);
		if (!out)
			why_set(why, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	return out;
}

static int
write_units(struct attempt *a, const struct bus_files *files, struct why *why)
{
	char *text = service_text(a, files, why);
	int rc = text ? write_unit(a->service, text, why) : WSD_E_UNKNOWN;

	for (int i = 0; i < TRIAL_SOCKETS && rc == WSD_OK; i++)
		rc = write_unit(a->sockets[i], trial_unit_socket(i, a->instance), why);
	return rc;
}

static void
stop(struct attempt *a)
{
	const char *units[TRIAL_SOCKETS + 2] = { a->service };
	struct why ignored;

	for (int i = 0; i < TRIAL_SOCKETS; i++)
		units[i + 1] = a->sockets[i];
	bus_do(a->bus, BUS_STOP, units, STOP_TIMEOUT_MS, &ignored);
	bus_forget_failure(a->bus, a->service);
}

static void
remove_files(struct attempt *a)
{
	char path[192];

	unit_path(path, a->service);
	unlink(path);
	for (int i = 0; i < TRIAL_SOCKETS; i++) {
		unit_path(path, a->sockets[i]);
		unlink(path);
	}
	trial_unit_output_path(path, a->instance);
	unlink(path);
	snprintf(path, sizeof(path), TRIAL_FOLDER "/%s", a->instance);
	rmdir(path);
}

/* ---- what it has said */

/* The lines of its log begin with the time and the level; others are taken as they are. */
static const char *
after_time(const char *line, bool *warning)
{
	const char *level = strchr(line, ' '), *text = level ? strchr(level + 1, ' ') : NULL;

	*warning = false;
	if (!text || level - line != CLOCK_ISO8601_LEN || line[CLOCK_ISO8601_LEN - 1] != 'Z')
		return line;
	*warning = strncmp(level, " warn", 5) == 0;
	return text + 1;
}

static void
add_remark(struct trial *out, const char *text)
{
	size_t len = strlen(out->remarks);

	snprintf(out->remarks + len, sizeof(out->remarks) - len, "%s%s", len ? "\n" : "", text);
}

/* Its warnings, to out->remarks; and the last lines, to last. */
static void
read_output(struct attempt *a, struct why *last)
{
	const char *lines[LAST_WORDS] = { "", "", "" };
	char path[128], *text = NULL, *rest, *line;
	bool warning;
	size_t len;

	last->text[0] = '\0';
	trial_unit_output_path(path, a->instance);
	if (fd_read_file(path, FILE_ROOM, &text, &len) != WSD_OK)
		return;
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		const char *said = after_time(line, &warning);

		if (!*said)
			continue;
		if (warning)
			add_remark(a->out, said);
		memmove(lines, lines + 1, (LAST_WORDS - 1) * sizeof(*lines));
		lines[LAST_WORDS - 1] = said;
	}
	why_clean(a->out->remarks, true);
	for (int i = 0; i < LAST_WORDS; i++)
		if (*lines[i])
			why_set(last, 0, "%s%s%s", last->text, last->text[0] ? "\n" : "", lines[i]);
	free(text);
}

/* Why it did not start: what it has told systemd, else what systemd says, and its last words. */
static int
explain(struct attempt *a, struct why *why)
{
	struct bus_unit unit;
	struct why words, last;

	if (bus_unit(a->bus, a->service, &unit, why) != WSD_OK)
		return WSD_E_RANGE;
	failure_words(&unit, &words);
	read_output(a, &last);
	if (!words.text[0])
		return why_set(why, WSD_E_RANGE, "%s", why->text);
	if (unit.status[0] && strcmp(unit.result, "exit-code") == 0)
		return why_set(why, WSD_E_RANGE, "%s", unit.status);
	return why_set(why, WSD_E_RANGE, "%s%s%s", words.text, last.text[0] ? "; it says:\n" : "", last.text);
}

/* ---- what it does */

static int
ask(struct attempt *a, enum trial_socket which, struct why *why)
{
	char socket[128];
	struct http_request request = { .url = "http://localhost/health",
					.socket = socket,
					.timeout_ms = ASK_TIMEOUT_MS };
	struct http_answer answer;
	struct json_object *o = NULL;
	int rc;

	trial_unit_socket_path(socket, which, a->instance);
	rc = http_ask(&request, &answer, why);
	if (rc == WSD_OK && answer.body)
		o = api_parse(answer.body);
	if (rc == -EINTR)
		;
	else if (rc != WSD_OK)
		rc = why_set(why, WSD_E_CLOSED, "it started, but does not answer /health (%s)", why->text);
	else if (answer.status != 200 || strcmp(api_text(o, "status"), "ok") != 0)
		rc = why_set(why, WSD_E_CLOSED, "it started, but /health says: %ld %s", answer.status,
			     api_text(o, "status"));
	else if (strcmp(api_text(o, "instance"), a->instance) != 0)
		rc = why_set(why, WSD_E_RANGE, "it says that it is %s: is INSTANCE set in /etc/ws?",
			     api_text(o, "instance"));
	else if (api_text(o, "version")[0])
		snprintf(a->out->version, sizeof(a->out->version), "%s", api_text(o, "version"));
	json_object_put(o);
	http_answer_deinit(&answer);
	return rc;
}

static int
check_end(struct attempt *a, struct why *why)
{
	const char *units[] = { a->service, NULL };
	struct bus_unit unit;
	struct why words;
	int rc = bus_do(a->bus, BUS_STOP, units, STOP_TIMEOUT_MS, why);

	if (rc == WSD_OK)
		rc = bus_unit(a->bus, a->service, &unit, why);
	if (rc != WSD_OK)
		return rc;
	failure_words(&unit, &words);
	return words.text[0] ? why_set(why, WSD_E_CLOSED, "it started, but did not end as it should (%s)", words.text)
			     : WSD_OK;
}

static int
start(struct attempt *a, struct why *why)
{
	const char *units[] = { a->service, NULL };
	uint64_t began_ms = clock_mono_ms();
	struct bus_unit unit;
	uint64_t most_ms;
	int rc = bus_unit(a->bus, a->service, &unit, why);

	if (rc != WSD_OK)
		return rc;
	most_ms = unit.start_timeout_us / 1000 + START_SPARE_MS;
	rc = bus_do(a->bus, BUS_START, units, most_ms < INT_MAX ? (uint32_t)most_ms : INT_MAX, why);
	a->out->ms = clock_mono_ms() - began_ms;
	return rc == WSD_E_CLOSED ? explain(a, why) : rc;
}

/* Is it loaded as it was written just now? One of a wsctl that was killed may still be known. */
static int
load(struct attempt *a, struct why *why)
{
	struct bus_files files;
	struct bus_unit unit;
	int rc = bus_hold(a->bus, a->service, why);
	bool again;

	if (rc == WSD_OK)
		rc = bus_unit(a->bus, a->service, &unit, why);
	if (rc != WSD_OK)
		return rc;
	again = strcmp(unit.load, "loaded") != 0;
	if (!again && bus_files(a->bus, a->service, &files, why) == WSD_OK) {
		again = files.stale;
		bus_files_deinit(&files);
	}
	if (again)
		rc = bus_reload(a->bus, why);
	return rc;
}

static int
carry_out(struct attempt *a, const struct bus_files *files, struct why *why)
{
	struct why last;
	int rc = write_units(a, files, why);

	if (rc == WSD_OK)
		rc = load(a, why);
	if (rc == WSD_OK)
		rc = start(a, why);
	if (rc == WSD_OK)
		rc = ask(a, TRIAL_ADMIN, why);
	if (rc == WSD_OK)
		rc = ask(a, TRIAL_PUBLIC, why);
	if (rc == WSD_OK)
		rc = check_end(a, why);
	if (rc == WSD_OK)
		read_output(a, &last);
	return rc;
}

/* ---- before */

static int
resolve(struct attempt *a, const char *program, char resolved[PATH_MAX], struct why *why)
{
	if (!program)
		return WSD_OK;
	if (!realpath(program, resolved) || access(resolved, X_OK) != 0)
		return why_set(why, WSD_E_UNKNOWN, "%s: %s", program, strerror(errno));
	a->program = resolved;
	return WSD_OK;
}

/* Its socket has no address: so it has been misspelt, most likely. */
static int
unknown(struct bus *bus, const char *instance, struct why *why)
{
	struct instance_list list;
	int rc = instance_list(bus, &list, why);

	if (rc != WSD_OK)
		return rc;
	why_set(why, 0, "there is no instance %s (ws@%s.socket has no address); there are:", instance, instance);
	for (unsigned i = 0; i < list.n; i++)
		if (strcmp(list.names[i], instance) != 0)
			why_set(why, 0, "%s %s", why->text, list.names[i]);
	return WSD_E_UNKNOWN;
}

/* The socket that clients come to included: a third instance is one when that has an address. */
static int
check_loaded(struct attempt *a, const char *name, struct why *why)
{
	struct bus_unit unit;
	int rc = bus_unit(a->bus, name, &unit, why);

	if (rc != WSD_OK)
		return rc;
	if (strcmp(unit.load, "bad-setting") == 0 && strstr(name, ".socket"))
		return unknown(a->bus, a->instance, why);
	if (strcmp(unit.load, "masked") == 0)
		return why_set(why, WSD_E_UNKNOWN, "%s is masked; systemctl unmask %s takes that back", name, name);
	if (strcmp(unit.load, "loaded") != 0)
		return why_set(why, WSD_E_UNKNOWN, "%s cannot be loaded (%s): systemctl status %s", name, unit.load,
			       name);
	return WSD_OK;
}

static int
look(struct attempt *a, struct bus_files *files, struct why *why)
{
	struct instance itself;
	char name[64];
	int rc;

	instance_socket(name, a->instance, 0);
	rc = check_loaded(a, name, why);
	instance_service(name, a->instance);
	if (rc == WSD_OK)
		rc = check_loaded(a, name, why);
	if (rc == WSD_OK)
		rc = instance_look(a->bus, a->instance, &itself, why);
	if (rc == WSD_OK)
		rc = address_check(a->bus, &itself, why);
	if (rc == WSD_OK)
		rc = bus_files(a->bus, name, files, why);
	if (rc == WSD_OK && files->stale) {
		bus_files_deinit(files);
		rc = why_set(why, WSD_E_UNSUPPORTED,
			     "the files of %s have changed since systemd read them: systemctl daemon-reload", name);
	}
	return rc;
}

int
trial_run(struct bus *bus, const char *instance, const char *program, struct trial *out, struct why *why)
{
	struct attempt a = { .bus = bus, .instance = instance, .out = out };
	struct bus_files files = { .paths = NULL };
	char resolved[PATH_MAX];
	int fd = -1, rc;

	*out = (struct trial){ .ms = 0 };
	trial_unit_service_name(a.service, instance);
	for (int i = 0; i < TRIAL_SOCKETS; i++)
		trial_unit_socket_name(a.sockets[i], i, instance);
	rc = resolve(&a, program, resolved, why);
	if (rc == WSD_OK)
		rc = lock(&fd, why);
	if (rc == WSD_OK)
		rc = look(&a, &files, why);
	if (rc == WSD_OK) {
		stop(&a); /* what a wsctl that was killed has left */
		remove_files(&a);
		rc = carry_out(&a, &files, why);
		interrupt_hold();
		stop(&a);
		interrupt_release();
		bus_let_go(bus, a.service);
		remove_files(&a);
	}
	bus_files_deinit(&files);
	fd_close(&fd);
	return rc;
}
