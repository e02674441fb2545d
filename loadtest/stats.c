/* SPDX-License-Identifier: MIT */
/* Adding up what was measured, and the figures derived from it. */
#include "loadtest/stats.h"

#include <string.h>

#include "base/utf8_char.h"

/* Servers may call their errors anything: what a terminal would not show as it is, and half a character at the
 * end, does not get into reports. */
static void
clean_name(char out[TALLY_NAME], const char *name)
{
	size_t left = strlen(name), len = 0;

	while (left > 0 && len < TALLY_NAME - 1) {
		size_t n = utf8_char_len(name, left);
		bool shown = n > 0 && utf8_char_shown(utf8_char_code(name, n));

		if (shown && len + n > TALLY_NAME - 1)
			break;
		if (shown)
			memcpy(out + len, name, n);
		else
			out[len] = '?';
		len += shown ? n : 1;
		name += n ? n : 1;
		left -= n ? n : 1;
	}
	out[len] = '\0';
}

void
tally_add(struct tally *t, const char *name, uint64_t count)
{
	char clean[TALLY_NAME];
	unsigned i;

	clean_name(clean, name);
	for (i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].name, clean) == 0)
			break;
	if (i == TALLY_MAX)
		i = TALLY_MAX - 1; /* more kinds than anybody reads: the last row takes them */
	else if (i == t->n)
		strcpy(t->rows[t->n++].name, clean);
	t->rows[i].count += count;
}

static void
tally_merge(struct tally *into, const struct tally *from)
{
	for (unsigned i = 0; i < from->n; i++)
		tally_add(into, from->rows[i].name, from->rows[i].count);
}

static void
take_min(uint64_t *into, uint64_t value)
{
	if (value != 0 && (*into == 0 || value < *into))
		*into = value;
}

static void
take_max(uint64_t *into, uint64_t value)
{
	if (value > *into)
		*into = value;
}

static void
window_merge(struct stats_window *into, const struct stats_window *from)
{
	take_min(&into->start_ns, from->start_ns);
	take_max(&into->end_ns, from->end_ns);
	into->sent += from->sent;
	into->answered += from->answered;
	into->cpu_ns += from->cpu_ns;
}

static void
slot_merge(struct stats_slot *into, const struct stats_slot *from)
{
	into->sent += from->sent;
	into->answered += from->answered;
	into->errors += from->errors;
	into->connected += from->connected;
	into->closed += from->closed;
	into->open += from->open;
	hist_merge(&into->latency, &from->latency);
}

void
stats_merge(struct stats *into, const struct stats *from)
{
#define STATS_ADD(field, name, text) into->field += from->field;
	STATS_COUNTERS(STATS_ADD)
#undef STATS_ADD
	into->open += from->open;
	into->open_peak += from->open_peak;
	take_min(&into->connect_start_ns, from->connect_start_ns);
	take_max(&into->connect_end_ns, from->connect_end_ns);
	tally_merge(&into->closes, &from->closes);
	tally_merge(&into->failures, &from->failures);
	tally_merge(&into->refusals, &from->refusals);
	hist_merge(&into->connect, &from->connect);
	hist_merge(&into->latency, &from->latency);
	hist_merge(&into->downtime, &from->downtime);
	hist_merge(&into->lag, &from->lag);
	window_merge(&into->window, &from->window);
	into->slot_ns = from->slot_ns;
	into->start_ns = from->start_ns;
	if (from->n_slots > into->n_slots)
		into->n_slots = from->n_slots;
	for (unsigned i = 0; i < from->n_slots; i++)
		slot_merge(&into->slots[i], &from->slots[i]);
}

struct stats_slot *
stats_slot_at(struct stats *st, uint64_t now_ns)
{
	uint64_t i = now_ns > st->start_ns ? (now_ns - st->start_ns) / st->slot_ns : 0;

	if (i >= STATS_SLOTS)
		i = STATS_SLOTS - 1;
	while (st->n_slots <= i) {
		st->slots[st->n_slots].open = st->open;
		st->n_slots++;
	}
	return &st->slots[i];
}

uint64_t
stats_errors(const struct stats *st)
{
	return st->refused + st->lost + st->repeated + st->out_of_order + st->late + st->count_errors + st->unknown +
	       st->missed + st->server_errors + st->protocol_errors + st->closed;
}

static double
share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0.0;
}

double
stats_error_share(const struct stats *st)
{
	uint64_t due = st->sent + st->missed;

	return share(stats_errors(st), due ? due : st->attempts);
}

double
stats_success_share(const struct stats *st)
{
	return share(st->connected, st->attempts);
}

double
stats_rate(const struct stats *st)
{
	const struct stats_window *w = &st->window;

	if (w->start_ns == 0 || w->end_ns <= w->start_ns)
		return 0.0;
	return (double)w->answered * 1e9 / (double)(w->end_ns - w->start_ns);
}

double
stats_connect_rate(const struct stats *st)
{
	if (st->connect_start_ns == 0 || st->connect_end_ns <= st->connect_start_ns)
		return 0.0;
	return (double)(st->connected - st->reconnects) * 1e9 / (double)(st->connect_end_ns - st->connect_start_ns);
}
