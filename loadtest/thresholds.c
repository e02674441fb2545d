/* SPDX-License-Identifier: MIT */
/* Thresholds: the table of metrics, the parser, the verdict. */
#include "loadtest/thresholds.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "loadtest/procstat.h"
#include "loadtest/stats.h"
#include "loadtest/units.h"

enum kind { KIND_TIME, KIND_SHARE, KIND_COUNT, KIND_BYTES };

static double
errors_of(const struct stats *st)
{
	return stats_error_share(st);
}

#define METRIC_COUNTERS(X) \
	X(closed) \
	X(lost) \
	X(repeated) \
	X(out_of_order) \
	X(count_errors) \
	X(late) \
	X(missed) \
	X(refused) \
	X(connect_failed) \
	X(reconnects) \
	X(resumed) \
	X(not_resumed) \
	X(resume_count_errors) \
	X(protocol_errors) \
	X(goodbyes) \
	X(not_accepted) \
	X(connected) \
	X(answered) \
	X(sent)

#define METRIC_GETTER(field) \
	static double get_##field(const struct stats *st) \
	{ \
		return (double)st->field; \
	}
METRIC_COUNTERS(METRIC_GETTER)

static double
peak_of(const struct stats *st)
{
	return (double)st->open_peak;
}

static double
server_cpu(const struct server_figures *s)
{
	return s->cpu_per_message_ns;
}

static double
server_memory(const struct server_figures *s)
{
	return s->memory_per_connection;
}

#define HIST_OF(member) offsetof(struct stats, member)

static const struct metric {
	const char *name;
	enum kind kind;
	size_t hist; /* offset of a distribution, named with _p95 and the like; 0: a single figure */
	double (*get)(const struct stats *st);
	double (*get_server)(const struct server_figures *s);
} metrics[] = { { "connect", KIND_TIME, HIST_OF(connect), NULL, NULL },
		{ "latency", KIND_TIME, HIST_OF(latency), NULL, NULL },
		{ "downtime", KIND_TIME, HIST_OF(downtime), NULL, NULL },
		{ "lag", KIND_TIME, HIST_OF(lag), NULL, NULL },
		{ "errors", KIND_SHARE, 0, errors_of, NULL },
		{ "success", KIND_SHARE, 0, stats_success_share, NULL },
		{ "rate", KIND_COUNT, 0, stats_rate, NULL },
		{ "connect_rate", KIND_COUNT, 0, stats_connect_rate, NULL },
		{ "connections", KIND_COUNT, 0, peak_of, NULL },
		{ "server_cpu", KIND_TIME, 0, NULL, server_cpu },
		{ "server_memory", KIND_BYTES, 0, NULL, server_memory },
#define METRIC_ROW(field) { #field, KIND_COUNT, 0, get_##field, NULL },
		METRIC_COUNTERS(METRIC_ROW) };

#define N_METRICS (sizeof(metrics) / sizeof(*metrics))

/* "p95", "p99.9", "max", "mean" */
static int
parse_percentile(const char *text, double *out)
{
	if (strcmp(text, "max") == 0)
		*out = -2;
	else if (strcmp(text, "mean") == 0)
		*out = -1;
	else if (text[0] != 'p' || units_decimal(text + 1, out) != WSD_OK || *out <= 0 || *out > 100)
		return WSD_E_UNKNOWN;
	return WSD_OK;
}

static int
find_metric(const char *name, struct threshold *t)
{
	for (size_t i = 0; i < N_METRICS; i++) {
		size_t n = strlen(metrics[i].name);

		t->metric = (int)i;
		if (metrics[i].hist == 0 && strcmp(name, metrics[i].name) == 0)
			return WSD_OK;
		if (metrics[i].hist != 0 && strncmp(name, metrics[i].name, n) == 0 && name[n] == '_')
			return parse_percentile(name + n + 1, &t->percentile);
	}
	return WSD_E_UNKNOWN;
}

