/* SPDX-License-Identifier: MIT */
/* The Prometheus text format 0.0.4 of all metrics. Reads the shards with relaxed loads; any thread. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "metrics/metrics_priv.h"

static void
write_escaped(FILE *to, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", to);
		else if (*text == '\\' || (quotes && *text == '"'))
			fprintf(to, "\\%c", *text);
		else
			putc(*text, to);
	}
}

static void
write_http(FILE *to, const char *name)
{
	for (unsigned route = 0; route < ROUTES; route++) {
		for (unsigned slot = 0; slot < METRICS_STATUS_SLOTS; slot++) {
			uint64_t n = metrics_http_sum((enum metric_route)route, slot);

			if (n > 0)
				fprintf(to, "%s{path=\"%s\",code=\"%u\"} %" PRIu64 "\n", name,
					metrics_route_names[route], metrics_statuses[slot], n);
		}
	}
}

static void
write_build(FILE *to, const char *name)
{
	fprintf(to, "%s{version=\"", name);
	write_escaped(to, metrics_labels()->version, true);
	fputs("\",instance=\"", to);
	write_escaped(to, metrics_labels()->instance, true);
	fputs("\"} 1\n", to);
}

/* What is a figure alone. */
static bool
write_figure(FILE *to, const char *name, const struct metrics_process *p)
{
	const struct metrics_labels *labels = metrics_labels();
	const struct {
		const char *name;
		bool known;
		int decimals;
		double value; /* exact up to 2^53 */
	} figures[] = {
		{ "websocket_connections_active", true, 0, (double)metrics_sum(METRIC_CONNECTIONS) },
		{ "wsd_log_lines_dropped_total", labels->log_dropped, 0,
		  labels->log_dropped ? (double)labels->log_dropped() : 0 },
		{ "process_cpu_seconds_total", true, 6, p->cpu_s },
		{ "process_resident_memory_bytes", p->have_memory, 0, (double)p->resident_bytes },
		{ "process_virtual_memory_bytes", p->have_memory, 0, (double)p->virtual_bytes },
		{ "process_open_fds", p->have_fds, 0, (double)p->open_fds },
		{ "process_max_fds", p->have_fds, 0, (double)p->max_fds },
		{ "process_start_time_seconds", labels->start_time_s > 0, 2, labels->start_time_s },
		{ "process_threads", p->have_memory, 0, (double)p->threads },
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		if (strcmp(figures[i].name, name) != 0)
			continue;
		if (figures[i].known)
			fprintf(to, "%s %.*f\n", name, figures[i].decimals, figures[i].value);
		return true;
	}
	return false;
}

/* A family that is more than a sum of shards. */
static void
write_special(FILE *to, const char *name, const struct metrics_process *process)
{
	if (strcmp(name, "http_requests_total") == 0)
		write_http(to, name);
	else if (strcmp(name, "wsd_build_info") == 0)
		write_build(to, name);
	else if (!write_figure(to, name, process))
		CHECK(!"a family of metrics.def has neither samples nor a writer");
}

static void
write_head(FILE *to, const struct metrics_row *row)
{
	fprintf(to, "# HELP %s ", row->name);
	write_escaped(to, row->help, false);
	fprintf(to, "\n# TYPE %s %s\n", row->name, row->type);
}

static void
write_sample(FILE *to, const char *name, const struct metrics_row *row)
{
	int64_t value = metrics_sum((enum metric)row->id);

	fputs(name, to);
	if (row->labels[0] != '\0')
		fprintf(to, "{%s}", row->labels);
	if (row->id == METRIC_SHUTDOWN_MS || row->id == METRIC_DRAIN_TIMEOUT_MS) /* kept in ms, shown in seconds */
		fprintf(to, " %" PRId64 ".%03" PRId64 "\n", value / 1000, value % 1000);
	else
		fprintf(to, " %" PRId64 "\n", value);
}

static void
write_histogram(FILE *to, const struct metrics_row *row)
{
	const struct metrics_bounds *bounds = &metrics_bounds[row->id];
	uint64_t buckets[METRICS_BUCKETS_MAX + 1], below = 0;
	double sum = metrics_hist_sum((enum metric_histogram)row->id, buckets);

	for (unsigned i = 0; i < bounds->n; i++) {
		below += buckets[i];
		fprintf(to, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", row->name, bounds->seconds[i], below);
	}
	below += buckets[bounds->n];
	fprintf(to, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", row->name, below);
	fprintf(to, "%s_sum %.9f\n%s_count %" PRIu64 "\n", row->name, sum, row->name, below);
}

int
metrics_text(FILE *to)
{
	struct metrics_process process;
	const char *family = NULL;

	metrics_process_read(&process);
	for (const struct metrics_row *row = metrics_rows; row->kind != METRICS_ROW_END; row++) {
		if (row->kind == METRICS_ROW_SAMPLE) {
			write_sample(to, family, row);
			continue;
		}
		family = row->name;
		write_head(to, row);
		if (row->kind == METRICS_ROW_HISTOGRAM)
			write_histogram(to, row);
		else if (row[1].kind != METRICS_ROW_SAMPLE)
			write_special(to, family, &process);
	}
	if (!ferror(to))
		return WSD_OK;
	return errno == ENOMEM ? -ENOMEM : -EIO;
}
