/* SPDX-License-Identifier: MIT */
/* The messages in which the lot's sockets are in flight. Main thread. */
#include "move/lot_priv.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"

/* WSD_OK, -EAGAIN if there are too many messages in the pair already, or another negative errno. */
static int
send_batch(struct lot *lot, const struct lot_batch *b)
{
	struct iovec iov = { (void *)b->indices, b->n * sizeof(b->indices[0]) };
	int rc = fd_pass_send(lot->in, &iov, 1, b->fds, b->n);

	if (rc == WSD_OK)
		lot->head.messages++;
	return rc;
}

int
lot_receive(const struct lot *lot, struct lot_batch *b, int flags)
{
	struct iovec iov = { b->indices, sizeof(b->indices) };
	size_t len = 0;
	int rc;

	b->n = LOT_BATCH;
	rc = fd_pass_receive(lot->out, flags, &iov, 1, b->fds, &b->n, &len);
	for (size_t i = len / sizeof(b->indices[0]); i < b->n; i++)
		b->indices[i] = UINT32_MAX;
	return rc == WSD_E_TOO_LARGE ? WSD_OK : rc; /* none of ours: what there is room for is looked at */
}

/* Sends what was gathered, and closes it: it is in the pair again. */
static int
send_packed(struct lot *lot, struct lot_batch *packed)
{
	int rc = packed->n ? send_batch(lot, packed) : WSD_OK;

	while (packed->n > 0)
		fd_close(&packed->fds[--packed->n]);
	return rc;
}

/*
 * The pair holds a few hundred messages, whatever is in them. When it is full of small ones, each is taken out and
 * goes in again at the end, in the company of others. Never more than two messages' sockets are out at a time.
 */
static int
pack(struct lot *lot)
{
	uint32_t before = lot->head.messages;
	struct lot_batch b, packed = { .n = 0 };
	int rc = WSD_OK;

	lot->head.messages = 0;
	for (uint32_t i = 0; i < before && rc == WSD_OK; i++) {
		rc = lot_receive(lot, &b, 0);
		for (unsigned k = 0; k < b.n; k++) {
			if (packed.n == LOT_BATCH && send_packed(lot, &packed) != WSD_OK)
				rc = -EAGAIN;
			packed.fds[packed.n] = b.fds[k];
			packed.indices[packed.n++] = b.indices[k];
		}
	}
	if (send_packed(lot, &packed) != WSD_OK)
		rc = -EAGAIN;
	lot_head_write(lot);
	return rc;
}

int
lot_send(struct lot *lot, const struct lot_batch *b)
{
	int rc = send_batch(lot, b);

	if (rc == -EAGAIN && pack(lot) == WSD_OK)
		rc = send_batch(lot, b);
	return rc;
}
