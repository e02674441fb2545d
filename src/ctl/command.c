/* SPDX-License-Identifier: MIT */
/* The table of commands. */
#include "ctl/command.h"

#include <string.h>

#include "base/err.h"
#include "base/names.h"
#include "ctl/why.h"

#define JSON       OPTION_BIT(OPTION_JSON)
#define INSTANCE   OPTION_BIT(OPTION_INSTANCE)
#define DEPLOYMENT (JSON | OPTION_BIT(OPTION_NO_HANDOFF) | OPTION_BIT(OPTION_NO_SMOKE) | OPTION_BIT(OPTION_DRY_RUN))
#define PAGE \
	(JSON | INSTANCE | OPTION_BIT(OPTION_PREFIX) | OPTION_BIT(OPTION_CLIENT) | OPTION_BIT(OPTION_IDLE) | \
	 OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_AFTER) | OPTION_BIT(OPTION_ALL))

const struct command command_table[] = {
	{ "status", "", 0, 0, JSON | OPTION_BIT(OPTION_WATCH), 0, false, true,
	  "what both instances do, and which one the proxy leads to", status_command },
	{ "connections", "", 0, 0, PAGE, 0, false, true, "list connections, a page at a time", connections_command },
	{ "show", "ID", 1, 1, JSON | INSTANCE, 0, false, true, "one connection", show_command },
	{ "disconnect", "ID...", 1, OPTIONS_ARGS, INSTANCE, 0, false, true, "close connections", disconnect_command },
	{ "channels", "INSTANCE [PATTERN]", 1, 2, JSON, 1, false, false,
	  "the channels of an instance that have subscribers, such as 'chat:*'", channels_command },
	{ "publish", "INSTANCE CHANNEL JSON", 3, 3, JSON, 1, false, false, "publish to a channel", publish_command },
	{ "history", "INSTANCE CHANNEL", 2, 2, JSON | OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_ALL), 1, false,
	  false, "what was published in a channel, the latest last", history_command },
	{ "presence", "INSTANCE CHANNEL", 2, 2, JSON, 1, false, false, "who is subscribed to a channel",
	  presence_command },
	{ "deploy", "blue|green", 1, 1, DEPLOYMENT | OPTION_BIT(OPTION_PROGRAM), 0, true, true,
	  "start an instance, try it, lead all clients to it, and stop the other", deploy_command },
	{ "rollback", "", 0, 0, DEPLOYMENT, 0, true, true,
	  "go back to where the last deploy came from, and to its program", rollback_command },
	{ "upgrade", "", 0, 0, OPTION_BIT(OPTION_DRY_RUN), 0, true, true,
	  "have the instances take up the installed program, as the package does when it is upgraded",
	  upgrade_command },
	{ "switch", "blue|green", 1, 1, OPTION_BIT(OPTION_FORCE), 0, true, true,
	  "lead new connections to an instance, and nothing else", switch_command },
	{ "handoff", "FROM TO", 2, 2, JSON | OPTION_BIT(OPTION_CLOSE), 2, false, false,
	  "move the connections of one instance to the other", handoff_command },
	{ "check", "[INSTANCE]...", 0, OPTIONS_ARGS, OPTION_BIT(OPTION_PROGRAM), OPTIONS_ARGS, true, true,
	  "try a start in the environment of an instance, beside it", check_command },
	{ "restart", "INSTANCE...", 1, OPTIONS_ARGS, OPTION_BIT(OPTION_PROGRAM), OPTIONS_ARGS, true, true,
	  "the same, and restart it with its connections if that went well", restart_command },
	{ "stop", "INSTANCE...", 1, OPTIONS_ARGS, 0, OPTIONS_ARGS, true, true,
	  "say goodbye to all clients of an instance, end it, and close its sockets", stop_command },
	{ "drain", "INSTANCE", 1, 1, 0, 1, false, false,
	  "tell all clients of an instance to go, and let no new ones in", drain_command },
	{ "accept", "INSTANCE on|off", 2, 2, 0, 1, false, false,
	  "whether an instance lets new connections in; on also ends a drain", accept_command },
	{ "log-level", "INSTANCE [LEVEL]", 1, 2, 0, 1, false, false,
	  "show or change how much is logged: error, warn, notice, info or debug", log_level_command },
	{ .name = NULL },
};

const struct command *
command_find(const char *name)
{
	for (const struct command *c = command_table; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

int
command_run(struct ctl *ctl)
{
	const struct options *o = ctl->o;

	for (unsigned i = 0; i < o->n_args && i < o->command->instances; i++) {
		if (name_is_instance(o->args[i]))
			continue;
		fprintf(stderr, "wsctl: '%s' is not the name of an instance such as blue\n", o->args[i]);
		return EXIT_USAGE;
	}
	return o->command->run(ctl);
}

int
command_fail(int code, const struct why *why)
{
	fprintf(stderr, "wsctl: %s\n", why->text);
	return command_status(code);
}

int
command_status(int code)
{
	switch (code) {
	case WSD_OK:
		return EXIT_DONE;
	case -EACCES:
	case -EPERM:
		return EXIT_NO_RIGHTS;
	case -ENOENT:
	case -ECONNREFUSED:
	case WSD_E_TIMEOUT:
		return EXIT_UNREACHABLE;
	case -EINTR:
		return EXIT_INTERRUPTED;
	case WSD_E_BUSY:
		return EXIT_BUSY;
	case WSD_E_RANGE:
		return EXIT_CONFIGURATION;
	default:
		return EXIT_FAILED;
	}
}
