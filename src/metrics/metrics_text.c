/* SPDX-License-Identifier: MIT */
/* The Prometheus text format 0.0.4 of all metrics. Reads the shards with relaxed loads; any thread. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "metrics/metrics_priv.h"

/* A family that is more than a sum of shards. */
struct special {
	const char *name;
	void (*write)(FILE *to, const char *name, const struct metrics_process *process);
};

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
write_active(FILE *to, const char *name, const struct metrics_process *process)
{
	fprintf(to, "%s %" PRId64 "\n", name, metrics_sum(METRIC_CONNECTIONS));
}

static void
write_http(FILE *to, const char *name, const struct metrics_process *process)
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
write_log_dropped(FILE *to, const char *name, const struct metrics_process *process)
{
	if (metrics_labels()->log_dropped)
		fprintf(to, "%s %" PRIu64 "\n", name, metrics_labels()->log_dropped());
}

static void
write_build(FILE *to, const char *name, const struct metrics_process *process)
{
	fprintf(to, "%s{version=\"", name);
	write_escaped(to, metrics_labels()->version, true);
	fputs("\",instance=\"", to);
	write_escaped(to, metrics_labels()->instance, true);
	fputs("\"} 1\n", to);
}

static void
write_cpu(FILE *to, const char *name, const struct metrics_process *process)
{
	fprintf(to, "%s %.6f\n", name, process->cpu_s);
}

static void
write_resident(FILE *to, const char *name, const struct metrics_process *process)
{
	if (process->have_memory)
		fprintf(to, "%s %" PRIu64 "\n", name, process->resident_bytes);
}

static void
write_virtual(FILE *to, const char *name, const struct metrics_process *process)
{
	if (process->have_memory)
		fprintf(to, "%s %" PRIu64 "\n", name, process->virtual_bytes);
}

static void
write_open_fds(FILE *to, const char *name, const struct metrics_process *process)
{
	if (process->have_fds)
		fprintf(to, "%s %" PRIu64 "\n", name, process->open_fds);
}

static void
write_max_fds(FILE *to, const char *name, const struct metrics_process *process)
{
	if (process->have_fds)
		fprintf(to, "%s %" PRIu64 "\n", name, process->max_fds);
}

static void
write_start_time(FILE *to, const char *name, const struct metrics_process *process)
{
	if (metrics_labels()->start_time_s > 0)
		fprintf(to, "%s %.2f\n", name, metrics_labels()->start_time_s);
}

static void
write_threads(FILE *to, const char *name, const struct metrics_process *process)
{
	if (process->have_memory)
		fprintf(to, "%s %" PRIu64 "\n", name, process->threads);
}

static const struct special specials[] = {
	{ "websocket_connections_active", write_active },
	{ "http_requests_total", write_http },
	{ "wsd_log_lines_dropped_total", write_log_dropped },
	{ "wsd_build_info", write_build },
	{ "process_cpu_seconds_total", write_cpu },
	{ "process_resident_memory_bytes", write_resident },
	{ "process_virtual_memory_bytes", write_virtual },
	{ "process_open_fds", write_open_fds },
	{ "process_max_fds", write_max_fds },
	{ "process_start_time_seconds", write_start_time },
	{ "process_threads", write_threads },
};

static void
write_special(FILE *to, const char *name, const struct metrics_process *process)
{
	for (unsigned i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
		if (strcmp(specials[i].name, name) == 0) {
			specials[i].write(to, name, process);
			return;
		}
	}
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
