/* SPDX-License-Identifier: MIT */
/* Why the server does not start: in the log, and where whoever looks at the unit sees it. */
#include "server/starting.h"

#include <stdarg.h>
#include <stdio.h>

#include "log/log.h"
#include "sysd/sysd.h"

void
starting_failed(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_error("%s", text);
	sysd_notify("STATUS=%s", text);
}
