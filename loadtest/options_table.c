/* SPDX-License-Identifier: MIT */
/* Every option: how it is spelled, what it means, how its value is read. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/ascii.h"
#include "base/err.h"
#include "loadtest/options_priv.h"
#include "loadtest/plan.h"
#include "loadtest/units.h"

static int
bad_value(struct reader *r, const char *value, const char *wanted)
{
	return reader_fail(r, "--%s: '%s' is not %s", r->name, value, wanted);
}

static int
take_count(struct reader *r, const char *v, uint64_t min, uint64_t max, uint64_t *out)
{
	char wanted[96];

	if (units_count(v, min, max, out) == WSD_OK)
		return WSD_OK;
	snprintf(wanted, sizeof(wanted), "a whole number from %llu to %llu", (unsigned long long)min,
		 (unsigned long long)max);
	return bad_value(r, v, wanted);
}

static int
take_duration(struct reader *r, const char *v, uint64_t *out)
{
	uint64_t ns;

	if (units_duration(v, &ns) != WSD_OK || ns == 0)
		return bad_value(r, v, "a duration such as 30s, 500ms or 4m");
	*out = ns;
	return WSD_OK;
}

static int
take_rate(struct reader *r, const char *v, double *out)
{
	if (units_decimal(v, out) == WSD_OK && *out > 0 && *out <= 1e7)
		return WSD_OK;
	return bad_value(r, v, "a number above 0, at most 10000000");
}

int
read_url(struct reader *r, const char *v)
{
	struct options *o = r->o;

	if (o->n_urls == OPTIONS_URLS)
		return reader_fail(r, "more than %d addresses", OPTIONS_URLS);
	if (url_parse(&o->urls[o->n_urls], v) != WSD_OK)
		return reader_fail(r, "'%s' is not an address such as ws://127.0.0.1:3001/path", v);
	o->n_urls++;
	return WSD_OK;
}

static int
read_profile(struct reader *r, const char *v)
{
	r->o->profile = profile_find(v);
	return r->o->profile ? WSD_OK : bad_value(r, v, "a profile; --list-profiles shows them");
}

static int
read_scale(struct reader *r, const char *v)
{
	if (units_decimal(v, &r->o->scale) != WSD_OK || r->o->scale < 0.001 || r->o->scale > 100)
		return bad_value(r, v, "a number from 0.001 to 100");
	return WSD_OK;
}

static int
read_connections(struct reader *r, const char *v)
{
	uint64_t n = 0;
	int rc = take_count(r, v, 1, OPTIONS_CONNECTIONS_MAX, &n);

	r->o->connections = (uint32_t)n;
	r->set_connections = true;
	return rc;
}

static int
read_in_flight(struct reader *r, const char *v)
{
	uint64_t n = 0;
	int rc = take_count(r, v, 0, 1024, &n);

	r->o->in_flight = (uint32_t)n;
	r->set_in_flight = true;
	return rc;
}

static int
read_duration(struct reader *r, const char *v)
{
	r->o->duration_set = true;
	return take_duration(r, v, &r->o->duration_ns);
}

static int
read_connect_rate(struct reader *r, const char *v)
{
	r->set_connect_rate = true;
	return take_rate(r, v, &r->o->connect_rate);
}

static int
read_connect_parallel(struct reader *r, const char *v)
{
	uint64_t n = 0;
	int rc = take_count(r, v, 1, 20000, &n);

	r->o->connect_parallel = (uint32_t)n;
	return rc;
}

static int
read_size(struct reader *r, const char *v)
{
	r->set_size = true;
	if (units_size(v, 8 << 20, &r->o->payload_size) != WSD_OK)
		return bad_value(r, v, "a size of at most 8M");
	return WSD_OK;
}

static int
add_source(struct reader *r, const char *text, size_t len)
{
	struct addr a;

	if (r->o->n_sources == OPTIONS_SOURCES)
		return reader_fail(r, "more than %d source addresses", OPTIONS_SOURCES);
	if (addr_parse(&a, text, len) != WSD_OK || a.port != 0)
		return bad_value(r, text, "a list of addresses such as 127.0.0.2,127.0.0.3");
	addr_to_sockaddr(&a, &r->o->sources[r->o->n_sources++]);
	return WSD_OK;
}

static int
read_source(struct reader *r, const char *v)
{
	int rc;

	do {
		size_t len = strcspn(v, ",");

		rc = add_source(r, v, len);
		v += len + (v[len] == ',');
	} while (rc == WSD_OK && *v);
	return rc;
}

static int
read_path(struct reader *r, const char *v)
{
	if (v[0] != '/' || v[strcspn(v, " \t\r\n#")] != '\0' || strlen(v) >= URL_PATH_MAX)
		return bad_value(r, v, "a path such as /ws/chat/load-{n}");
	r->o->path = v;
	return WSD_OK;
}

static int
read_header(struct reader *r, const char *v)
{
	size_t name = strcspn(v, ":");

	if (r->o->n_headers == OPTIONS_HEADERS)
		return reader_fail(r, "more than %d headers", OPTIONS_HEADERS);
	if (name == 0 || v[name] != ':' || !ascii_all((struct slice){ v, name }, ascii_is_token) ||
	    v[strcspn(v, "\r\n")] != '\0' || strlen(v) > 4096)
		return bad_value(r, v, "a header such as 'Origin: https://example.org'");
	r->o->headers[r->o->n_headers++] = v;
	return WSD_OK;
}

static int
read_subprotocol(struct reader *r, const char *v)
{
	if (v[0] == '\0' || v[strcspn(v, "\r\n\t;")] != '\0' || strlen(v) > 256)
		return bad_value(r, v, "the name of a subprotocol");
	r->o->subprotocol = v;
	return WSD_OK;
}

static int
read_protocol(struct reader *r, const char *v)
{
	if (strcmp(v, "wsd") != 0 && strcmp(v, "echo") != 0)
		return bad_value(r, v, "wsd or echo");
	r->o->protocol = v[0] == 'e' ? PROTOCOL_ECHO : PROTOCOL_WSD;
	return WSD_OK;
}

static int
read_processes(struct reader *r, const char *v)
{
	uint64_t n = 1;
	int rc = take_count(r, v, 1, OPTIONS_PROCESSES, &n);

	r->o->processes = (unsigned)n;
	return rc;
}

static int
read_fail_if(struct reader *r, const char *v)
{
	const char *bad = v;

	switch (thresholds_parse(&r->o->thresholds, v, &bad)) {
	case WSD_OK:
		return WSD_OK;
	case WSD_E_FULL:
		return reader_fail(r, "more than %d thresholds", THRESHOLDS_MAX);
	case WSD_E_UNKNOWN:
		return reader_fail(r, "--fail-if: '%.*s' names no figure of ours; wsload(1) lists them",
				   (int)strcspn(bad, ", "), bad);
	default:
		return reader_fail(r, "--fail-if: '%.*s' is not like latency_p95>1s, errors>1%% or lost>0",
				   (int)strcspn(bad, ", "), bad);
	}
}

static int
read_pid(struct reader *r, const char *v)
{
	char *copy = strdup(v), *rest = copy, *one;
	int rc = copy ? WSD_OK : -ENOMEM;

	while (rc == WSD_OK && (one = strsep(&rest, ",")) != NULL) {
		uint64_t pid = 0;

		if (r->o->server.n == PROCSTAT_PIDS)
			rc = reader_fail(r, "more than %d processes to watch", PROCSTAT_PIDS);
		else
			rc = take_count(r, one, 1, 1 << 22, &pid);
		if (rc == WSD_OK)
			r->o->server.pids[r->o->server.n++] = (pid_t)pid;
	}
	free(copy);
	return rc;
}

static int
read_unit(struct reader *r, const char *v)
{
	if (v[0] == '\0' || v[strcspn(v, " /*")] != '\0')
		return bad_value(r, v, "the name of a unit such as ws@blue");
	r->o->server.unit = v;
	return WSD_OK;
}

static int
read_progress(struct reader *r, const char *v)
{
	static const char *const names[] = { "auto", "on", "off" };

	for (int i = 0; i < 3; i++) {
		if (strcmp(v, names[i]) == 0) {
			r->o->progress = (enum options_progress)i;
			return WSD_OK;
		}
	}
	return bad_value(r, v, "auto, on or off");
}

/* The simplest of the readers. */
#define READER(option, result) \
	static int read_##option(struct reader *r, const char *v) \
	{ \
		return (result); \
	}
