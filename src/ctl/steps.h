/* SPDX-License-Identifier: MIT */
/*
 * What a deploy does, step by step, told in three ways at once: a line on the terminal with time and result,
 * an object for
 * --json, and an entry of the journal.
 */
#ifndef WSD_CTL_STEPS_H
#define WSD_CTL_STEPS_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

enum step_result { STEP_OK, STEP_FAILED, STEP_SKIPPED, STEP_PLANNED };

struct steps {
	const char *from, *to;
	unsigned of; /* how many there are; 0: they are not counted, as on the way back */
	bool quiet;  /* no lines: --json */
	bool live;   /* standard output is a terminal, and shows the one that is under way */
	unsigned n;
	const char *name;
	uint64_t began_ms;
	struct json_object *list;
};

void steps_init(struct steps *s, const char *from, const char *to, unsigned of, bool quiet);
void steps_begin(struct steps *s, const char *name);
/* While it goes on; shown on a terminal only. */
void steps_progress(struct steps *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* detail: what was found or done, or why not; further lines of it are shown indented. */
void steps_end(struct steps *s, enum step_result result, const char *detail);

/* The objects of all steps so far; the caller's to put. */
struct json_object *steps_json(struct steps *s);

#endif
