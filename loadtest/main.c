/* SPDX-License-Identifier: MIT */
/* wsload: puts load on WebSocket servers. From the command line to the exit status. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "loadtest/options.h"
#include "loadtest/plan.h"
#include "loadtest/report.h"
#include "loadtest/run.h"

enum exit_status { EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_BROKEN };

/* Before the load, so that a mistyped name does not cost ten minutes. */
static FILE *
open_output(const char *path)
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (!out)
		fprintf(stderr, "wsload: %s: %s\n", path, strerror(errno));
	return out;
}

static int
finish(FILE *out, const char *path, int (*report)(FILE *, const struct results *), const struct results *r)
{
	int rc = out ? report(out, r) : WSD_OK;

	if (out && out != stdout && fclose(out) != 0 && rc == WSD_OK)
		rc = wsd_errno();
	if (rc != WSD_OK)
		fprintf(stderr, "wsload: %s: %s\n", path, wsd_strerror(rc));
	return rc;
}

int
main(int argc, char **argv)
{
	static struct options o;
	static struct results r;
	struct plan plan;
	FILE *json = NULL, *page = NULL;
	int status = EXIT_BROKEN;

	switch (options_parse(&o, argc, argv, stdout, stderr)) {
	case OPTIONS_DONE:
		return EXIT_PASSED;
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
	status = report_failures(&r) > 0 ? EXIT_FAILED : EXIT_PASSED;
	if (!o.quiet && report_text(json == stdout || page == stdout ? stderr : stdout, &r) != WSD_OK)
		status = EXIT_BROKEN;
	if (finish(json, o.json_file, report_json, &r) != WSD_OK ||
	    finish(page, o.report_file, report_html, &r) != WSD_OK)
		status = EXIT_BROKEN;
out:
	results_deinit(&r);
	return status;
}
