/* SPDX-License-Identifier: MIT */
/*
 * Conditions under which a run has failed: "latency_p95>1s", "errors>1%". An expression names what must not
 * be. One list makes the parser, the documentation of the names and the values. Pure.
 */
#ifndef WSLOAD_THRESHOLDS_H
#define WSLOAD_THRESHOLDS_H

#include <stdbool.h>
#include <stddef.h>

struct stats;
struct server_figures;

#define THRESHOLDS_MAX     64
#define THRESHOLD_TEXT_MAX 64

enum threshold_op { THRESHOLD_GT, THRESHOLD_GE, THRESHOLD_LT, THRESHOLD_LE };

struct threshold {
	char text[THRESHOLD_TEXT_MAX]; /* as written, without spaces */
	int metric;
	enum threshold_op op;
	double percentile; /* of a distribution; -1: its mean, -2: its maximum */
	double limit;      /* ns, share, bytes or plain number, as the metric has it */
};

struct thresholds {
	unsigned n;
	struct threshold list[THRESHOLDS_MAX];
};

struct threshold_result {
	bool measured; /* false: nothing was there to judge; such a threshold fails */
	double value;
	bool failed;
};

/* One or more expressions with commas or spaces between them, added to t. WSD_OK, WSD_E_MALFORMED,
 * WSD_E_UNKNOWN (no such metric), WSD_E_FULL; then *bad is the expression, to be shown up to the next
 * separator. */
int thresholds_parse(struct thresholds *t, const char *text, const char **bad);

/* server may be NULL. */
struct threshold_result threshold_judge(const struct threshold *t, const struct stats *st,
					const struct server_figures *server);

/* The value as people read it: "1.02 s", "3.1 %". Returns out. */
const char *threshold_print(char *out, size_t room, const struct threshold *t, double value);

#endif
