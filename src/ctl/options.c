/* SPDX-License-Identifier: MIT */
#include "ctl/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "config.h"
#include "ctl/command.h"
#include "ctl/instance.h"

#define CODE_BASE     1000 /* getopt's code of a long option is this plus its id */
#define WATCH_MS      2000
#define LIMIT_DEFAULT 50

static const struct option_row {
	enum option_id id;
	const char *name;
	char letter;
	int has_value; /* of getopt_long(3) */
	const char *value, *help;
} rows[] = {
	{ OPTION_JSON, "json", 'j', no_argument, NULL, "print JSON" },
	{ OPTION_WATCH, "watch", 'w', optional_argument, "SECONDS", "again and again, every 2 s or as given" },
	{ OPTION_INSTANCE, "instance", 'i', required_argument, "NAME", "only this one; without it, all that run" },
	{ OPTION_PREFIX, "prefix", 'p', required_argument, "TEXT", "only ids that start so" },
	{ OPTION_CLIENT, "client", 'c', required_argument, "TEXT", "only clients whose address starts so" },
	{ OPTION_IDLE, "idle", 0, required_argument, "SECONDS", "only those that were silent for so long" },
	{ OPTION_LIMIT, "limit", 'n', required_argument, "N", "at most so many, 1 to 1000 (50)" },
	{ OPTION_AFTER, "after", 0, required_argument, "ID", "those behind this id: the next page" },
	{ OPTION_ALL, "all", 'a', no_argument, NULL, "all of them, whatever their number" },
	{ OPTION_NO_HANDOFF, "no-handoff", 0, no_argument, NULL,
	  "tell clients to come back by themselves, instead of moving their connections" },
	{ OPTION_NO_SMOKE, "no-smoke", 0, no_argument, NULL, "leave the test load out" },
	{ OPTION_DRY_RUN, "dry-run", 0, no_argument, NULL, "show what would be done, and do nothing" },
	{ OPTION_FORCE, "force", 'f', no_argument, NULL, "even to an instance that is not ready" },
	{ OPTION_CLOSE, "close", 0, no_argument, NULL,
	  "tell clients to come back by themselves, with their sessions moved" },
	{ OPTION_PROGRAM, "program", 0, required_argument, "FILE",
	  "this program, instead of the one that the instance runs or that is installed" },
	{ OPTION_HELP, "help", 'h', no_argument, NULL, "print this, or the help of a command, and exit" },
	{ OPTION_VERSION, "version", 'V', no_argument, NULL, "print the version and exit" },
};

#define N_ROWS   (sizeof(rows) / sizeof(*rows))
#define ANYWHERE (OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))

struct reader {
	struct options *o;
	FILE *err;
	bool bad;
};

static void fail(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
fail(struct reader *r, const char *format, ...)
{
	va_list args;

	if (r->bad)
		return;
	r->bad = true;
	fputs("wsctl: ", r->err);
	va_start(args, format);
	vfprintf(r->err, format, args);
	va_end(args);
	fprintf(r->err, "\nTry 'wsctl %s%s--help'.\n", r->o->command ? r->o->command->name : "",
		r->o->command ? " " : "");
}

static uint32_t
take_number(struct reader *r, const char *name, const char *text, uint32_t min, uint32_t max)
{
	uint64_t value;

	if (decimal_parse(slice_of(text), max, &value) == WSD_OK && value >= min)
		return (uint32_t)value;
	fail(r, "--%s=%s: a number from %u to %u is needed", name, text, min, max);
	return min;
}

static void
take_option(struct reader *r, const struct option_row *row, const char *value)
{
	struct options *o = r->o;

	o->given |= OPTION_BIT(row->id);
	switch (row->id) {
	case OPTION_WATCH:
		o->watch_ms = value ? take_number(r, row->name, value, 1, 3600) * 1000 : WATCH_MS;
		break;
	case OPTION_INSTANCE:
		o->instance = value;
		if (!name_is_instance(value))
			fail(r, "--instance=%s: the name of an instance such as blue is needed", value);
		break;
	case OPTION_PREFIX:
		o->prefix = value;
		break;
	case OPTION_CLIENT:
		o->client = value;
		break;
	case OPTION_AFTER:
		o->after = value;
		break;
	case OPTION_PROGRAM:
		o->program = value;
		break;
	case OPTION_IDLE:
		o->idle_ms = (uint64_t)take_number(r, row->name, value, 0, 100000000) * 1000;
		break;
	case OPTION_LIMIT:
		o->limit = take_number(r, row->name, value, 1, OPTIONS_LIMIT_MAX);
		break;
	default:
		break;
	}
}

static const struct option_row *
row_of(int code)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (code == CODE_BASE + (int)rows[i].id || (rows[i].letter && code == rows[i].letter))
			return &rows[i];
	return NULL;
}

