/* SPDX-License-Identifier: MIT */
/* The results as one page: the JSON report put into loadtest/report.html, whose script draws it. */
#include "loadtest/report.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/output.h"

/* made from report.html at build time */
static const char page[] =
#include "loadtest/report_page.inc"
	;

#define MARK "@RESULTS@"

int
report_html(FILE *out, const struct results *r)
{
	const char *mark = strstr(page, MARK);
	int rc;

	CHECK(mark);
	fwrite(page, 1, (size_t)(mark - page), out);
	rc = report_json(out, r);
	if (rc != WSD_OK)
		return rc;
	fputs(mark + strlen(MARK), out);
	return output_flush(out);
}
