/* SPDX-License-Identifier: MIT */
/* wsload: puts load on WebSocket servers. From the command line to the exit status. */
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
#include "loadtest/result_file.h"
#include "loadtest/run.h"

enum exit_status { EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_BROKEN, EXIT_INTERRUPTED };

/* Before the load, so that a mistyped name does not cost ten minutes. */
static bool
open_result(struct result_file *f, const char *path)
{
	int rc = result_file_open(f, path);

	if (rc != WSD_OK)
		fprintf(stderr, "wsload: %s: %s\n", path, wsd_strerror(rc));
	return rc == WSD_OK;
}

/* Says what went wrong, if anything did; who closed a pipe knows. */
static bool
arrived(int rc, const char *where)
{
	if (rc != WSD_OK && rc != -EPIPE)
		fprintf(stderr, "wsload: %s: %s\n", where, wsd_strerror(rc));
	return rc == WSD_OK;
}

/* All of them, though one went wrong. */
static bool
report_all(const struct options *o, struct result_file *json, struct result_file *page, const struct results *r)
{
	FILE *table = o->quiet ? NULL : json->stream == stdout || page->stream == stdout ? stderr : stdout;
	bool good = !table || arrived(report_text(table, r), "the table");

	good = arrived(result_file_write(json, report_json, r), json->path) && good;
	return arrived(result_file_write(page, report_html, r), page->path) && good;
}

/* Figures of nothing are no result, though nothing was to fail for them. */
static bool
nobody_connected(const struct results *r)
{
	if (r->stats->attempts == 0 || r->stats->connected > 0)
		return false;
	fprintf(stderr, "wsload: none of %llu attempts to connect succeeded\n", (unsigned long long)r->stats->attempts);
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
	static struct result_file json, page;
	struct plan plan;
	int status = EXIT_BROKEN;
	bool written;

	inherited_settle(NULL);
	switch (options_parse(&o, argc, argv, stdout, stderr)) {
	case OPTIONS_DONE:
		return arrived(output_flush(stdout), "standard output") ? EXIT_PASSED : EXIT_BROKEN;
	case OPTIONS_BAD:
		return EXIT_USAGE;
	default:
		break;
	}
	plan_make(&plan, &o);
	if (!open_result(&json, o.json_file) || !open_result(&page, o.report_file))
		goto out;
	if (result_file_same(&json, &page)) {
		fprintf(stderr, "wsload: --json %s and --report %s are the same file\n", json.path, page.path);
		status = EXIT_USAGE;
		goto out;
	}
	if (run(&o, &plan, &r) != WSD_OK)
		goto out;
	written = report_all(&o, &json, &page, &r);
	status = verdict(&r);
	if (!written)
		status = EXIT_BROKEN;
out:
	result_file_close(&json);
	result_file_close(&page);
	results_deinit(&r);
	return status;
}
