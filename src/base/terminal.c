/* SPDX-License-Identifier: MIT */
#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/output.h"

#define COLUMNS_STANDARD 80

bool
terminal_redraws(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && term[0] && strcmp(term, "dumb") != 0;
}

/* Asked for each time: windows are resized. A line without size (a serial one) is taken to be of the usual width. */
static unsigned
columns(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_STANDARD;
}

void
terminal_draw(FILE *to, const char *text)
{
	/* the last column stays free: some terminals go on to the next row once it is written to */
	fprintf(to, "\r%.*s\033[K", (int)columns(fileno(to)) - 1, text);
	output_flush(to);
}
