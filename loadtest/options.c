/* SPDX-License-Identifier: MIT */
/* The command line: one table makes getopt's list, the help and the readers. */
#include "loadtest/options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/hex.h"
#include "config.h"
#include "loadtest/options_priv.h"
#include "loadtest/plan.h"
#include "loadtest/tls.h"
#include "loadtest/units.h"

#define S 1000000000ull

int
reader_fail(struct reader *r, const char *format, ...)
{
	va_list args;

	fprintf(r->err, "wsload: ");
	va_start(args, format);
	vfprintf(r->err, format, args);
	va_end(args);
	fprintf(r->err, "\nTry 'wsload --help'.\n");
	return WSD_E_MALFORMED;
}

static void
list_profiles(FILE *out)
{
	for (unsigned i = 0; i < profiles_n; i++)
		fprintf(out, "%-8s %s\n         fails if: %s\n", profiles[i].name, profiles[i].text,
			profiles[i].thresholds);
}

static void
set_defaults(struct options *o)
{
	uint8_t bytes[4];

	*o = (struct options){
		.scale = 1,
		.connections = 10,
		.in_flight = 1,
		.duration_ns = 10 * S,
		.connect_rate = 1000,
		.connect_timeout_ns = 10 * S,
		.answer_timeout_ns = 10 * S,
		.processes = 1,
		.payload_size = 32,
	};
	fd_random(bytes, sizeof(bytes));
	hex_encode(o->run, bytes, sizeof(bytes));
}

static int
apply_profile(struct reader *r)
{
	struct options *o = r->o;
	const char *bad;

	if (!o->profile)
		return WSD_OK;
	if (!r->set_connections)
		o->connections = o->profile->connections;
	if (!o->rate && !o->interval_ns && !r->set_in_flight)
		o->interval_ns = o->profile->interval_ns;
	if (r->set_connect_rate || o->connect_parallel)
		return reader_fail(r, "a profile sets the pace of connecting itself; use --scale");
	if (!o->no_default_thresholds && thresholds_parse(&o->thresholds, o->profile->thresholds, &bad) != WSD_OK)
		return reader_fail(r, "too many thresholds");
	return WSD_OK;
}

static int
check_together(struct reader *r)
{
	struct options *o = r->o;

	if (o->n_urls == 0)
		return reader_fail(r, "no address given, such as ws://127.0.0.1:3001");
	if ((o->rate > 0) + (o->interval_ns > 0) + r->set_in_flight > 1)
		return reader_fail(r, "--rate, --interval and --in-flight exclude one another");
	if (r->set_connect_rate && o->connect_parallel)
		return reader_fail(r, "--connect-rate and --connect-parallel exclude one another");
	if (o->processes > o->connections)
		return reader_fail(r, "more processes (%u) than connections (%u)", o->processes, o->connections);
	if (o->payload_file && r->set_size)
		return reader_fail(r, "--size and --payload-file exclude one another");
	if (o->server.unit && o->server.n)
		return reader_fail(r, "--pid and --unit exclude one another");
	for (unsigned i = 0; i < o->n_urls; i++) {
		o->urls[i].tls = o->urls[i].tls || o->tls;
		if (o->urls[i].tls && !tls_available())
			return reader_fail(r, "this wsload was built without TLS");
	}
	return WSD_OK;
}

static int
read_all(struct reader *r, int argc, char **argv)
{
	struct option longs[OPTION_ROWS_MAX + 1];
	char shorts[2 * OPTION_ROWS_MAX + 2];
	int c;

	option_rows_getopt(longs, shorts);
	optind = 0; /* so that it can be called again, as the tests do */
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = c == '?' || c == ':' ? NULL : option_row_find(c);
		int rc;

		if (!row)
			return reader_fail(r, c == ':' ? "%s needs a value" : "unknown option %s", argv[optind - 1]);
		r->name = row->name;
		rc = row->read(r, optarg);
		if (rc != WSD_OK || r->done)
			return rc;
	}
	for (; optind < argc; optind++) {
		int rc = read_url(r, argv[optind]);

		if (rc != WSD_OK)
			return rc;
	}
	return WSD_OK;
}

enum options_result
options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err)
{
	struct reader r = { .o = o, .out = out, .err = err };

	set_defaults(o);
	if (read_all(&r, argc, argv) != WSD_OK)
		return OPTIONS_BAD;
	if (r.list_profiles)
		list_profiles(out);
	if (r.version)
		fprintf(out, "wsload %s, %s\n", PACKAGE_VERSION, tls_available() ? "with TLS" : "without TLS");
	if (r.help)
		option_rows_help(out);
	if (r.done)
		return OPTIONS_DONE;
	if (check_together(&r) != WSD_OK || apply_profile(&r) != WSD_OK)
		return OPTIONS_BAD;
	return OPTIONS_RUN;
}

bool
options_open_loop(const struct options *o)
{
	return o->rate > 0 || o->interval_ns > 0;
}
