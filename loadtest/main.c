/* SPDX-License-Identifier: MIT */
/* wsload: puts load on WebSocket servers. From the command line to the exit status. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/inherited.h"
#include "base/output.h"
#include "loadtest/options.h"
#include "loadtest/plan.h"
#include "loadtest/report.h"
#include "loadtest/run.h"

enum exit_status { EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_BROKEN, EXIT_INTERRUPTED };

/* Before the load, so that a mistyped name does not cost ten minutes. */
static FILE *
open_output(const char *path)
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (!out)
		fprintf(stderr, "wsload: %s: %s\n", path, strerror(errno));
	return out;
}

/* report may be NULL: all is written already. */
static int
finish(FILE *out, const char *path, int (*report)(FILE *, const struct results *), const struct results *r)
{
	int rc = !out ? WSD_OK : report ? report(out, r) : output_flush(out);

	if (out && out != stdout && out != stderr && fclose(out) != 0 && rc == WSD_OK)
		rc = wsd_errno();
	if (rc != WSD_OK && rc != -EPIPE) /* who closed a pipe knows */
		fprintf(stderr, "wsload: %s: %s\n", path, wsd_strerror(rc));
	return rc;
}

/* Figures of nothing are no result, though nothing was to fail for them. */
static bool
nobody_connected(const struct results *r)
{
	if (r->stats->attempts == 0 || r->stats->connected > 0)
		return false;
	fprintf(stderr, "wsload: none of %llu attempts to connect succeeded\n",
		(unsigned long long)r->stats->attempts);
	return true;
}

/* A threshold that was crossed stays so, however the run ended. */
static enum exit_status
verdict(const struct results *r)
{
	bool nobody = nobody_connected(r);

	if (r->interrupted)
		fprintf(stderr, "wsload: interrupted before the end, so this has not passed\n");
	if (report_failures(r) > 0)
		return EXIT_FAILED;
	return r->interrupted ? EXIT_INTERRUPTED : nobody ? EXIT_BROKEN : EXIT_PASSED;
}

int
main(int argc, char **argv)
{
	static struct options o;
	static struct results r;
	struct plan plan;
	FILE *json = NULL, *page = NULL, *table;
	int status = EXIT_BROKEN;
	bool written;

	inherited_settle(NULL);
	switch (options_parse(&o, argc, argv, stdout, stderr)) {
	case OPTIONS_DONE:
		return finish(stdout, "standard output", NULL, NULL) == WSD_OK ? EXIT_PASSED : EXIT_BROKEN;
	case OPTIONS_BAD:
		return EXIT_USAGE;
	default:
		break;
	}
	plan_make(&plan, &o);
	if ((o.json_file && !(json = open_output(o.json_file))) ||
	    (o.report_file && !(page = open_output(o.report_file))))
		return EXIT_BROKEN;
	if (run(&o, &plan, &r) != WSD_OK)
		goto out;
	table = o.quiet ? NULL : json == stdout || page == stdout ? stderr : stdout;
	written = finish(table, "the table", report_text, &r) == WSD_OK;
	written = finish(json, o.json_file, report_json, &r) == WSD_OK && written;
	written = finish(page, o.report_file, report_html, &r) == WSD_OK && written;
	status = verdict(&r);
	if (!written)
		status = EXIT_BROKEN;
out:
	results_deinit(&r);
	return status;
}
