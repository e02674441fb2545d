/* SPDX-License-Identifier: MIT */
#include "ctl/trial_unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

static const char *const kinds[TRIAL_SOCKETS] = { "public", "admin", "handoff" };

void
trial_unit_service_name(char out[128], const char *instance)
{
	snprintf(out, 128, "ws-check@%s.service", instance);
}

void
trial_unit_socket_name(char out[128], enum trial_socket which, const char *instance)
{
	snprintf(out, 128, "ws-check-%s@%s.socket", kinds[which], instance);
}

void
trial_unit_socket_path(char out[128], enum trial_socket which, const char *instance)
{
	snprintf(out, 128, TRIAL_FOLDER "/%s/%s.sock", instance, kinds[which]);
}

void
trial_unit_output_path(char out[128], const char *instance)
{
	snprintf(out, 128, TRIAL_FOLDER "/%s/output", instance);
}

/* ---- lines of unit files; systemd.syntax(7) */

struct reader {
	FILE *to;
	bool own_program; /* their ExecStart= is left out */
	bool in_service;  /* the section */
	bool goes_on;     /* the line before ended with a backslash */
	bool left_out;    /* the assignment that we are in */
};

static bool
is_key(const char *line, size_t len, const char *key)
{
	size_t n = strlen(key);

	if (len < n || strncmp(line, key, n) != 0)
		return false;
	while (n < len && (line[n] == ' ' || line[n] == '\t'))
		n++;
	return n < len && line[n] == '=';
}

/* An odd number of backslashes. */
static bool
ends_open(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && line[len - 1 - n] == '\\')
		n++;
	return n % 2 == 1;
}

/* Those specifiers whose meaning is another one in our unit: the names of the instance's own. */
static const char *
specifier(char c)
{
	return c == 'n' ? "ws@%i.service" : c == 'N' ? "ws@%i" : c != '\0' && strchr("pPjJ", c) ? "ws" : NULL;
}

static void
put_line(FILE *to, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *meant = line[i] == '%' && i + 1 < len ? specifier(line[i + 1]) : NULL;

		if (meant)
			fputs(meant, to);
		else
			putc(line[i], to);
		if (line[i] != '%' || i + 1 == len)
			continue;
		i++;
		if (!meant)
			putc(line[i], to);
	}
	putc('\n', to);
}

/* Sockets= cannot be taken back by a later line; an ExecStart= would be one too many. */
static void
take_line(struct reader *r, const char *line, size_t len)
{
	size_t blank = strspn(line, " \t\r");
	const char *text = line + (blank < len ? blank : len);
	bool comment = *text == '#' || *text == ';';

	len -= (size_t)(text - line);
	if (comment || (len == 0 && !r->goes_on))
		return;
	if (!r->goes_on && *text == '[') {
		r->in_service = strncmp(text, "[Service]", 9) == 0;
		return;
	}
	if (!r->goes_on)
		r->left_out = !r->in_service || is_key(text, len, "Sockets") ||
			      (r->own_program && is_key(text, len, "ExecStart"));
	if (!r->left_out)
		put_line(r->to, text, len);
	r->goes_on = ends_open(text, len);
}

static void
take_file(struct reader *r, const char *text)
{
	struct slice rest = slice_of(text), line;

	r->in_service = r->goes_on = r->left_out = false;
	while (slice_cut(&rest, '\n', &line))
		take_line(r, line.at, line.len);
	putc('\n', r->to); /* in case that the last line is open */
}

/* ---- ours */

/* As a word of ExecStart=. As D-Bus shows words, variables are still to be replaced, and specifiers have been. */
static void
put_word(FILE *to, const char *word)
{
	putc('"', to);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			putc('\\', to);
		if (*word == '%')
			putc('%', to);
		if (*word == '\n')
			fputs("\\n", to);
		else
			putc(*word, to);
	}
	putc('"', to);
}

static void
put_program(FILE *to, const char *program, const char *const *argv)
{
	fputs("ExecPaths=", to);
	put_word(to, program);
	fputs("\nExecStart=", to);
	put_word(to, program);
	for (unsigned i = 1; argv && argv[0] && argv[i]; i++) {
		putc(' ', to);
		put_word(to, argv[i]);
	}
	putc('\n', to);
}

/* Nobody has to clean up after a trial: the units vanish when it has ended, the sockets with the service, and
 * that after a minute at the latest. */
static void
put_unit_section(FILE *to, const char *instance)
{
	char name[128];

	fprintf(to,
		"[Unit]\nDescription=Trial of ws@%s.service (wsctl check)\nDocumentation=man:wsctl(8)\n"
		"CollectMode=inactive-or-failed\nStartLimitIntervalSec=0\n",
		instance);
	for (int i = 0; i < TRIAL_SOCKETS; i++) {
		trial_unit_socket_name(name, i, instance);
		fprintf(to, "Requires=%s\n", name);
	}
}

/* Over what was taken from the instance's files. Its Exec lines for other occasions than a start are meant for
 * it, and its descriptor store is not ours. */
static void
put_overrides(FILE *to, const char *instance)
{
	char path[128], name[128];

	trial_unit_output_path(path, instance);
	fprintf(to,
		"ExecStartPost=\nExecReload=\nExecStop=\nExecStopPost=\nRestart=no\n"
		"FileDescriptorStoreMax=0\nRuntimeDirectoryPreserve=yes\nRuntimeMaxSec=60\nTimeoutStopSec=10\n"
		"StandardOutput=append:%s\nStandardError=inherit\n",
		path);
	for (int i = 0; i < TRIAL_SOCKETS; i++) {
		trial_unit_socket_name(name, i, instance);
		fprintf(to, "Sockets=%s\n", name);
	}
}

char *
trial_unit_service(const char *const *texts, const char *instance, const char *program, const char *const *argv)
{
	struct reader r = { .own_program = program != NULL };
	char *out = NULL;
	size_t len;

	r.to = open_memstream(&out, &len);
	if (!r.to)
		return NULL;
	put_unit_section(r.to, instance);
	fputs("\n[Service]\n", r.to);
	for (; *texts; texts++)
		take_file(&r, *texts);
	if (program)
		put_program(r.to, program, argv);
	put_overrides(r.to, instance);
	if (fclose(r.to) == 0)
		return out;
	free(out);
	return NULL;
}

char *
trial_unit_socket(enum trial_socket which, const char *instance)
{
	char path[128], name[128], *out;

	trial_unit_socket_path(path, which, instance);
	trial_unit_service_name(name, instance);
	if (asprintf(&out,
		     "[Unit]\nDescription=Trial of ws@%s.service (wsctl check)\nCollectMode=inactive-or-failed\n"
		     "StartLimitIntervalSec=0\nStopWhenUnneeded=yes\n\n"
		     "[Socket]\n%s=%s\nSocketMode=0600\nRemoveOnStop=yes\nFileDescriptorName=%s\nService=%s\n",
		     instance, which == TRIAL_HANDOFF ? "ListenSequentialPacket" : "ListenStream", path, kinds[which],
		     name) == -1)
		return NULL;
	return out;
}
