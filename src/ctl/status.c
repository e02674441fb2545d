/* SPDX-License-Identifier: MIT */
/* wsctl status: what both instances do, what the proxy leads to, and what the last deploy left. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/err.h"
#include "base/output.h"
#include "base/terminal.h"
#include "ctl/command.h"
#include "ctl/instance.h"
#include "ctl/interrupt.h"
#include "ctl/json_print.h"
#include "ctl/probe.h"
#include "ctl/proxy.h"
#include "ctl/record.h"
#include "ctl/table.h"
#include "ctl/why.h"

#define PROBE_TIMEOUT_MS 2000

struct picture {
	struct instance_list names;
	struct instance instances[INSTANCES_MOST]; /* blue, green, and others */
	char installed[PROGRAM_MAX];               /* "": by no package */
	struct proxy *proxy;                       /* NULL: the settings do not say which, and ctl->settings_why why */
	const char *leads_to;                      /* an instance by its address; NULL: neither */
	char address[PROXY_ADDRESS_MAX];           /* "": not known, and proxy_why says why */
	struct why proxy_why;
	char answers[INSTANCE_NAME_MAX + 1]; /* "": none, or not asked, and answer_why says why */
	struct why answer_why;
	bool has_record;
	struct record record;
	bool at_work; /* another wsctl, and work_why says on what */
	struct why work_why;
};

/* ---- looking */

static void
look_at_proxy(struct picture *p)
{
	const struct instance *to = NULL;

	if (!p->proxy || !proxy_there(p->proxy))
		return;
	if (proxy_current(p->proxy, p->address, &p->proxy_why) != WSD_OK)
		p->address[0] = '\0';
	for (unsigned i = 0; i < p->names.n; i++)
		if (p->address[0] && strcmp(p->address, p->instances[i].address) == 0)
			to = &p->instances[i];
	p->leads_to = to ? to->name : NULL;
	if (to && instance_would_start(to))
		why_set(&p->answer_why, 0, "not asked, since that would start %s", to->name);
	else if (probe_health(proxy_url(p->proxy), PROBE_TIMEOUT_MS, p->answers, &p->answer_why) != WSD_OK)
		p->answers[0] = '\0';
}

static int
look(struct ctl *ctl, struct picture *p, struct why *why)
{
	int rc;

	*p = (struct picture){ .leads_to = NULL };
	program_installed(p->installed);
	rc = instance_list(ctl->bus, &p->names, why);
	for (unsigned i = 0; i < p->names.n && rc == WSD_OK; i++)
		rc = instance_look(ctl->bus, p->names.names[i], &p->instances[i], why);
	if (rc == WSD_OK && ctl->settings_rc == WSD_OK)
		rc = proxy_open(&p->proxy, &ctl->conf, ctl->bus, why);
	if (rc != WSD_OK)
		return rc;
	look_at_proxy(p);
	p->has_record = record_read(&p->record, why) == WSD_OK;
	p->at_work = record_locked(&p->work_why);
	return WSD_OK;
}

/* ---- text */

#define TEXT_MAX 64

static const char *const row_names[] = { "",           "state",  "version", "program", "connections",
					 "messages/s", "memory", "uptime",  "at boot", "address" };

#define ROWS (sizeof(row_names) / sizeof(*row_names))

/* The figures of an instance as text, one for each row. */
static void
fill_column(const struct instance *i, char out[ROWS][TEXT_MAX])
{
	char connections[24] = "", messages[24] = "", memory[TABLE_TEXT_MAX] = "", uptime[TABLE_TEXT_MAX] = "";
	const char *const cells[ROWS] = {
		i->name, instance_state(i), i->version, program_name(i->program), connections, messages, memory,
		uptime,  i->unit.enabled,   i->address,
	};

	if (i->answers) {
		snprintf(connections, sizeof(connections), "%" PRIu64, i->connections);
		snprintf(messages, sizeof(messages), "%" PRIu64, i->messages_per_second);
		table_seconds(uptime, i->uptime);
	}
	if (i->memory)
		table_bytes(memory, i->memory);
	for (size_t row = 0; row < ROWS; row++)
		snprintf(out[row], TEXT_MAX, "%s", cells[row][0] ? cells[row] : "-");
}

