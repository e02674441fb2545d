/* SPDX-License-Identifier: MIT */
/* The command line as one struct, checked; nothing is changed after it has been read. Coordinator; load
 * processes read it. */
#ifndef WSLOAD_OPTIONS_H
#define WSLOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "loadtest/procstat.h"
#include "loadtest/thresholds.h"
#include "loadtest/url.h"

#define OPTIONS_URLS            16
#define OPTIONS_SOURCES         256
#define OPTIONS_HEADERS         32
#define OPTIONS_PROCESSES       64
#define OPTIONS_CONNECTIONS_MAX 1000000

enum options_protocol { PROTOCOL_WSD, PROTOCOL_ECHO };
enum options_progress { PROGRESS_AUTO, PROGRESS_ON, PROGRESS_OFF };

struct options {
	struct url urls[OPTIONS_URLS];
	unsigned n_urls;
	const struct profile *profile; /* NULL: a free scenario */
	double scale;
	uint32_t connections;
	double rate;          /* messages a second, all together; 0: none given */
	uint64_t interval_ns; /* between two messages of a connection; 0: none given */
	uint32_t in_flight;   /* closed loop; 0: nothing is sent unless a rate or interval is given */
	uint64_t duration_ns;
	bool duration_set;
	double connect_rate;
	uint32_t connect_parallel; /* 0: by rate */
	uint64_t connect_timeout_ns, answer_timeout_ns;
	uint64_t payload_size;
	const char *payload_file;
	struct sockaddr_storage sources[OPTIONS_SOURCES];
	unsigned n_sources;
	const char *path; /* template; NULL: the address's own, or the protocol's */
	const char *headers[OPTIONS_HEADERS];
	unsigned n_headers;
	const char *subprotocol;
	enum options_protocol protocol;
	bool resume, reconnect, tls, insecure;
	const char *ca_file;
	unsigned processes;
	uint64_t first;
	struct thresholds thresholds;
	bool no_default_thresholds;
	const char *json_file, *report_file, *title;
	struct procstat server; /* no process and no unit: not measured */
	enum options_progress progress;
	bool quiet;
	char run[16]; /* {run} in path templates */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* OPTIONS_DONE: --help and the like have been answered on out. OPTIONS_BAD: one line on err says what and
 * why. Strings stay argv's. */
enum options_result options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err);

/* Open loop: messages are due by the clock and not by the answers. */
bool options_open_loop(const struct options *o);

#endif
