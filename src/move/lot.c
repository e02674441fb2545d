/* SPDX-License-Identifier: MIT */
/* The parking lot: what it consists of, parking and looking. Main thread. */
#include "move/lot.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "move/lot_priv.h"

static struct lot *
new_lot(void)
{
	struct lot *lot = calloc(1, sizeof(*lot));

	if (lot)
		lot->in = lot->out = lot->table = -1;
	return lot;
}

int
lot_create(struct lot **out)
{
	struct lot *lot = new_lot();
	int pair[2], rc = -ENOMEM;

	*out = NULL;
	if (!lot)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		rc = wsd_errno();
		goto fail;
	}
	lot->in = pair[0];
	lot->out = pair[1];
	lot->table = memfd_create("wsd-lot", MFD_CLOEXEC);
	if (lot->table == -1) {
		rc = wsd_errno();
		goto fail;
	}
	lot_head_reset(lot);
	rc = lot_head_write(lot);
	if (rc != WSD_OK)
		goto fail;
	*out = lot;
	return WSD_OK;
fail:
	lot_destroy(&lot);
	return rc;
}

static bool
is_seqpacket(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int
lot_open(struct lot **out, int in, int out_end, int table)
{
	struct lot *lot = new_lot();
	int rc = WSD_E_MALFORMED;
	struct stat st;

	*out = NULL;
	if (!lot) {
		fd_close(&in);
		fd_close(&out_end);
		fd_close(&table);
		return -ENOMEM;
	}
	lot->in = in;
	lot->out = out_end;
	lot->table = table;
	if (!is_seqpacket(in) || !is_seqpacket(out_end) || fd_set_nonblock(in) != WSD_OK ||
	    fd_set_nonblock(out_end) != WSD_OK || fstat(table, &st) != 0 || !S_ISREG(st.st_mode))
		goto fail;
	rc = lot_head_read(lot);
	if (rc != WSD_OK)
		goto fail;
	*out = lot;
	return WSD_OK;
fail:
	lot_destroy(&lot);
	return rc;
}

void
lot_destroy(struct lot **lot)
{
	if (!*lot)
		return;
	fd_close(&(*lot)->in);
	fd_close(&(*lot)->out);
	fd_close(&(*lot)->table);
	free(*lot);
	*lot = NULL;
}

int
lot_in_fd(const struct lot *lot)
{
	return lot->in;
}

int
lot_out_fd(const struct lot *lot)
{
	return lot->out;
}

int
lot_table_fd(const struct lot *lot)
{
	return lot->table;
}

uint32_t
lot_count(const struct lot *lot)
{
	return lot->head.parked;
}

/* ---- parking --------------------------------------------------------------------------------- */

int
lot_put(struct lot *lot, int fd, const char *state, size_t len)
{
	uint32_t index = lot->head.parked + lot->batch.n;
	int rc;

	if (index >= LOT_MOST || len > LOT_STATE_MOST || lot->batch.n == LOT_BATCH)
		return WSD_E_FULL;
	rc = lot_record_write(lot, index, state, len);
	if (rc != WSD_OK)
		return rc;
	lot->batch.fds[lot->batch.n] = fd;
	lot->batch.indices[lot->batch.n++] = index;
	return WSD_OK;
}

int
lot_flush(struct lot *lot)
{
	uint32_t n = lot->batch.n;
	int rc;

	if (n == 0)
		return WSD_OK;
	rc = lot_send(lot, &lot->batch);
	lot->batch.n = 0;
	if (rc != WSD_OK)
		return rc;
	lot->head.parked += n;
	return lot_head_write(lot);
}

/* ---- looking --------------------------------------------------------------------------------- */

static unsigned
look_at_batch(struct lot *lot, struct lot_batch *b, lot_cb cb, void *arg)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < b->n; i++) {
		char *state = NULL;
		size_t len = 0;

		if (b->indices[i] < lot->head.parked && lot_record_read(lot, b->indices[i], &state, &len) == WSD_OK) {
			cb(arg, b->fds[i], state, len);
			seen++;
		} else {
			fd_close(&b->fds[i]);
		}
		free(state);
	}
	return seen;
}

int
lot_look(struct lot *lot, lot_cb cb, void *arg)
{
	int from_start = 0, off = -1, rc = WSD_OK;
	unsigned seen = 0;
	struct lot_batch b;

	/* each peek begins where the last one ended: socket(7), SO_PEEK_OFF */
	if (setsockopt(lot->out, SOL_SOCKET, SO_PEEK_OFF, &from_start, sizeof(from_start)) != 0)
		return wsd_errno();
	for (uint32_t i = 0; i < lot->head.messages && rc == WSD_OK; i++) {
		rc = lot_receive(lot, &b, MSG_PEEK);
		if (rc == WSD_OK)
			seen += look_at_batch(lot, &b, cb, arg);
	}
	setsockopt(lot->out, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off));
	return rc == WSD_OK || rc == -EAGAIN || rc == WSD_E_CLOSED ? (int)seen : rc;
}

void
lot_clear(struct lot *lot)
{
	struct lot_batch b;

	/* first the head: whoever comes after us must not look for what is no longer there */
	lot_head_reset(lot);
	lot_head_write(lot);
	while (lot_receive(lot, &b, 0) == WSD_OK)
		for (unsigned i = 0; i < b.n; i++)
			fd_close(&b.fds[i]);
	if (ftruncate(lot->table, LOT_RECORDS_AT) != 0) {
		/* it only gives memory back */
	}
}