/* As many instances as fit beside each other; --json has all. */
static void
print_instances(const struct picture *p)
{
	unsigned n = p->names.n < TABLE_COLUMNS_MAX - 1 ? p->names.n : TABLE_COLUMNS_MAX - 1;
	struct table *t = table_create(n + 1);
	char texts[TABLE_COLUMNS_MAX][ROWS][TEXT_MAX];

	for (unsigned i = 0; i < n; i++)
		fill_column(&p->instances[i], texts[i]);
	for (size_t row = 0; row < ROWS; row++) {
		const char *cells[TABLE_COLUMNS_MAX] = { row_names[row] };

		for (unsigned i = 0; i < n; i++)
			cells[i + 1] = texts[i][row];
		table_add(t, cells);
	}
	table_print(t, stdout);
	table_destroy(&t);
}

/* One that runs another program than the installed one. */
static void
print_behind(const struct picture *p, const struct instance *i)
{
	if (i->runs && p->installed[0] && i->program[0] && strcmp(i->program, p->installed) != 0)
		printf("\n%s is installed, and %s does not run it: wsctl upgrade\n", program_name(p->installed),
		       i->name);
}

/* It serves all the same. */
static void
print_crashes(const struct instance *i)
{
	if (i->crashes.n == 0)
		return;
	printf("\n%s: crashes survived: %" PRIu64 ", the last by signal %d (%s) at %s; connections kept: %" PRIu64
	       ", closed: %" PRIu64 "\n  see: journalctl -u ws@%s -p err, coredumpctl info\n",
	       i->name, i->crashes.n, i->crashes.signal, strsignal(i->crashes.signal), i->crashes.at, i->crashes.kept,
	       i->crashes.closed, i->name);
}

/* What went wrong with one that should run and does not, and what to do about it. */
static void
print_failure(const struct instance *i)
{
	struct why why;

	instance_failure(i, &why);
	if (!why.text[0])
		return;
	printf("\n%s: %s\n  see: journalctl -u ws@%s -n 20\n", i->name, why.text, i->name);
	if (instance_holds(i))
		printf("  connections of its clients wait for it to start\n");
	if (instance_retries(i))
		printf("  put that right: it is tried again every few seconds, and at once by wsctl restart %s\n",
		       i->name);
	else if (strcmp(i->unit.active, "failed") == 0)
		printf("  put that right, and wsctl restart %s\n", i->name);
}

/* A restart opens them, too; of one that serves it keeps the connections. */
static void
print_closed_sockets(const struct instance *i)
{
	struct why why;

	for (unsigned n = 0; (n = instance_closed_socket(i, n, &why)) < INSTANCE_SOCKETS; n++)
		printf("\n%s: %s\n  to open it: %s%s\n", i->name, why.text,
		       i->runs ? "wsctl restart " : "systemctl start ws@", i->name);
}

/* The file and the proxy are of different minds. */
static void
print_way_out(const struct picture *p)
{
	const char *to = p->leads_to;

	if (!p->leads_to || !p->answers[0] || strcmp(p->answers, p->leads_to) == 0)
		return;
	for (unsigned i = 0; i < p->names.n; i++)
		if (strcmp(p->instances[i].name, p->leads_to) == 0 && !p->instances[i].ready)
			to = p->answers; /* where it is to lead to could not serve */
	printf("  it has not taken up its last switch: wsctl switch %s\n", to);
}

