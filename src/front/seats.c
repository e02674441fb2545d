/* SPDX-License-Identifier: MIT */
/* Seats at the workers. */
#include "front/seats.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

int
seats_init(struct seats *seats, uint32_t workers)
{
	*seats = (struct seats){ .n_rows = workers };
	seats->rows = calloc(workers, sizeof(*seats->rows));
	return seats->rows ? WSD_OK : -ENOMEM;
}

void
seats_deinit(struct seats *seats)
{
	for (uint32_t i = 0; seats->rows && i < seats->n_rows; i++) {
		free(seats->rows[i].seats);
		free(seats->rows[i].free_slots);
	}
	free(seats->rows);
	*seats = (struct seats){ .n_rows = 0 };
}

static int
grow(struct seat_row *row)
{
	uint32_t room = row->n_room ? row->n_room * 2 : 64;
	struct seat *more_seats = realloc(row->seats, room * sizeof(*more_seats));
	uint32_t *more_slots;

	if (!more_seats)
		return -ENOMEM;
	row->seats = more_seats;
	more_slots = realloc(row->free_slots, room * sizeof(*more_slots));
	if (!more_slots)
		return -ENOMEM;
	row->free_slots = more_slots;
	memset(row->seats + row->n_room, 0, (room - row->n_room) * sizeof(*row->seats));
	for (uint32_t slot = room; slot > row->n_room; slot--) /* so that the lowest is taken first */
		row->free_slots[row->n_free++] = slot - 1;
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
	if (row->n_free == 0 && grow(row) != WSD_OK)
		return -ENOMEM;
	*worker = best;
	*slot = row->free_slots[--row->n_free];
	row->seats[*slot] = (struct seat){ .serial = serial };
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
	*seat = (struct seat){ .serial = 0 };
	row->free_slots[row->n_free++] = slot;
	row->n_taken--;
	seats->n_taken--;
}