static void
read_options(struct reader *r, int argc, char **argv)
{
	struct option longs[N_ROWS + 1] = { { NULL, 0, NULL, 0 } };
	char shorts[3 * N_ROWS + 2] = ":", *at = shorts + 1;
	int code;

	for (size_t i = 0; i < N_ROWS; i++) {
		longs[i] = (struct option){ rows[i].name, rows[i].has_value, NULL, CODE_BASE + (int)rows[i].id };
		if (!rows[i].letter)
			continue;
		*at++ = rows[i].letter;
		for (int n = 0; n < rows[i].has_value; n++)
			*at++ = ':';
	}
	*at = '\0';
	opterr = 0;
	optind = 0;
	while (!r->bad && (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = row_of(code);

		if (row)
			take_option(r, row, optarg);
		else if (code == ':')
			fail(r, "%s: a value is needed", argv[optind - 1]);
		else
			fail(r, "%s: there is no such option", argv[optind - 1]);
	}
}

/* Named twice, in a list of what to do something with: that is done once. */
static bool
is_known(const struct options *o, const char *argument)
{
	for (unsigned i = 0; i < o->n_args; i++)
		if (strcmp(o->args[i], argument) == 0)
			return true;
	return false;
}

/* "help deploy" is "deploy --help", and "help" alone is "--help". */
static void
read_arguments(struct reader *r, int argc, char **argv)
{
	const struct command *c = NULL;
	bool help = optind < argc && strcmp(argv[optind], "help") == 0;

	if (help) {
		r->o->given |= OPTION_BIT(OPTION_HELP);
		optind++;
	}
	if (optind < argc) {
		c = r->o->command = command_find(argv[optind]);
		if (!c)
			fail(r, "%s: there is no such command", argv[optind]);
		optind++;
	}
	for (; optind < argc && !r->bad; optind++) {
		if (c->max_args == OPTIONS_ARGS && is_known(r->o, argv[optind]))
			continue;
		if (r->o->n_args == (help ? 0 : c->max_args))
			fail(r, "%s: unexpected argument '%s'", c->name, argv[optind]);
		else
			r->o->args[r->o->n_args++] = argv[optind];
	}
}

static void
check(struct reader *r)
{
	const struct options *o = r->o;
	const struct command *c = o->command;

	if (!c) {
		fail(r, "a command is needed");
		return;
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (option_given(o, rows[i].id) && !((c->options | ANYWHERE) & OPTION_BIT(rows[i].id)))
			fail(r, "%s takes no --%s", c->name, rows[i].name);
	if (o->n_args < c->min_args)
		fail(r, "%s needs %s", c->name, c->args);
}

/* ---- help */

static void
print_option(FILE *out, const struct option_row *row)
{
	char left[64], letter[8] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s%s", letter, row->name,
		 row->has_value == no_argument         ? ""
		 : row->has_value == optional_argument ? "[="
						       : "=",
		 row->value ? row->value : "", row->has_value == optional_argument ? "]" : "");
	fprintf(out, "  %-24s  %s\n", left, row->help);
}

static void
print_help(FILE *out, const struct command *c)
{
	if (!c) {
		fprintf(out, "Usage: wsctl COMMAND [OPTION]... [ARGUMENT]...\nOperate the instances of the "
			     "WebSocket server "
			     "wsd: who is connected, and which one serves.\n\nCommands:\n");
		for (c = command_table; c->name; c++) {
			char left[48];

			snprintf(left, sizeof(left), "%s %s", c->name, c->args);
			fprintf(out, "  %-28s%s\n", left, c->help);
		}
		fprintf(out, "  %-28s%s\n\nOptions:\n", "help [COMMAND]", "this, or the options of a command");
		for (size_t i = 0; i < N_ROWS; i++)
			if (OPTION_BIT(rows[i].id) & ANYWHERE)
				print_option(out, &rows[i]);
	} else {
		fprintf(out, "Usage: wsctl %s [OPTION]...%s%s\nWhat it does: %s.\n\nOptions:\n", c->name,
			c->args[0] ? " " : "", c->args, c->help);
		for (size_t i = 0; i < N_ROWS; i++)
			if (OPTION_BIT(rows[i].id) & (c->options | OPTION_BIT(OPTION_HELP)))
				print_option(out, &rows[i]);
	}
	fprintf(out, "\nExit status: 0 done, 1 failed and nothing changed, 2 wrong command line, 3 not "
		     "reachable,\n4 not "
		     "allowed, 5 another deploy is at work, 6 interrupted and taken back, 7 failed "
		     "and\nneeds attention, 78 "
		     "bad configuration. See wsctl(8).\n");
}

enum options_result
options_parse(struct options *o, int argc, char **argv, FILE *out, FILE *err)
{
	struct reader r = { .o = o, .err = err };

	*o = (struct options){ .limit = LIMIT_DEFAULT, .prefix = "", .client = "", .after = "" };
	read_options(&r, argc, argv);
	if (!r.bad)
		read_arguments(&r, argc, argv);
	if (!r.bad && option_given(o, OPTION_VERSION)) {
		fprintf(out, "wsctl %s\n", PACKAGE_VERSION);
		return OPTIONS_DONE;
	}
	if (!r.bad && option_given(o, OPTION_HELP)) {
		print_help(out, o->command);
		return OPTIONS_DONE;
	}
	if (!r.bad)
		check(&r);
	return r.bad ? OPTIONS_BAD : OPTIONS_RUN;
}
