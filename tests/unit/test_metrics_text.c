/* SPDX-License-Identifier: MIT */
/* The Prometheus text and the table of the man page; promtool has the last word where it is installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "metrics/metrics_priv.h"

static struct metrics_shard *one, *other;

static int
set_up(void **state)
{
	metrics_init("gr\"ee\\n", "1.2\n3");
	one = metrics_shard_create();
	other = metrics_shard_create();
	return one && other ? 0 : -1;
}

static int
tear_down(void **state)
{
	metrics_deinit();
	return 0;
}

static char *
text(void)
{
	char *out = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&out, &len);

	assert_non_null(to);
	assert_int_equal(metrics_text(to), WSD_OK);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(strlen(out), len);
	return out;
}

/* True if the text has this as whole lines. */
static bool
has(const char *all, const char *lines)
{
	for (const char *at = strstr(all, lines); at; at = strstr(at + 1, lines))
		if (at == all || at[-1] == '\n')
			return true;
	print_error("not there: %s", lines);
	return false;
}

static void
test_samples(void **state)
{
	char *all;

	metrics_add(one, METRIC_CONNECTIONS, 5);
	metrics_add(other, METRIC_CONNECTIONS, -2);
	metrics_add(other, METRIC_CLOSED_1006, 9);
	metrics_set(one, METRIC_SHUTDOWN_MS, 12034);
	all = text();
	assert_true(has(all,
			"# HELP websocket_connections_total Open WebSocket connections (the name is kept for "
			"existing "
			"dashboards; see websocket_connections_active).\n# TYPE websocket_connections_total gauge\n"
			"websocket_connections_total 3\n# HELP websocket_connections_active Open WebSocket "
			"connections.\n# TYPE websocket_connections_active gauge\nwebsocket_connections_active 3\n"));
	assert_true(has(all, "# TYPE websocket_connections_closed_total counter\n"));
	assert_true(has(all, "websocket_connections_closed_total{code=\"1006\"} 9\n"));
	assert_true(has(all, "websocket_connections_closed_total{code=\"1000\"} 0\n"));
	assert_true(has(all, "# TYPE websocket_shutdown_time_seconds gauge\nwebsocket_shutdown_time_seconds 12.034\n"));
	assert_true(has(all, "# TYPE wsd_build_info gauge\n"
			     "wsd_build_info{version=\"1.2\\n3\",instance=\"gr\\\"ee\\\\n\"} 1\n"));
	free(all);
}

static uint64_t
many_lines(void)
{
	return UINT64_C(5000000000);
}

/* Nobody tells at first, so that there is no sample; /metrics does not say that none were lost. */
static void
test_log_lines_dropped(void **state)
{
	char *all = text();

	assert_true(has(all, "# TYPE wsd_log_lines_dropped_total counter\n# HELP "));
	free(all);
	metrics_watch_log(many_lines);
	all = text();
	metrics_watch_log(NULL);
	assert_true(has(all, "wsd_log_lines_dropped_total 5000000000\n"));
	free(all);
}

static void
test_http(void **state)
{
	char *all = text();

	assert_null(strstr(all, "\nhttp_requests_total{"));
	assert_true(has(all, "# TYPE http_requests_total counter\n"));
	free(all);
	metrics_http(one, ROUTE_CONNECTION, 404);
	metrics_http(other, ROUTE_CONNECTION, 404);
	metrics_http(one, ROUTE_ROOT, 200);
	all = text();
	assert_true(has(all, "# TYPE http_requests_total counter\nhttp_requests_total{path=\"/\",code=\"200\"} 1\n"
			     "http_requests_total{path=\"/api/v1/connections/{id}\",code=\"404\"} 2\n# HELP "));
	free(all);
}

