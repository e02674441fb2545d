/* SPDX-License-Identifier: MIT */
/* wsctl: the operator's tool. From the command line to the exit status; wsctl(8). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/inherited.h"
#include "base/output.h"
#include "conf/conf_ctl.h"
#include "conf/env_file.h"
#include "ctl/bus.h"
#include "ctl/command.h"
#include "ctl/interrupt.h"
#include "ctl/why.h"
#include "log/log.h"

#define SETTINGS      "/etc/ws/ws.env"
#define SETTINGS_ROOM 1048576

/* A file that is not there leaves all at its default. */
static int
read_settings(struct conf_ctl *out, struct why *why)
{
	struct env_file *file = NULL;
	unsigned line = 0;
	size_t len = 0;
	char *text;
	int rc = fd_read_file(SETTINGS, SETTINGS_ROOM, &text, &len);

	if (rc == -ENOENT)
		rc = WSD_OK;
	if (rc == WSD_OK)
		rc = env_file_parse(&file, text ? text : "", len, &line);
	if (rc == WSD_OK) {
		rc = conf_ctl_load(out, file, why->text, sizeof(why->text));
		if (rc == WSD_E_MALFORMED || rc == WSD_E_RANGE)
			rc = why_set(why, WSD_E_RANGE, "%s: %s", SETTINGS, why->text);
	} else if (rc == WSD_E_MALFORMED) {
		rc = why_set(why, WSD_E_RANGE, "%s:%u: not of the form NAME=value", SETTINGS, line);
	} else {
		why_set(why, rc, "%s: %s", SETTINGS, wsd_strerror(rc));
	}
	env_file_destroy(&file);
	free(text);
	return rc;
}

static int
run(struct ctl *ctl)
{
	const struct command *c = ctl->o->command;
	struct why why;
	int rc = WSD_OK, status;

	if (c->needs_root && geteuid() != 0) {
		why_set(&why, 0, "%s: only root may do that (try sudo wsctl ...)", c->name);
		return command_fail(-EACCES, &why);
	}
	if (c->needs_root && log_start(LOG_FORMAT_JOURNAL, LOG_LEVEL_INFO, "") != WSD_OK)
		fprintf(stderr, "wsctl: the journal is not there, and what is done is told here only\n");
	ctl->settings_rc = read_settings(&ctl->conf, &ctl->settings_why);
	if (c->needs_root && ctl->settings_rc != WSD_OK) {
		rc = ctl->settings_rc;
		why = ctl->settings_why;
	}
	if (rc == WSD_OK && c->needs_bus)
		rc = bus_open(&ctl->bus, &why);
	status = rc == WSD_OK ? command_run(ctl) : command_fail(rc, &why);
	bus_close(&ctl->bus);
	conf_ctl_deinit(&ctl->conf);
	return status;
}

/* Output that went nowhere (a full disk) is a failure, unless the command was there to do something. */
static int
end_output(int status, bool did_something)
{
	int rc = output_flush(stdout);

	if (rc != WSD_OK && rc != -EPIPE)
		fprintf(stderr, "wsctl: standard output could not be written: %s\n", wsd_strerror(rc));
	return rc != WSD_OK && status == EXIT_DONE && !did_something ? EXIT_FAILED : status;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct ctl ctl = { .o = &options };
	int status;

	inherited_settle(NULL);
	switch (options_parse(&options, argc, argv, stdout, stderr)) {
	case OPTIONS_DONE:
		return end_output(EXIT_DONE, false);
	case OPTIONS_BAD:
		return EXIT_USAGE;
	default:
		break;
	}
	if (interrupt_init() != WSD_OK || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		fprintf(stderr, "wsctl: out of resources\n");
		return EXIT_FAILED;
	}
	status = run(&ctl);
	curl_global_cleanup();
	log_stop();
	if (log_dropped() > 0)
		fprintf(stderr, "wsctl: %llu lines could not be written to the journal\n",
			(unsigned long long)log_dropped());
	return end_output(status, options.command->needs_root);
}
