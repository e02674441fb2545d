/* SPDX-License-Identifier: MIT */
/* Seats at the workers. */
#include "front/seats.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "kept/notes.h"

int
seats_init(struct seats *seats, uint32_t workers)
{
	*seats = (struct seats){ .n_rows = workers };
	seats->rows = calloc(workers, sizeof(*seats->rows));
	if (!seats->rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < workers; i++)
		seats->rows[i].first_free = SEATS_END;
	return WSD_OK;
}

void
seats_deinit(struct seats *seats)
{
	for (uint32_t i = 0; seats->rows && i < seats->n_rows; i++)
		free(seats->rows[i].seats);
	free(seats->rows);
	*seats = (struct seats){ .n_rows = 0 };
}

static int
grow(struct seat_row *row)
{
	uint32_t room = row->n_room ? row->n_room + row->n_room / 2 : 64; /* not doubled: each connection pays for it */
	struct seat *more = realloc(row->seats, room * sizeof(*more));

	if (!more)
		return -ENOMEM;
	row->seats = more;
	for (uint32_t slot = room; slot-- > row->n_room;) { /* backwards, so that the lowest is taken first */
		row->seats[slot] = (struct seat){ .next_free = row->first_free };
		row->first_free = slot;
	}
	row->n_room = room;
	return WSD_OK;
}

int
seats_take(struct seats *seats, uint64_t serial, uint32_t *worker, uint32_t *slot)
{
	uint32_t best = 0;
	struct seat_row *row;

	for (uint32_t i = 1; i < seats->n_rows; i++)
		if (seats->rows[i].n_taken < seats->rows[best].n_taken)
			best = i;
	row = &seats->rows[best];
	if (row->first_free == SEATS_END && grow(row) != WSD_OK)
		return -ENOMEM;
	*worker = best;
	*slot = row->first_free;
	row->first_free = (uint32_t)row->seats[*slot].next_free;
	row->seats[*slot] = (struct seat){ .serial = serial, .note = NOTES_NONE };
	row->n_taken++;
	seats->n_taken++;
	return WSD_OK;
}

struct seat *
seats_at(struct seats *seats, uint32_t worker, uint32_t slot)
{
	CHECK(worker < seats->n_rows && slot < seats->rows[worker].n_room);
	return &seats->rows[worker].seats[slot];
}

void
seats_free(struct seats *seats, uint32_t worker, uint32_t slot)
{
	struct seat *seat = seats_at(seats, worker, slot);
	struct seat_row *row = &seats->rows[worker];

	CHECK(seat->serial != 0);
	*seat = (struct seat){ .next_free = row->first_free };
	row->first_free = slot;
	row->n_taken--;
	seats->n_taken--;
}
