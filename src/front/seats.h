/* SPDX-License-Identifier: MIT */
/*
 * Which worker a connection goes to, and its slot there. The least occupied worker is taken; slots are reused
 * last in, first out, so that the workers' tables stay small. Main thread.
 */
#ifndef WSD_FRONT_SEATS_H
#define WSD_FRONT_SEATS_H

#include <stdint.h>

struct peer;
struct session;

#define SEATS_END UINT32_MAX

/* Who sits there, as far as the front desk must know when it leaves. */
struct seat {
	uint64_t serial; /* 0: free; then next_free holds */
	union {
		struct session *session; /* NULL: it has gone over to another connection */
		uint64_t next_free;      /* slot; SEATS_END: the last */
	};
	struct peer *client; /* NULL: not counted by address */
	uint32_t note;       /* kept/notes.h; NOTES_NONE: none */
};

struct seat_row {
	struct seat *seats;
	uint32_t first_free, n_room, n_taken;
};

struct seats {
	struct seat_row *rows; /* one a worker */
	uint32_t n_rows, n_taken;
};

/* WSD_OK or -ENOMEM. */
int seats_init(struct seats *seats, uint32_t workers);
void seats_deinit(struct seats *seats);

/* Takes a seat: WSD_OK or -ENOMEM. */
int seats_take(struct seats *seats, uint64_t serial, uint32_t *worker, uint32_t *slot);

struct seat *seats_at(struct seats *seats, uint32_t worker, uint32_t slot);
void seats_free(struct seats *seats, uint32_t worker, uint32_t slot);

#endif