/* It leads to one that does not serve now, or would not after the next boot. */
static void
print_cure(const struct picture *p)
{
	const struct instance *to = NULL, *other = NULL;

	for (unsigned i = 0; i < p->names.n; i++)
		if (p->leads_to && strcmp(p->instances[i].name, p->leads_to) == 0)
			to = &p->instances[i];
	if (!to || p->at_work)
		return;
	for (unsigned i = 0; i < INSTANCES; i++)
		if (&p->instances[i] != to && p->instances[i].ready)
			other = &p->instances[i];
	if (!to->runs && !instance_changes(to) && strcmp(to->sockets[0].active, "active") != 0) {
		printf("  %s does not run, and clients are refused: systemctl enable --now ws@%s", to->name, to->name);
		if (other)
			printf(", or wsctl switch %s", other->name);
		printf("\n");
	} else if (strcmp(to->unit.enabled, "disabled") == 0 && strcmp(to->sockets[0].enabled, "disabled") == 0) {
		printf("  %s does not start at boot, and clients would be refused then: systemctl enable ws@%s\n",
		       to->name, to->name);
	}
}

static void
print_proxy(const struct ctl *ctl, const struct picture *p)
{
	if (!p->proxy) {
		printf("\nproxy: not known (%s)\n", ctl->settings_why.text);
		return;
	}
	printf("\nproxy: %s (%s)\n", proxy_name(p->proxy), proxy_reason(p->proxy));
	if (!proxy_there(p->proxy))
		return;
	if (!p->address[0])
		printf("  leads to: not known (%s)\n", p->proxy_why.text);
	else
		printf("  leads to: %s%s%s\n", p->address, p->leads_to ? ", " : ", which is neither blue nor green",
		       p->leads_to ? p->leads_to : "");
	if (!p->answers[0])
		printf("  at %s: %s\n", proxy_url(p->proxy), p->answer_why.text);
	else
		printf("  at %s: %s answers\n", proxy_url(p->proxy), p->answers);
	print_cure(p);
	print_way_out(p);
}

static void
print_record(const struct picture *p)
{
	const struct record *r = &p->record;

	if (p->at_work)
		printf("\n%s\n", p->work_why.text);
	if (!p->has_record)
		return;
	if (strcmp(r->from, r->to) == 0 && strcmp(r->outcome, "running") == 0) {
		if (!p->at_work)
			printf("\na restart of %s with %s instead of %s, begun at %s, was cut off%s; "
			       "wsctl rollback goes back\n",
			       r->to, program_name(r->program), program_name(r->former), r->began,
			       record_hidden() ? ", or is under way (ask as root)" : "");
	} else if (strcmp(r->from, r->to) == 0) {
		printf("\n%s was restarted with %s instead of %s at %s; wsctl rollback goes back\n", r->to,
		       program_name(r->program), program_name(r->former), r->ended);
	} else if (strcmp(r->outcome, "running") != 0) {
		printf("\nlast deploy: %s to %s, %s at %s\n", r->from, r->to, r->outcome, r->ended);
	} else if (!p->at_work && record_hidden()) {
		printf("\nthe deploy from %s to %s, begun at %s, is in its step %s, or was cut off in it "
		       "(ask as root)\n",
		       r->from, r->to, r->began, r->step);
	} else if (!p->at_work) {
		printf("\nthe deploy from %s to %s was cut off in its step %s, begun at %s:\n"
		       "  wsctl deploy %s goes on with it, wsctl rollback goes back\n",
		       r->from, r->to, r->step, r->began, r->to);
	}
}

/* ---- JSON */

static struct json_object *
crashes_json(const struct instance *i)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "survived", json_object_new_uint64(i->crashes.n));
	json_object_object_add(o, "kept", json_object_new_uint64(i->crashes.kept));
	json_object_object_add(o, "closed", json_object_new_uint64(i->crashes.closed));
	if (i->crashes.n > 0) {
		json_object_object_add(o, "lastSignal", json_object_new_int(i->crashes.signal));
		json_object_object_add(o, "last", json_object_new_string(i->crashes.at));
	}
	return o;
}