static void
test_histogram(void **state)
{
	char *all;

	metrics_observe(one, HISTOGRAM_MESSAGE_LATENCY, 5000, 3); /* 5 us: within the first bound */
	metrics_observe(other, HISTOGRAM_MESSAGE_LATENCY, 250000000, 1);
	metrics_observe(one, HISTOGRAM_MESSAGE_LATENCY, 4000000000, 1); /* above all */
	all = text();
	assert_true(has(all, "# TYPE websocket_message_latency_seconds histogram\n"
			     "websocket_message_latency_seconds_bucket{le=\"5e-06\"} 3\n"
			     "websocket_message_latency_seconds_bucket{le=\"1e-05\"} 3\n"));
	assert_true(has(all, "websocket_message_latency_seconds_bucket{le=\"0.1\"} 3\n"
			     "websocket_message_latency_seconds_bucket{le=\"0.25\"} 4\n"));
	assert_true(has(all, "websocket_message_latency_seconds_bucket{le=\"2.5\"} 4\n"
			     "websocket_message_latency_seconds_bucket{le=\"+Inf\"} 5\n"
			     "websocket_message_latency_seconds_sum 4.250015000\n"
			     "websocket_message_latency_seconds_count 5\n"));
	assert_true(has(all, "websocket_connection_duration_seconds_bucket{le=\"86400\"} 0\n"
			     "websocket_connection_duration_seconds_bucket{le=\"+Inf\"} 0\n"
			     "websocket_connection_duration_seconds_sum 0.000000000\n"
			     "websocket_connection_duration_seconds_count 0\n"));
	free(all);
}

static double
value_of(const char *all, const char *name)
{
	char line[128];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(all, line);
	assert_non_null(at);
	return strtod(at + strlen(line), NULL);
}

static void
test_process(void **state)
{
	char *all = text();
	double fds = value_of(all, "process_open_fds"), started = value_of(all, "process_start_time_seconds");
	int copy;

	assert_true(value_of(all, "process_cpu_seconds_total") > 0);
	assert_true(value_of(all, "process_resident_memory_bytes") > 100000);
	assert_true(value_of(all, "process_virtual_memory_bytes") > value_of(all, "process_resident_memory_bytes"));
	assert_true(value_of(all, "process_threads") >= 1);
	assert_true(fds >= 3);
	assert_true(value_of(all, "process_max_fds") >= fds);
	assert_true(started > (double)time(NULL) - 600 && started < (double)time(NULL) + 1);
	free(all);
	copy = dup(1);
	all = text();
	assert_float_equal(value_of(all, "process_open_fds"), fds + 1, 0.1);
	close(copy);
	free(all);
}

static void
test_stream_failure(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(metrics_text(full), -EIO);
	fclose(full);
}

static void
test_man(void **state)
{
	char *out = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&out, &len);

	assert_non_null(to);
	metrics_print_man(to);
	fclose(to);
	assert_true(has(out, ".TP\n.BR websocket_messages_total \" (counter, messages)\"\n"
			     "Client messages accepted and answered.\n.TP\n"));
	assert_true(has(out, ".br\nLabels: code=\"1000\",\ncode=\"1001\",\n"));
	assert_true(has(out, ".br\nBuckets up to 5e\\-06, 1e\\-05, "));
	for (const struct metrics_row *row = metrics_rows; row->kind != METRICS_ROW_END; row++)
		if (row->name)
			assert_non_null(strstr(out, row->name));
	free(out);
}

/* The one complaint allowed: websocket_connections_total is a gauge, and keeps its name for the dashboards
 * that have it. */
static void
test_promtool(void **state)
{
	char path[] = "/tmp/wsd-metrics-XXXXXX", command[128], line[512], *all;
	int fd;
	FILE *f;

	if (system("command -v promtool >/dev/null 2>&1") != 0) {
		print_message("promtool is not installed\n"); /* skip() of cmocka 1.1.5 counts as a failure in TAP */
		return;
	}
	for (unsigned i = 0; i < METRICS; i++)
		metrics_add(one, (enum metric)i, 3);
	for (unsigned route = 0; route < ROUTES; route++)
		for (unsigned slot = 0; slot < METRICS_STATUS_SLOTS; slot++)
			if (metrics_statuses[slot])
				metrics_http(one, (enum metric_route)route, metrics_statuses[slot]);
	all = text();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, all, strlen(all)), strlen(all));
	close(fd);
	free(all);
	snprintf(command, sizeof(command), "promtool check metrics <%s 2>&1", path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "websocket_connections_total ", 28) != 0)
			fail_msg("promtool: %s", line);
	assert_int_not_equal(pclose(f), -1);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_samples, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_log_lines_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_http, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_histogram, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stream_failure, set_up, tear_down),
		cmocka_unit_test(test_man),
		cmocka_unit_test_setup_teardown(test_promtool, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
