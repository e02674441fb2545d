/* SPDX-License-Identifier: MIT */
/* The command line as one struct. Which options a command takes is in its row of the table of commands. */
#ifndef WSD_CTL_OPTIONS_H
#define WSD_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_ARGS      64
#define OPTIONS_LIMIT_MAX 1000 /* what the admin interface gives at a time */

struct command;

enum option_id {
	OPTION_JSON,
	OPTION_WATCH,
	OPTION_INSTANCE,
	OPTION_PREFIX,
	OPTION_CLIENT,
	OPTION_IDLE,
	OPTION_LIMIT,
	OPTION_AFTER,
	OPTION_ALL,
	OPTION_NO_HANDOFF,
	OPTION_NO_SMOKE,
	OPTION_DRY_RUN,
	OPTION_FORCE,
	OPTION_CLOSE,
	OPTION_PROGRAM,
	OPTION_HELP,
	OPTION_VERSION,
};

#define OPTION_BIT(id) (1u << (id))

struct options {
	const struct command *command;
	const char *args[OPTIONS_ARGS];
	unsigned n_args;
	unsigned given; /* set of enum option_id */
	uint32_t watch_ms;
	const char *instance, *prefix, *client, *after, *program;
	uint64_t idle_ms;
	uint32_t limit;
};

static inline bool
option_given(const struct options *o, enum option_id id)
{
	return o->given & OPTION_BIT(id);
}

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* OPTIONS_DONE: help or version have been printed to out. OPTIONS_BAD: a line on err says what is wrong and
 * what would be right. Strings stay argv's. */
enum options_result options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err);

#endif
