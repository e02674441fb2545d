/* SPDX-License-Identifier: MIT */
/*
 * The results as JSON. Members may be added in later versions, none is renamed or removed while "format"
 * stays 1. Times are in seconds, sizes in bytes, shares between 0 and 1. wsload(1) documents it.
 */
#include "loadtest/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/output.h"
#include "config.h"
#include "loadtest/json_out.h"
#include "loadtest/run.h"

static double
seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void
put_hist(struct json_out *j, const char *name, const struct hist *h)
{
	static const struct {
		const char *name;
		double percent;
	} points[] = { { "p50", 50 }, { "p75", 75 },    { "p90", 90 },     { "p95", 95 },
		       { "p99", 99 }, { "p999", 99.9 }, { "p9999", 99.99 } };

	json_object(j, name);
	json_number(j, "n", h->n);
	json_real(j, "min", seconds(h->min_ns));
	json_real(j, "mean", seconds(hist_mean(h)));
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
		json_real(j, points[i].name, seconds(hist_percentile(h, points[i].percent)));
	json_real(j, "max", seconds(h->max_ns));
	json_end(j, '}');
}

static void
put_tally(struct json_out *j, const char *name, const struct tally *t)
{
	json_object(j, name);
	for (unsigned i = 0; i < t->n; i++)
		json_number(j, t->rows[i].name, t->rows[i].count);
	json_end(j, '}');
}

static void
put_scenario(struct json_out *j, const struct results *r)
{
	const struct options *o = r->o;

	json_object(j, "scenario");
	json_string(j, "profile", o->profile ? o->profile->name : "");
	json_real(j, "scale", o->scale);
	json_number(j, "connections", o->connections);
	json_string(j, "loop", options_open_loop(o) ? "open" : "closed");
	json_real(j, "rate", o->rate);
	json_real(j, "interval", seconds(o->interval_ns));
	json_number(j, "in_flight", options_open_loop(o) ? 0 : o->in_flight);
	json_number(j, "payload_size", o->payload_size);
	json_number(j, "processes", o->processes);
	json_bool(j, "resume", o->resume);
	json_array(j, "addresses");
	for (unsigned i = 0; i < o->n_urls; i++) {
		char text[URL_HOST_MAX + URL_PATH_MAX + 16];

		snprintf(text, sizeof(text), "%s://%s%s", o->urls[i].tls ? "wss" : "ws", o->urls[i].authority,
			 o->urls[i].path);
		json_string(j, NULL, text);
	}
	json_end(j, ']');
	json_end(j, '}');
}

static void
put_server(struct json_out *j, const struct results *r)
{
	const struct server_figures *s = &r->server;

	json_object(j, "server");
	json_real(j, "cpu_per_message", s->cpu_per_message_ns / 1e9);
	json_real(j, "cpu_share", s->cpu_share);
	json_real(j, "memory_per_connection", s->memory_per_connection);
	json_number(j, "rss_before", s->rss_before);
	json_number(j, "rss_loaded", s->rss_loaded);
	json_number(j, "rss_peak", s->rss_peak);
	json_end(j, '}');
}

static void
put_client(struct json_out *j, const struct results *r)
{
	const struct stats_window *w = &r->stats->window;

	json_object(j, "client");
	json_real(j, "cpu_per_message", w->answered ? seconds(w->cpu_ns) / (double)w->answered : 0);
	json_real(j, "cpu_share", r->own_cpu_share);
	json_real(j, "memory_per_connection", r->own_memory_per_connection);
	json_bool(j, "limited", r->client_limited);
	json_end(j, '}');
}

static void
put_thresholds(struct json_out *j, const struct results *r)
{
	json_object(j, "thresholds");
	for (unsigned i = 0; i < r->o->thresholds.n; i++) {
		const struct threshold *t = &r->o->thresholds.list[i];
		struct threshold_result v = threshold_judge(t, r->stats, r->server_measured ? &r->server : NULL);
		char text[64];

		json_object(j, t->text);
		json_bool(j, "failed", v.failed);
		json_bool(j, "measured", v.measured);
		json_real(j, "value", v.value);
		json_string(j, "text", v.measured ? threshold_print(text, sizeof(text), t, v.value) : "not measured");
		json_end(j, '}');
	}
	json_end(j, '}');
}

enum column {
	COL_OPEN,
	COL_SENT,
	COL_ANSWERED,
	COL_ERRORS,
	COL_CONNECTED,
	COL_CLOSED,
	COL_P50,
	COL_P95,
	COL_P99,
	COL_MAX,
	COL_CPU,
	COL_RSS
};