static int
parse_limit(const char *text, enum kind kind, double *out)
{
	size_t len = strlen(text);
	char number[THRESHOLD_TEXT_MAX];
	uint64_t value;
	int rc;

	switch (kind) {
	case KIND_TIME:
		rc = units_duration(text, &value);
		break;
	case KIND_BYTES:
		rc = units_size(text, 1ull << 50, &value);
		break;
	case KIND_COUNT:
		rc = units_count(text, 0, 1ull << 50, &value);
		break;
	default:
		/* "1%"; without the sign a share: "0.01" */
		if (len == 0 || text[len - 1] != '%')
			return units_decimal(text, out) == WSD_OK && *out <= 1 ? WSD_OK : WSD_E_MALFORMED;
		snprintf(number, sizeof(number), "%.*s", (int)len - 1, text);
		rc = units_decimal(number, out);
		*out /= 100;
		return rc == WSD_OK && *out <= 1 ? WSD_OK : WSD_E_MALFORMED;
	}
	if (rc == WSD_OK)
		*out = (double)value;
	return rc == WSD_OK ? WSD_OK : WSD_E_MALFORMED;
}

static int
parse_one(struct threshold *t, const char *text, size_t len)
{
	size_t name_len = strcspn(text, "<>");
	char name[THRESHOLD_TEXT_MAX];
	const char *limit;
	int rc;

	*t = (struct threshold){ .metric = -1 };
	if (len >= sizeof(t->text) || name_len >= len || name_len == 0)
		return WSD_E_MALFORMED;
	memcpy(t->text, text, len);
	memcpy(name, text, name_len);
	name[name_len] = '\0';
	rc = find_metric(name, t);
	if (rc != WSD_OK)
		return rc;
	limit = t->text + name_len + 1;
	t->op = t->text[name_len] == '>' ? THRESHOLD_GT : THRESHOLD_LT;
	if (*limit == '=') {
		t->op = t->op == THRESHOLD_GT ? THRESHOLD_GE : THRESHOLD_LE;
		limit++;
	}
	return parse_limit(limit, metrics[t->metric].kind, &t->limit);
}

int
thresholds_parse(struct thresholds *t, const char *text, const char **bad)
{
	while (*(text += strspn(text, ", "))) {
		size_t len = strcspn(text, ", ");
		int rc = t->n == THRESHOLDS_MAX ? WSD_E_FULL : parse_one(&t->list[t->n], text, len);

		if (rc != WSD_OK) {
			*bad = text;
			return rc;
		}
		t->n++;
		text += len;
	}
	return WSD_OK;
}

static void
measure(const struct threshold *t, const struct stats *st, const struct server_figures *server,
	struct threshold_result *r)
{
	const struct metric *m = &metrics[t->metric];

	if (m->hist) {
		const struct hist *h = (const struct hist *)((const char *)st + m->hist);

		r->measured = h->n > 0;
		r->value = t->percentile == -1   ? (double)hist_mean(h)
			   : t->percentile == -2 ? (double)h->max_ns
						 : (double)hist_percentile(h, t->percentile);
	} else if (m->get_server) {
		r->value = server ? m->get_server(server) : 0;
		r->measured = r->value > 0;
	} else {
		r->measured = true;
		r->value = m->get(st);
	}
}

struct threshold_result
threshold_judge(const struct threshold *t, const struct stats *st, const struct server_figures *server)
{
	struct threshold_result r = { false, 0, true };

	measure(t, st, server, &r);
	if (!r.measured)
		return r;
	r.failed = t->op == THRESHOLD_GT   ? r.value > t->limit
		   : t->op == THRESHOLD_GE ? r.value >= t->limit
		   : t->op == THRESHOLD_LT ? r.value < t->limit
					   : r.value <= t->limit;
	return r;
}

const char *
threshold_print(char *out, size_t room, const struct threshold *t, double value)
{
	char text[UNITS_TEXT_MAX];

	switch (metrics[t->metric].kind) {
	case KIND_TIME:
		snprintf(out, room, "%s", units_print_ns(text, (uint64_t)value));
		break;
	case KIND_BYTES:
		snprintf(out, room, "%s", units_print_bytes(text, value));
		break;
	case KIND_SHARE:
		snprintf(out, room, "%.4g %%", value * 100);
		break;
	default:
		snprintf(out, room, "%.0f", value);
	}
	return out;
}
