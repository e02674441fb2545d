/* SPDX-License-Identifier: MIT */
/* The daemon's command line and exit statuses; wsd(8). */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/err.h"
#include "base/output.h"
#include "conf/conf.h"
#include "config.h"
#include "keeper/keeper.h"
#include "log/log.h"
#include "log/message_ids.h"
#include "metrics/metrics.h"
#include "server/server.h"
#include "sysd/sysd.h"

#define EXIT_USAGE 2

struct options {
	bool help, version, verbose, check_config, print_config;
};

static void
print_help(void)
{
	printf("Usage: wsd [OPTION]...\n"
	       "Serve WebSockets on the sockets that systemd passes in, or on HOST:PORT.\n"
	       "\n"
	       "  -c, --check-config  check the configuration and exit\n"
	       "  -p, --print-config  print the settings in force and exit\n"
	       "  -h, --help          print this and exit\n"
	       "  -V, --version       print the version and exit; twice, or with\n"
	       "      --verbose       what it was built with, too\n"
	       "\n"
	       "The configuration is read from the environment:\n"
	       "\n");
	conf_print_help(stdout);
	printf("\n"
	       "Exit status: 0 after an orderly end, 1 for a failure at run time, 2 for a wrong\n"
	       "command line, 78 for a bad configuration. See wsd(8) and wsd.env(5).\n");
}

/* 0, or EXIT_USAGE after getopt_long() has said what is wrong. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "check-config", no_argument, NULL, 'c' }, { "print-config", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'V' },
		{ "verbose", no_argument, NULL, 'v' },      { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "cphVv", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->check_config = true;
			break;
		case 'p':
			o->print_config = true;
			break;
		case 'h':
			o->help = true;
			break;
		case 'V':
			o->verbose = o->verbose || o->version;
			o->version = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		default:
			fprintf(stderr, "Try 'wsd --help'.\n");
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "wsd: unexpected argument '%s'\nTry 'wsd --help'.\n", argv[optind]);
		return EXIT_USAGE;
	}
	return 0;
}

static bool
serves(const struct options *o)
{
	return !o->help && !o->version && !o->check_config && !o->print_config;
}

static const char *
get_environment(const char *name)
{
	return getenv(name);
}

/* Output that went nowhere (a full disk) is a failure. */
static int
end_output(void)
{
	int rc = output_flush(stdout);

	if (rc != WSD_OK && rc != -EPIPE)
		fprintf(stderr, "wsd: standard output could not be written: %s\n", wsd_strerror(rc));
	return rc == WSD_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A misspelt variable is as good as none, and could be looked for for long. */
static void
warn_of_misspelt(void)
{
	for (char **line = environ; *line; line++) {
		size_t len = strcspn(*line, "=");
		char name[64];
		const char *meant;

		if (len >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, *line);
		meant = conf_meant(name);
		if (meant)
			log_warn("%s is no variable of wsd, and has no effect: is %s meant?", name, meant);
	}
}

static int
serve(const struct conf *conf, const struct auth *auth)
{
	int rc = log_start((enum log_format)conf->log_format, (enum log_level)conf->log_level, conf->instance);

	if (rc != WSD_OK) {
		fprintf(stderr, "wsd: could not start the log (%s)\n", wsd_strerror(rc));
		return EXIT_FAILURE;
	}
	warn_of_misspelt();
	metrics_init(conf->instance, PACKAGE_VERSION);
	metrics_watch_log(log_dropped);
	rc = server_run(conf, auth);
	log_stop();
	metrics_deinit();
	return rc == WSD_OK ? EXIT_SUCCESS : rc == WSD_E_RANGE ? EX_CONFIG : EXIT_FAILURE;
}

static void
log_of_keeper(const char *line)
{
	log_write(LOG_LEVEL_ERROR, LOG_ID_KEEPER, NULL, "%s", line);
}

/* KEEPER_SERVE, or the exit status of a keeper. What a setting means is for the server to check: a wrong one ends it.
 */
static int
keep(char **argv)
{
	const char *wanted = getenv("KEEPER"), *limit = getenv("CRASH_LIMIT");
	struct keeper_setup setup = {
		.argv = argv,
		.crash_limit = limit ? (uint32_t)strtoul(limit, NULL, 10) : CONF_CRASH_LIMIT,
		.log = log_of_keeper,
	};
	sigset_t signals;

	if (!wanted || strcmp(wanted, "on") != 0)
		return KEEPER_SERVE;
	server_signals(&signals);
	setup.passed_on = &signals;
	return keeper_run(&setup);
}

int
main(int argc, char **argv)
{
	struct options o = { false };
	struct auth *auth = NULL;
	struct conf conf;
	char why[4096] = "out of memory";
	int rc;

	server_hold_signals();
	rc = parse_options(&o, argc, argv);
	if (rc != 0)
		return rc;
	if (!serves(&o))
		server_release_signals();
	else if ((rc = keep(argv)) != KEEPER_SERVE)
		return rc;
	if (o.help) {
		print_help();
		return end_output();
	}
	if (o.version) {
		printf("%s %s\n%s", PACKAGE, PACKAGE_VERSION, o.verbose ? WSD_FEATURES : "");
		return end_output();
	}
	rc = conf_load(&conf, get_environment, why, sizeof(why));
	if (rc == WSD_OK) {
		rc = auth_create(&auth, &conf, why, sizeof(why));
		if (rc == WSD_OK && o.check_config) /* a start does it by itself, with what waits for it */
			rc = server_check(&conf, why, sizeof(why));
		if (rc != WSD_OK) {
			auth_destroy(&auth);
			conf_deinit(&conf);
		}
	}
	if (rc != WSD_OK) {
		sysd_notify("STATUS=%s", why);
		log_write(LOG_LEVEL_CRIT, LOG_ID_BAD_CONFIG, NULL, "%s", why);
		return EX_CONFIG;
	}
	if (o.check_config)
		warn_of_misspelt();
	if (o.print_config)
		conf_print(&conf, stdout);
	rc = serves(&o) ? serve(&conf, auth) : end_output();
	auth_destroy(&auth);
	conf_deinit(&conf);
	return rc;
}
