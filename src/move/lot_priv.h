/* SPDX-License-Identifier: MIT */
/* What the files of the parking lot share. Main thread. */
#ifndef WSD_MOVE_LOT_PRIV_H
#define WSD_MOVE_LOT_PRIV_H

#include "move/lot.h"

#define LOT_STATE_MOST (64u << 20)
#define LOT_AREA_MOST  (1ull << 30)

/* As it lies in the table. */
struct lot_head {
	char magic[8];
	uint32_t version; /* of this layout: 1 */
	uint32_t record_bytes;
	uint32_t parked;                    /* records whose sockets are in flight */
	uint32_t messages;                  /* they are in */
	uint64_t area_at;                   /* where the area for what is longer than a record begins */
	uint64_t area_used;                 /* bytes of it */
	uint64_t sessions_at, sessions_len; /* in the area */
};

/* Sockets of one message, and which record belongs to each. */
struct lot_batch {
	uint32_t n;
	int fds[LOT_BATCH];
	uint32_t indices[LOT_BATCH]; /* UINT32_MAX: none */
};

struct lot {
	int in, out, table;
	struct lot_head head;
	struct lot_batch batch; /* put, but not flushed yet */
};

/* ---- lot_table.c ----------------------------------------------------------------------------- */

/* An empty table's. */
void lot_head_reset(struct lot *lot);
/* WSD_OK, WSD_E_MALFORMED if it is none, or a negative errno. */
int lot_head_read(struct lot *lot);
int lot_head_write(const struct lot *lot);

/* Where so many bytes of the area begin, which are the caller's from now on; 0: there is no room. */
uint64_t lot_area_take(struct lot *lot, size_t len);

/* WSD_OK, WSD_E_FULL or a negative errno. */
int lot_record_write(struct lot *lot, uint32_t index, const char *state, size_t len);
/* The state in a new buffer, which the caller frees. WSD_OK; or WSD_E_MALFORMED or a negative errno, and *state is
 * NULL. */
int lot_record_read(const struct lot *lot, uint32_t index, char **state, size_t *len);

/* ---- lot_messages.c -------------------------------------------------------------------------- */

/* One message. When the pair is full of small ones, they are packed first. WSD_OK or a negative errno. */
int lot_send(struct lot *lot, const struct lot_batch *batch);

/* The next message; flags: of recvmsg(2). The caller owns the fds. WSD_OK; without any fds -EAGAIN or WSD_E_CLOSED if
 * there is nothing more, or another negative errno. */
int lot_receive(const struct lot *lot, struct lot_batch *batch, int flags);

#endif
