/* SPDX-License-Identifier: MIT */
/* What a failed check says before it aborts. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
check_failed(const char *file, int line, const char *what, int code)
{
	int number = code < 0 ? -code : code; /* pthreads return errno values, libuv their negatives */

	fprintf(stderr, "<2>wsd: %s:%d: check failed: %s%s%s\n", file, line, what, code ? ": " : "",
		code ? strerror(number) : "");
	abort();
}
