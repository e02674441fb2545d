/* SPDX-License-Identifier: MIT */
/*
 * The lot's table: a head, records of a fixed size, and an area for what is longer than a record. A record is written
 * before its socket is sent, and the head's count after: what the head does not count was never parked. Main thread.
 */
#include "move/lot_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"

#define RECORD_BYTES 1024
#define RECORD_SPACE (RECORD_BYTES - 24)
#define AREA_AT      (LOT_RECORDS_AT + (uint64_t)LOT_MOST * RECORD_BYTES) /* behind a hole, which takes no memory */

static const char magic[8] = "wsd-lot";

struct record {
	uint32_t len; /* of the state */
	uint32_t zero;
	uint64_t overflow; /* where it is, if it does not fit here; else 0 */
	uint64_t reserved;
	char state[RECORD_SPACE];
};

_Static_assert(sizeof(struct lot_head) <= LOT_SPARE_AT && LOT_SPARE_AT + LOT_SPARE_BYTES <= LOT_RECORDS_AT, "spare");
_Static_assert(sizeof(struct record) == RECORD_BYTES, "records have no padding");

void
lot_head_reset(struct lot *lot)
{
	lot->head = (struct lot_head){ .version = 1, .record_bytes = RECORD_BYTES, .area_at = AREA_AT };
	memcpy(lot->head.magic, magic, sizeof(magic));
}

int
lot_head_read(struct lot *lot)
{
	struct lot_head *head = &lot->head;
	int rc = fd_read_at(lot->table, head, sizeof(*head), 0);

	if (rc == WSD_OK && (memcmp(head->magic, magic, sizeof(magic)) != 0 || head->version != 1 ||
			     head->record_bytes != RECORD_BYTES || head->parked > LOT_MOST ||
			     head->area_at != AREA_AT || head->area_used > LOT_AREA_MOST))
		rc = WSD_E_MALFORMED;
	return rc;
}

int
lot_head_write(const struct lot *lot)
{
	return fd_write_at(lot->table, &lot->head, sizeof(lot->head), 0);
}

uint64_t
lot_area_take(struct lot *lot, size_t len)
{
	uint64_t at = lot->head.area_at + lot->head.area_used;

	if (len > LOT_AREA_MOST - lot->head.area_used)
		return 0;
	lot->head.area_used += len;
	return at;
}

static uint64_t
place_of(uint32_t index)
{
	return LOT_RECORDS_AT + (uint64_t)index * RECORD_BYTES;
}

int
lot_record_write(struct lot *lot, uint32_t index, const char *state, size_t len)
{
	struct record r = { .len = (uint32_t)len };
	int rc;

	if (len <= RECORD_SPACE) {
		memcpy(r.state, state, len);
	} else {
		r.overflow = lot_area_take(lot, len);
		if (r.overflow == 0)
			return WSD_E_FULL;
		rc = fd_write_at(lot->table, state, len, r.overflow);
		if (rc != WSD_OK)
			return rc;
	}
	return fd_write_at(lot->table, &r, sizeof(r), place_of(index));
}

int
lot_record_read(const struct lot *lot, uint32_t index, char **state, size_t *len)
{
	struct record r;
	int rc = fd_read_at(lot->table, &r, sizeof(r), place_of(index));

	*state = NULL;
	if (rc != WSD_OK)
		return rc;
	if (r.len > LOT_STATE_MOST || (r.overflow == 0 && r.len > RECORD_SPACE))
		return WSD_E_MALFORMED;
	*state = malloc(r.len ? r.len : 1);
	if (!*state)
		return -ENOMEM;
	*len = r.len;
	if (r.overflow == 0)
		memcpy(*state, r.state, r.len);
	else
		rc = fd_read_at(lot->table, *state, r.len, r.overflow);
	if (rc != WSD_OK) {
		free(*state);
		*state = NULL;
	}
	return rc;
}