static struct json_object *
instance_json(const struct instance *i)
{
	struct json_object *o = json_object_new_object(), *closed = json_object_new_array();
	char uptime[32];
	struct why why;

	for (unsigned n = 0; (n = instance_closed_socket(i, n, &why)) < INSTANCE_SOCKETS; n++)
		json_object_array_add(closed, json_object_new_string(why.text));
	instance_failure(i, &why);
	json_object_object_add(o, "state", json_object_new_string(instance_state(i)));
	json_object_object_add(o, "unit", json_object_new_string(i->unit.active));
	json_object_object_add(o, "enabled", json_object_new_string(i->unit.enabled));
	json_object_object_add(o, "address", json_object_new_string(i->address));
	json_object_object_add(o, "closedSockets", closed);
	json_object_object_add(o, "program", i->program[0] ? json_object_new_string(program_name(i->program)) : NULL);
	if (why.text[0])
		json_object_object_add(o, "failure", json_object_new_string(why.text));
	if (!i->answers)
		return o;
	json_object_object_add(o, "ready", json_object_new_boolean(i->ready));
	json_object_object_add(o, "version", json_object_new_string(i->version));
	json_object_object_add(o, "connections", json_object_new_uint64(i->connections));
	json_object_object_add(o, "messagesPerSecond", json_object_new_uint64(i->messages_per_second));
	json_object_object_add(o, "memoryBytes", json_object_new_uint64(i->memory));
	snprintf(uptime, sizeof(uptime), "%.3f", i->uptime);
	json_object_object_add(o, "uptimeSeconds", json_object_new_double_s(i->uptime, uptime));
	json_object_object_add(o, "crashes", crashes_json(i));
	return o;
}

static struct json_object *
text_or_null(const char *text)
{
	return text && text[0] ? json_object_new_string(text) : NULL;
}

static void
print_json(const struct ctl *ctl, const struct picture *p, bool one_line)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_object(),
			   *proxy = json_object_new_object();

	for (unsigned i = 0; i < p->names.n; i++)
		json_object_object_add(list, p->instances[i].name, instance_json(&p->instances[i]));
	json_object_object_add(o, "instances", list);
	json_object_object_add(o, "installed", text_or_null(program_name(p->installed)));
	json_object_object_add(proxy, "kind", text_or_null(p->proxy ? proxy_name(p->proxy) : NULL));
	json_object_object_add(proxy, "reason",
			       json_object_new_string(p->proxy ? proxy_reason(p->proxy) : ctl->settings_why.text));
	json_object_object_add(proxy, "leadsTo", text_or_null(p->leads_to));
	json_object_object_add(proxy, "address", text_or_null(p->address));
	json_object_object_add(proxy, "answers", text_or_null(p->answers));
	json_object_object_add(o, "proxy", proxy);
	json_object_object_add(o, "lastDeploy", p->has_record ? record_json(&p->record) : NULL);
	json_object_object_add(o, "atWork", text_or_null(p->at_work ? p->work_why.text : NULL));
	json_print(o, one_line);
	json_object_put(o);
}

/* ---- the command */

static int
show(struct ctl *ctl, struct why *why)
{
	struct picture p;
	int rc = look(ctl, &p, why);

	if (rc == WSD_OK && option_given(ctl->o, OPTION_JSON)) {
		print_json(ctl, &p, ctl->o->watch_ms > 0);
	} else if (rc == WSD_OK) {
		if (ctl->o->watch_ms > 0 && terminal_redraws(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		print_instances(&p);
		for (unsigned i = 0; i < p.names.n; i++) {
			print_behind(&p, &p.instances[i]);
			print_failure(&p.instances[i]);
			print_crashes(&p.instances[i]);
			print_closed_sockets(&p.instances[i]);
		}
		print_proxy(ctl, &p);
		print_record(&p);
	}
	proxy_close(&p.proxy);
	output_flush(stdout);
	return rc;
}

int
status_command(struct ctl *ctl)
{
	struct why why;
	int rc = show(ctl, &why);

	while (rc == WSD_OK && ctl->o->watch_ms > 0 && !ferror(stdout)) {
		if (interrupt_pause(ctl->o->watch_ms) != WSD_OK)
			return EXIT_DONE;
		rc = show(ctl, &why);
		if (interrupt_seen())
			return EXIT_DONE;
	}
	if (rc != WSD_OK)
		return command_fail(rc, &why);
	return ctl->settings_rc == -EACCES ? EXIT_DONE : command_status(ctl->settings_rc);
}
