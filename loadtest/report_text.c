/* SPDX-License-Identifier: MIT */
/* The summary table. What is zero and could only be bad news is left out. */
#include "loadtest/report.h"

#include "base/output.h"
#include "loadtest/run.h"
#include "loadtest/units.h"

static void
row_hist(FILE *out, const char *name, const struct hist *h)
{
	static const double points[] = { 50, 95, 99, 99.9 };
	char text[UNITS_TEXT_MAX];

	if (h->n == 0)
		return;
	fprintf(out, "%-14s", name);
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
		fprintf(out, " %10s", units_print_ns(text, hist_percentile(h, points[i])));
	fprintf(out, " %10s", units_print_ns(text, h->max_ns));
	fprintf(out, " %10s", units_print_ns(text, hist_mean(h)));
	fprintf(out, " %10llu\n", (unsigned long long)h->n);
}

static void
rows_latency(FILE *out, const struct stats *st)
{
	fprintf(out, "\n%-14s %10s %10s %10s %10s %10s %10s %10s\n", "", "p50", "p95", "p99", "p99.9", "max", "mean",
		"n");
	row_hist(out, "connect", &st->connect);
	row_hist(out, "latency", &st->latency);
	row_hist(out, "downtime", &st->downtime);
}

static void
list_tally(FILE *out, const char *name, const struct tally *t)
{
	if (t->n == 0)
		return;
	fprintf(out, "%-14s ", name);
	for (unsigned i = 0; i < t->n; i++)
		fprintf(out, "%s%s: %llu", i ? ", " : "", t->rows[i].name, (unsigned long long)t->rows[i].count);
	putc('\n', out);
}

#define AT(field) offsetof(struct stats, field)

static const struct {
	const char *head;
	size_t at;
	const char *text;
} trouble[] = {
	{ "trouble", AT(lost), "never answered" },
	{ "trouble", AT(repeated), "answered more than once" },
	{ "trouble", AT(out_of_order), "answered out of order" },
	{ "trouble", AT(late), "answered after the answer timeout" },
	{ "trouble", AT(refused), "answered with an error" },
	{ "trouble", AT(count_errors), "answers whose count did not follow on" },
	{ "trouble", AT(unknown), "answers to nothing we sent" },
	{ "trouble", AT(missed), "due while nothing could be sent" },
	{ "trouble", AT(server_errors), "error messages without an id" },
	{ "trouble", AT(protocol_errors), "breaches of the protocol" },
	{ "messages", AT(not_accepted), "not counted any more before a goodbye" },
	{ "connections", AT(closed), "closed without our asking" },
	{ "connections", AT(goodbyes), "told goodbye" },
	{ "connections", AT(left_dirty), "without an answer to our close" },
	{ "connections", AT(reconnects), "came back" },
	{ "connections", AT(resumed), "of these with their session" },
	{ "connections", AT(not_resumed), "of these without the session they had" },
	{ "connections", AT(resume_count_errors), "resumed with a wrong count" },
};

static void
rows_trouble(FILE *out, const struct stats *st)
{
	for (size_t i = 0; i < sizeof(trouble) / sizeof(*trouble); i++) {
		uint64_t n = *(const uint64_t *)((const char *)st + trouble[i].at);

		if (n > 0)
			fprintf(out, "%-14s %llu %s\n", trouble[i].head, (unsigned long long)n, trouble[i].text);
	}
	list_tally(out, "close codes", &st->closes);
	list_tally(out, "not connected", &st->failures);
	list_tally(out, "error codes", &st->refusals);
}

static void
rows_costs(FILE *out, const struct results *r)
{
	const struct stats_window *w = &r->stats->window;
	char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];

	if (r->server_measured) {
		fprintf(out, "%-14s", "server");
		if (r->server.cpu_per_message_ns > 0)
			fprintf(out, " %s CPU a message,", units_print_ns(a, (uint64_t)r->server.cpu_per_message_ns));
		fprintf(out, " %.0f %% of a CPU, %s a connection, %s at most\n", r->server.cpu_share * 100,
			units_print_bytes(a, r->server.memory_per_connection),
			units_print_bytes(b, (double)r->server.rss_peak));
	}
	fprintf(out, "%-14s", "wsload");
	if (w->answered)
		fprintf(out, " %s CPU a message,", units_print_ns(a, w->cpu_ns / w->answered));
	fprintf(out, " %.0f %% of a CPU%s, %s a connection\n", r->own_cpu_share * 100,
		r->o->processes > 1 ? " for each process" : "", units_print_bytes(b, r->own_memory_per_connection));
	if (r->client_limited)
		fprintf(out,
			"%-14s wsload was short of CPU: messages left up to %s late (p99), which the latency "
			"includes\n",
			"beware", units_print_ns(a, hist_percentile(&r->stats->lag, 99)));
}

static void
rows_thresholds(FILE *out, const struct results *r)
{
	if (r->o->thresholds.n > 0)
		fprintf(out, "\n%-24s %-14s %s\n", "fails if", "measured", "");
	for (unsigned i = 0; i < r->o->thresholds.n; i++) {
		const struct threshold *t = &r->o->thresholds.list[i];
		struct threshold_result v = threshold_judge(t, r->stats, r->server_measured ? &r->server : NULL);
		char text[64];

		fprintf(out, "%-24s %-14s %s\n", t->text,
			v.measured ? threshold_print(text, sizeof(text), t, v.value) : "nothing",
			v.failed ? "FAILED" : "ok");
	}
}

unsigned
report_failures(const struct results *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->o->thresholds.n; i++)
		n += threshold_judge(&r->o->thresholds.list[i], r->stats, r->server_measured ? &r->server : NULL)
			     .failed;
	return n;
}

bool
report_passed(const struct results *r)
{
	return !r->interrupted && report_failures(r) == 0;
}

int
report_text(FILE *out, const struct results *r)
{
	const struct stats *st = r->stats;
	char took[UNITS_TEXT_MAX];
	uint64_t window = st->window.end_ns > st->window.start_ns ? st->window.end_ns - st->window.start_ns : 0;

	fprintf(out, "%-14s %llu of %llu attempts, %llu at once", "connections", (unsigned long long)st->connected,
		(unsigned long long)st->attempts, (unsigned long long)st->open_peak);
	if (!r->o->profile && stats_connect_rate(st) > 0)
		fprintf(out, ", %.0f a second", stats_connect_rate(st));
	fprintf(out, "\n%-14s %llu sent, %llu answered; %.0f a second over %s\n", "messages",
		(unsigned long long)st->sent, (unsigned long long)st->answered, stats_rate(st),
		units_print_ns(took, window));
	fprintf(out, "%-14s %.4g %% of connections succeeded, %.4g %% errors%s\n", "outcome",
		stats_success_share(st) * 100, stats_error_share(st) * 100,
		r->interrupted ? "; interrupted before the end" : "");
	rows_trouble(out, st);
	rows_latency(out, st);
	putc('\n', out);
	rows_costs(out, r);
	rows_thresholds(out, r);
	return output_flush(out);
}
