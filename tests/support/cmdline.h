/* SPDX-License-Identifier: MIT */
/* A program's command line as a test writes it: in one string, without quotes. One at a time. */
#ifndef WSD_TESTS_CMDLINE_H
#define WSD_TESTS_CMDLINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CMDLINE_ARGS 128

static struct {
	char text[4096];
	char *argv[CMDLINE_ARGS];
	int argc;
	FILE *out, *err; /* for what is said; open from split() to heard() */
	char *said, *complained;
	size_t said_len, complained_len;
} cmdline;

static inline void
cmdline_forget(void)
{
	free(cmdline.said);
	free(cmdline.complained);
	cmdline.said = cmdline.complained = NULL;
}

static inline void
cmdline_split(const char *program, const char *line)
{
	char *rest = cmdline.text, *word;

	cmdline_forget();
	cmdline.out = open_memstream(&cmdline.said, &cmdline.said_len);
	cmdline.err = open_memstream(&cmdline.complained, &cmdline.complained_len);
	if (!cmdline.out || !cmdline.err)
		abort();
	snprintf(cmdline.text, sizeof(cmdline.text), "%s", line);
	cmdline.argv[0] = (char *)program;
	cmdline.argc = 1;
	while ((word = strsep(&rest, " ")) != NULL) {
		if (cmdline.argc == CMDLINE_ARGS - 1)
			abort();
		if (*word)
			cmdline.argv[cmdline.argc++] = word;
	}
	cmdline.argv[cmdline.argc] = NULL;
}

/* What was said can be read. */
static inline void
cmdline_heard(void)
{
	fclose(cmdline.out);
	fclose(cmdline.err);
}

#endif
