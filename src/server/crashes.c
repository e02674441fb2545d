/* SPDX-License-Identifier: MIT */
/*
 * Whether the process before this one crashed: it leaves a note in the parking lot's table, which the service
 * manager keeps, and takes it out at an orderly end. No process can tell of its own crash, and the manager
 * does not say to the next one how the last one ended.
 */
#include "server/crashes.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "kept/table.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "move/lot.h"

#define MAGIC 0x6c697665u
#define STUCK 1

struct note {
	uint32_t magic;              /* anything else: the first process of this service */
	uint32_t alive;              /* 0: it ended in order */
	uint64_t stuck;              /* STUCK: the watchdog has ended it */
	uint64_t by_watchdog, other; /* crashes so far */
};

_Static_assert(sizeof(struct note) <= LOT_SPARE_BYTES, "the note fits");

static struct note
read_note(const struct lot *lot)
{
	struct note note;

	if (fd_read_at(lot_table_fd(lot), &note, sizeof(note), LOT_SPARE_AT) != WSD_OK || note.magic != MAGIC)
		memset(&note, 0, sizeof(note));
	return note;
}

static void
write_note(const struct lot *lot, const struct note *note)
{
	fd_write_at(lot_table_fd(lot), note, sizeof(*note), LOT_SPARE_AT); /* no memory: a crash will not be counted */
}

void
crashes_begin(const struct lot *lot, struct metrics_shard *shard)
{
	struct note note;

	if (!lot)
		return;
	note = read_note(lot);
	if (note.alive) {
		bool survived = kept_last_death().signal != 0; /* takeover.c tells of it */
		bool stuck = note.stuck == STUCK || (survived && kept_last_death().stuck);

		*(stuck ? &note.by_watchdog : &note.other) += 1;
		if (!survived)
			log_warn("the process before this one %s",
				 stuck ? "was stuck, and ended by the watchdog" : "crashed");
	}
	metrics_set(shard, METRIC_CRASHES_WATCHDOG, (int64_t)note.by_watchdog);
	metrics_set(shard, METRIC_CRASHES_OTHER, (int64_t)note.other);
	note.magic = MAGIC;
	note.alive = 1;
	note.stuck = 0;
	write_note(lot, &note);
}

void
crashes_stuck(const struct lot *lot)
{
	struct note note;

	if (!lot)
		return;
	note = read_note(lot);
	note.stuck = STUCK;
	write_note(lot, &note);
}

void
crashes_end(const struct lot *lot)
{
	struct note note;

	if (!lot)
		return;
	note = read_note(lot);
	note.alive = 0;
	write_note(lot, &note);
}
