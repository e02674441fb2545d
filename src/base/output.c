/* SPDX-License-Identifier: MIT */
#include "base/output.h"

#include <errno.h>

#include "base/err.h"

int
output_flush(FILE *out)
{
	if (fflush(out) != 0)
		return wsd_errno();
	return ferror(out) ? -EIO : WSD_OK;
}
