/* SPDX-License-Identifier: MIT */
#include "base/output.h"

#include <errno.h>

#include "base/err.h"

int
output_flush(FILE *out)
{
	static int lost; /* why the first piece of standard output did not arrive; of the main thread */
	int rc = fflush(out) == 0 ? WSD_OK : wsd_errno();

	if (out == stdout && lost == WSD_OK)
		lost = rc;
	if (!ferror(out))
		return WSD_OK;
	return rc != WSD_OK ? rc : out == stdout && lost != WSD_OK ? lost : -EIO;
}
