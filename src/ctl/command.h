/* SPDX-License-Identifier: MIT */
/* What all commands of wsctl have in common: their table, what they get, and the exit statuses of wsctl(8).
 */
#ifndef WSD_CTL_COMMAND_H
#define WSD_CTL_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "conf/conf_ctl.h"
#include "ctl/options.h"
#include "ctl/why.h"

struct bus;

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* and nothing has changed, or all of it was taken back */
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3, /* an instance or systemd */
	EXIT_NO_RIGHTS = 4,
	EXIT_BUSY = 5,        /* another deploy is at work */
	EXIT_INTERRUPTED = 6, /* and all of it was taken back */
	EXIT_ATTENTION = 7,   /* failed, and not all could be taken back */
	EXIT_CONFIGURATION = 78,
};

/* What a command is given. */
struct ctl {
	const struct options *o;
	struct conf_ctl conf;
	/* Of a command for root alone, WSD_OK. Others do without settings if need be, which may not even be theirs to
	 * read. */
	int settings_rc;
	struct why settings_why;
	struct bus *bus;
};

struct command {
	const char *name;
	const char *args; /* for the help: "ID", "[blue|green]" */
	unsigned min_args, max_args;
	unsigned options;   /* set of enum option_id */
	unsigned instances; /* so many of the arguments, from the first on, are names of instances */
	bool needs_root;
	bool needs_bus;
	const char *help;
	int (*run)(struct ctl *ctl); /* returns the exit status */
};

/* Ends with an entry without a name. */
extern const struct command command_table[];

const struct command *command_find(const char *name);

/* The one of the command line, unless what is to be an instance cannot be one. Returns the exit status. */
int command_run(struct ctl *ctl);

/* The exit status for a code of base/err.h. */
int command_status(int code);
/* The same, and says why on standard error. */
int command_fail(int code, const struct why *why);

int status_command(struct ctl *ctl);
int connections_command(struct ctl *ctl);
int show_command(struct ctl *ctl);
int disconnect_command(struct ctl *ctl);
int channels_command(struct ctl *ctl);
int publish_command(struct ctl *ctl);
int history_command(struct ctl *ctl);
int presence_command(struct ctl *ctl);
int check_command(struct ctl *ctl);
int restart_command(struct ctl *ctl);
int stop_command(struct ctl *ctl);
int drain_command(struct ctl *ctl);
int accept_command(struct ctl *ctl);
int handoff_command(struct ctl *ctl);
int log_level_command(struct ctl *ctl);
int switch_command(struct ctl *ctl);
int deploy_command(struct ctl *ctl);
int rollback_command(struct ctl *ctl);
int upgrade_command(struct ctl *ctl);

#endif
