/* SPDX-License-Identifier: MIT */
/* The sessions of closed connections, as one block in the table's area. Main thread. */
#include "move/lot_priv.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/fd.h"

int
lot_set_sessions(struct lot *lot, const char *data, size_t len)
{
	uint64_t at;
	int rc;

	if (len == 0)
		return WSD_OK;
	at = lot_area_take(lot, len);
	if (at == 0)
		return WSD_E_FULL;
	rc = fd_write_at(lot->table, data, len, at);
	if (rc != WSD_OK)
		return rc;
	lot->head.sessions_at = at;
	lot->head.sessions_len = len;
	return lot_head_write(lot);
}

int
lot_sessions(struct lot *lot, char **data, size_t *len)
{
	int rc;

	*data = NULL;
	*len = 0;
	if (lot->head.sessions_len == 0)
		return WSD_OK;
	if (lot->head.sessions_len > LOT_AREA_MOST)
		return WSD_E_MALFORMED;
	*data = malloc(lot->head.sessions_len);
	if (!*data)
		return -ENOMEM;
	rc = fd_read_at(lot->table, *data, lot->head.sessions_len, lot->head.sessions_at);
	if (rc == WSD_OK) {
		*len = lot->head.sessions_len;
	} else {
		free(*data);
		*data = NULL;
	}
	return rc;
}
