/* SPDX-License-Identifier: MIT */
#include "ctl/steps.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/output.h"
#include "base/terminal.h"
#include "log/log.h"
#include "log/message_ids.h"

#define LINE_ROOM 512

static const char *const words[] = { "ok", "FAILED", "skipped", "would" };
static const char *const codes[] = { "ok", "failed", "skipped", "planned" };

void
steps_init(struct steps *s, const char *from, const char *to, unsigned of, bool quiet)
{
	*s = (struct steps){ .from = from, .to = to, .of = of, .quiet = quiet };
	s->live = !quiet && terminal_redraws(STDOUT_FILENO);
	s->list = json_object_new_array();
}

/* What each line of the step begins with; returns its length. */
static size_t
put_name(const struct steps *s, char *out, size_t room)
{
	int n = s->of > 0 ? snprintf(out, room, "%u/%u  ", s->n, s->of) : snprintf(out, room, "     ");

	n += snprintf(out + n, room - (size_t)n, "%-9s", s->name);
	return (size_t)n;
}

void
steps_begin(struct steps *s, const char *name)
{
	s->n++;
	s->name = name;
	s->began_ms = clock_mono_ms();
	steps_progress(s, "...");
}

void
steps_progress(struct steps *s, const char *format, ...)
{
	char line[LINE_ROOM];
	va_list args;
	size_t n;

	if (!s->live)
		return;
	n = put_name(s, line, sizeof(line));
	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - n, format, args);
	va_end(args);
	terminal_draw(stdout, line);
}

static void
put_line(const struct steps *s, enum step_result result, uint64_t ms, const char *detail)
{
	char name[LINE_ROOM];

	if (s->live)
		terminal_draw(stdout, "");
	put_name(s, name, sizeof(name));
	fputs(name, stdout);
	if (result == STEP_PLANNED)
		printf("%-8s ", words[result]);
	else
		printf("%-8s %5" PRIu64 ".%02" PRIu64 " s  ", words[result], ms / 1000, ms % 1000 / 10);
	for (; *detail; detail++) {
		putchar(*detail);
		if (*detail == '\n')
			fputs("                                ", stdout);
	}
	putchar('\n');
	output_flush(stdout);
}

static void
add_object(struct steps *s, enum step_result result, uint64_t ms, const char *detail)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return;
	json_object_object_add(o, "step", json_object_new_string(s->name));
	json_object_object_add(o, "result", json_object_new_string(codes[result]));
	json_object_object_add(o, "seconds", json_object_new_double((double)ms / 1000));
	json_object_object_add(o, "detail", json_object_new_string(detail));
	json_object_array_add(s->list, o);
}

void
steps_end(struct steps *s, enum step_result result, const char *detail)
{
	uint64_t ms = clock_mono_ms() - s->began_ms;

	add_object(s, result, ms, detail);
	if (!s->quiet)
		put_line(s, result, ms, detail);
	if (result == STEP_PLANNED)
		return;
	log_write(result == STEP_FAILED ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, LOG_ID_DEPLOY_STEP,
		  LOG_FIELDS(LOG_TEXT("WS_DEPLOY_FROM", s->from), LOG_TEXT("WS_DEPLOY_TO", s->to),
			     LOG_TEXT("WS_DEPLOY_STEP", s->name), LOG_TEXT("WS_DEPLOY_RESULT", codes[result]),
			     LOG_NUMBER("WS_DEPLOY_MS", ms)),
		  "%s to %s, %s: %s after %" PRIu64 " ms, %s", s->from, s->to, s->name, codes[result], ms, detail);
}

struct json_object *
steps_json(struct steps *s)
{
	return json_object_get(s->list);
}