static void
put_point(struct json_out *j, const struct results *r, unsigned i, enum column column)
{
	const struct stats_slot *s = &r->stats->slots[i];
	double per = seconds(r->stats->slot_ns);

	switch (column) {
	case COL_OPEN:
		json_number(j, NULL, s->open);
		break;
	case COL_SENT:
		json_real(j, NULL, (double)s->sent / per);
		break;
	case COL_ANSWERED:
		json_real(j, NULL, (double)s->answered / per);
		break;
	case COL_ERRORS:
		json_number(j, NULL, s->errors);
		break;
	case COL_CONNECTED:
		json_real(j, NULL, (double)s->connected / per);
		break;
	case COL_CLOSED:
		json_number(j, NULL, s->closed);
		break;
	case COL_CPU:
		json_real(j, NULL, r->server_points[i].cpu_share);
		break;
	case COL_RSS:
		json_number(j, NULL, r->server_points[i].rss_bytes);
		break;
	default:
		json_real(j, NULL,
			  seconds(column == COL_MAX   ? s->latency.max_ns
				  : column == COL_P50 ? hist_percentile(&s->latency, 50)
				  : column == COL_P95 ? hist_percentile(&s->latency, 95)
						      : hist_percentile(&s->latency, 99)));
	}
}

static void
put_series(struct json_out *j, const struct results *r)
{
	static const char *const names[] = { "connections",  "sent_rate",   "answered_rate", "errors",
					     "connect_rate", "closed",      "latency_p50",   "latency_p95",
					     "latency_p99",  "latency_max", "server_cpu",    "server_rss" };

	json_object(j, "series");
	json_real(j, "step", seconds(r->stats->slot_ns));
	for (unsigned c = 0; c < sizeof(names) / sizeof(*names); c++) {
		if (c >= COL_CPU && !r->server_measured)
			continue;
		json_array(j, names[c]);
		for (unsigned i = 0; i < r->stats->n_slots; i++)
			put_point(j, r, i, (enum column)c);
		json_end(j, ']');
	}
	json_end(j, '}');
}

static void
put_phases(struct json_out *j, const struct results *r)
{
	json_object(j, "phases");
	for (unsigned i = 0; i < r->plan->n; i++)
		json_real(j, r->plan->phases[i].name, seconds(r->plan->phases[i].duration_ns));
	json_end(j, '}');
}

static void
put_summary(struct json_out *j, const struct results *r)
{
	const struct stats *st = r->stats;

	json_object(j, "summary");
	json_bool(j, "passed", report_passed(r));
	json_bool(j, "interrupted", r->interrupted);
	json_real(j, "success", stats_success_share(st));
	json_real(j, "errors", stats_error_share(st));
	json_real(j, "rate", stats_rate(st));
	json_real(j, "connect_rate", stats_connect_rate(st));
	json_real(j, "window",
		  st->window.end_ns > st->window.start_ns ? seconds(st->window.end_ns - st->window.start_ns) : 0);
	json_number(j, "connections_peak", st->open_peak);
	json_end(j, '}');
}

int
report_json(FILE *out, const struct results *r)
{
	struct json_out j = { .out = out, .first = true };
	const struct stats *st = r->stats;
	char time[CLOCK_ISO8601_LEN + 1] = "";

	clock_iso8601(time, r->started_real_ms);
	json_object(&j, NULL);
	json_number(&j, "format", 1);
	json_string(&j, "wsload", PACKAGE_VERSION);
	json_string(&j, "title", r->o->title ? r->o->title : "");
	json_string(&j, "started", time);
	put_scenario(&j, r);
	put_phases(&j, r);
	put_summary(&j, r);
	json_object(&j, "counts");
#define PUT_COUNTER(field, name, text) json_number(&j, name, st->field);
	STATS_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	json_end(&j, '}');
	put_tally(&j, "close_codes", &st->closes);
	put_tally(&j, "connect_failures", &st->failures);
	put_tally(&j, "error_codes", &st->refusals);
	put_hist(&j, "connect", &st->connect);
	put_hist(&j, "latency", &st->latency);
	put_hist(&j, "downtime", &st->downtime);
	put_hist(&j, "lag", &st->lag);
	put_client(&j, r);
	if (r->server_measured)
		put_server(&j, r);
	put_thresholds(&j, r);
	put_series(&j, r);
	json_end(&j, '}');
	return output_flush(out);
}
