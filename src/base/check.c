/* SPDX-License-Identifier: MIT */
/* What a failed check says before it aborts. */
#include "base/check.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY_MS 1000

/* Perhaps nobody reads it, and we have to end all the same. */
static bool
can_say(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, SAY_MS) == 1;
}

void
check_failed(const char *file, int line, const char *what, int code)
{
	int number = code < 0 ? -code : code; /* pthreads return errno values, libuv their negatives */

	if (can_say())
		fprintf(stderr, "<2>wsd: %s:%d: check failed: %s%s%s\n", file, line, what, code ? ": " : "",
			code ? strerror(number) : "");
	abort();
}