#define SETTER(option, assignment) READER(option, ((assignment), WSD_OK))

READER(rate, take_rate(r, v, &r->o->rate))
READER(interval, take_duration(r, v, &r->o->interval_ns))
READER(connect_timeout, take_duration(r, v, &r->o->connect_timeout_ns))
READER(answer_timeout, take_duration(r, v, &r->o->answer_timeout_ns))
READER(first, take_count(r, v, 0, 1ull << 48, &r->o->first))
SETTER(payload_file, r->o->payload_file = v)
SETTER(resume, r->o->resume = r->o->reconnect = true)
SETTER(reconnect, r->o->reconnect = true)
SETTER(tls, r->o->tls = true)
SETTER(ca, r->o->ca_file = v)
SETTER(insecure, r->o->insecure = true)
SETTER(no_thresholds, r->o->no_default_thresholds = true)
SETTER(json, r->o->json_file = v)
SETTER(report, r->o->report_file = v)
SETTER(title, r->o->title = v)
SETTER(quiet, r->o->quiet = true)
SETTER(list_profiles, r->done = r->list_profiles = true)
SETTER(help, r->done = r->help = true)
SETTER(version, r->done = r->version = true)

#undef SETTER
#undef READER

/* A row without a reader is a heading of the help. */
static const struct option_row rows[] = {
	{ NULL, 0, NULL, "Scenario", NULL },
	{ "profile", 'p', "NAME", "a built-in scenario: smoke, ramp, stress or spike", read_profile },
	{ "scale", 0, "FACTOR", "multiply all durations, such as 0.1 for a tenth", read_scale },
	{ "connections", 'c', "N", "connections (10, or the profile's)", read_connections },
	{ "rate", 'r', "N", "open loop: N messages a second, all connections together", read_rate },
	{ "interval", 0, "TIME", "open loop: a message on each connection every TIME", read_interval },
	{ "in-flight", 'i', "N", "closed loop: N messages under way per connection (1); 0 sends none", read_in_flight },
	{ "duration", 'd', "TIME", "how long to send once all are connected (10s)", read_duration },
	{ "connect-rate", 0, "N", "new connections a second (1000)", read_connect_rate },
	{ "connect-parallel", 0, "N", "instead: connect as fast as it goes, N handshakes at a time",
	  read_connect_parallel },
	{ "connect-timeout", 0, "TIME", "a handshake that takes longer has failed (10s)", read_connect_timeout },
	{ "answer-timeout", 0, "TIME", "a message without an answer after this is lost (10s)", read_answer_timeout },
	{ "processes", 0, "N", "spread the load over N processes (1)", read_processes },
	{ NULL, 0, NULL, "Connections and messages", NULL },
	{ "path", 0, "TEMPLATE",
	  "path of each connection (/ws/chat/load-{n}); {n} is its number, {run} differs from run to run", read_path },
	{ "first", 0, "N", "number of the first connection (0)", read_first },
	{ "protocol", 0, "NAME", "wsd, or echo: any message is an answer (wsd)", read_protocol },
	{ "size", 's', "BYTES", "size of the text sent as a message's data (32)", read_size },
	{ "payload-file", 0, "FILE", "instead: the JSON value in FILE", read_payload_file },
	{ "resume", 0, NULL, "come back after a goodbye or close, with the session, when asked to", read_resume },
	{ "reconnect", 0, NULL, "come back likewise, but without the session", read_reconnect },
	{ "source", 0, "ADDR,...", "local addresses to connect from, in turn; may be repeated", read_source },
	{ "header", 'H', "LINE", "header to send with each handshake; may be repeated", read_header },
	{ "subprotocol", 0, "NAME", "subprotocol to ask for, which must be granted", read_subprotocol },
	{ "tls", 0, NULL, "TLS, as wss:// addresses have it anyhow", read_tls },
	{ "ca", 0, "FILE", "certificates to trust instead of the system's", read_ca },
	{ "insecure", 'k', NULL, "take any certificate", read_insecure },
	{ NULL, 0, NULL, "Verdict and output", NULL },
	{ "fail-if", 'f', "CONDITION", "fail if so: 'latency_p95>1s errors>1% lost>0'; may be repeated", read_fail_if },
	{ "no-thresholds", 0, NULL, "leave out the profile's own conditions", read_no_thresholds },
	{ "json", 'j', "FILE", "write the results as JSON ('-': standard output)", read_json },
	{ "report", 0, "FILE", "write the results as a page with plots, HTML", read_report },
	{ "title", 0, "TEXT", "heading of the report", read_title },
	{ "pid", 0, "PID,...", "measure CPU and memory of the server with this process id", read_pid },
	{ "unit", 0, "NAME", "the same for a systemd unit's main process", read_unit },
	{ "progress", 0, "WHEN", "live line on standard error: auto, on or off", read_progress },
	{ "quiet", 'q', NULL, "no progress and no table", read_quiet },
	{ "list-profiles", 0, NULL, "show the profiles", read_list_profiles },
	{ "help", 'h', NULL, "show this help", read_help },
	{ "version", 'V', NULL, "show the version", read_version },
};

