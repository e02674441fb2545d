/* SPDX-License-Identifier: MIT */
#include "ctl/smoke.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/err.h"
#include "ctl/api.h"
#include "ctl/child.h"
#include "ctl/why.h"

#define WORDS_MAX  64
#define TIMEOUT_MS 60000

/* Few enough for any limit that clients are under, and enough for a percentile. */
static const char *const standard[] = {
	"wsload",
	"--connections=10",
	"--rate=200",
	"--duration=1s",
	"--path=/ws/chat/smoke-{run}-{n}",
	"--fail-if=success<100% lost>0 errors>0% closed>0 latency_p95>1s",
	"--progress=off",
	"--quiet",
	"--json=-",
};

#define N_STANDARD (sizeof(standard) / sizeof(*standard))

/* The conditions that were not met. */
static void
add_failures(struct json_object *o, struct why *out)
{
	struct json_object *thresholds;

	out->text[0] = '\0';
	if (!json_object_object_get_ex(o, "thresholds", &thresholds))
		return;
	json_object_object_foreach(thresholds, name, t)
	{
		struct json_object *failed;

		if (json_object_object_get_ex(t, "failed", &failed) && json_object_get_boolean(failed))
			why_set(out, 0, "%s%s%s (%s)", out->text, out->text[0] ? ", " : "", name, api_text(t, "text"));
	}
}

/* Why handshakes failed, such as "http 503: 10". */
static void
add_refusals(struct json_object *o, struct why *out)
{
	struct json_object *refusals;

	out->text[0] = '\0';
	if (!json_object_object_get_ex(o, "connect_failures", &refusals))
		return;
	json_object_object_foreach(refusals, name, n)
	{
		why_set(out, 0, "%s%s%s: %lld", out->text, out->text[0] ? ", " : "not connected (", name,
			(long long)json_object_get_int64(n));
	}
	if (out->text[0])
		why_set(out, 0, "%s), ", out->text);
}

/* Nobody has told us a token (AUTH=jwt), and it is right to refuse who has none: no failure. */
static bool
asked_for_token(struct json_object *o, const char *options)
{
	struct json_object *counts = NULL, *refusals = NULL;

	json_object_object_get_ex(o, "counts", &counts);
	return json_object_object_get_ex(o, "connect_failures", &refusals) && api_number(refusals, "http 401") > 0 &&
	       api_number(refusals, "http 401") == api_number(counts, "connect_attempts") &&
	       !strcasestr(options, "token") && !strcasestr(options, "bearer");
}

static double
p95_ms(struct json_object *o)
{
	struct json_object *latency, *p95;

	if (!json_object_object_get_ex(o, "latency", &latency) || !json_object_object_get_ex(latency, "p95", &p95))
		return 0;
	return json_object_get_double(p95) * 1000;
}

/* Also of a wsload that ended well, as one did for any signal before it had a status of its own for that. */
static bool
was_interrupted(struct json_object *o)
{
	struct json_object *summary, *interrupted;

	return json_object_object_get_ex(o, "summary", &summary) &&
	       json_object_object_get_ex(summary, "interrupted", &interrupted) && json_object_get_boolean(interrupted);
}

static int
not_installed(struct why *why)
{
	return why_set(why, WSD_E_UNKNOWN, "wsload is not installed: apt install wsd-loadtest, or --no-smoke");
}

static int
judge(int rc, struct json_object *o, const struct child_output *err, const char *options, struct why *why)
{
	struct json_object *counts = NULL;
	struct why failures, refusals;

	if (rc == WSD_E_UNKNOWN)
		return not_installed(why);
	if (!o)
		return rc == WSD_OK ? why_set(why, WSD_E_MALFORMED, "wsload printed no JSON")
				    : why_set(why, rc, "%s%s%s", why->text, err->text ? "; it says:\n" : "",
					      err->text ? err->text : "");
	add_failures(o, &failures);
	add_refusals(o, &refusals);
	if (was_interrupted(o))
		return why_set(why, rc != WSD_OK ? rc : WSD_E_LIBRARY, "the test load was interrupted: %s%s%s",
			       refusals.text, failures.text, failures.text[0] ? "" : "no condition was crossed before");
	if (rc != WSD_OK && asked_for_token(o, options))
		return why_set(why, WSD_OK, "it asks for tokens, and SMOKE_OPTIONS has none: no message was tried");
	if (rc != WSD_OK)
		return why_set(why, rc, "the test load failed: %s%s", refusals.text,
			       failures.text[0] ? failures.text : why->text);
	json_object_object_get_ex(o, "counts", &counts);
	return why_set(why, WSD_OK, "%lld of %lld messages answered, p95 %.2f ms", api_number(counts, "answered"),
		       api_number(counts, "sent"), p95_ms(o));
}

int
smoke_check(struct why *why)
{
	const char *argv[] = { standard[0], "--version", NULL };
	struct child_output out;
	int rc = child_run(argv, TIMEOUT_MS, &out, NULL, why);

	child_output_deinit(&out);
	return rc == WSD_E_UNKNOWN ? not_installed(why) : rc;
}

int
smoke_run(const char *address, const char *options, struct why *why)
{
	const char *argv[N_STANDARD + WORDS_MAX + 2];
	struct child_output out, err;
	char url[96], *copy = strdup(options ? options : ""), *rest = copy, *word;
	struct json_object *o = NULL;
	size_t n = N_STANDARD;
	int rc;

	if (!copy)
		return why_set(why, -ENOMEM, "out of memory");
	memcpy(argv, standard, sizeof(standard));
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word && n++ < N_STANDARD + WORDS_MAX)
			argv[n - 1] = word;
	if (n > N_STANDARD + WORDS_MAX) {
		free(copy);
		return why_set(why, WSD_E_TOO_LARGE, "SMOKE_OPTIONS: more than %d words", WORDS_MAX);
	}
	snprintf(url, sizeof(url), "ws://%s", address);
	argv[n++] = url;
	argv[n] = NULL;
	rc = child_run(argv, TIMEOUT_MS, &out, &err, why);
	if (out.text)
		o = json_tokener_parse(out.text);
	if (rc != -EINTR)
		rc = judge(rc, o, &err, options ? options : "", why);
	json_object_put(o);
	child_output_deinit(&out);
	child_output_deinit(&err);
	free(copy);
	return rc;
}