#define N_ROWS    (sizeof(rows) / sizeof(*rows))
#define CODE_BASE 1000 /* getopt's code of a row is this plus its index; letters stand for themselves */

_Static_assert(N_ROWS <= OPTION_ROWS_MAX, "raise OPTION_ROWS_MAX");

void
option_rows_getopt(struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!rows[i].read)
			continue;
		*longs++ = (struct option){ rows[i].name, rows[i].value ? required_argument : no_argument, NULL,
					    CODE_BASE + (int)i };
		if (rows[i].letter) {
			*shorts++ = rows[i].letter;
			if (rows[i].value)
				*shorts++ = ':';
		}
	}
	*shorts = '\0';
	*longs = (struct option){ NULL, 0, NULL, 0 };
}

const struct option_row *
option_row_find(int code)
{
	if (code >= CODE_BASE)
		return &rows[code - CODE_BASE];
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].read && rows[i].letter == code)
			return &rows[i];
	return NULL;
}

void
option_rows_help(FILE *out)
{
	fprintf(out, "Usage: wsload [OPTION]... ADDRESS...\nPuts load on WebSocket servers and measures what "
		     "they make of it.\n");
	for (size_t i = 0; i < N_ROWS; i++) {
		char left[64];

		if (!rows[i].read) {
			fprintf(out, "\n%s:\n", rows[i].text);
			continue;
		}
		snprintf(left, sizeof(left), "%s%c%s --%s%s%s", rows[i].letter ? "-" : " ",
			 rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ", rows[i].name,
			 rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		fprintf(out, "  %-28s %s\n", left, rows[i].text);
	}
	fprintf(out, "\nExit status: 0 done, 1 a threshold was crossed, 2 bad usage, 3 could not run, "
		     "4 interrupted. See wsload(1).\n");
}
