/* SPDX-License-Identifier: MIT */
/*
 * The parking lot. The table is a head, records of a fixed size, and an area for what is longer than a
 * record. A record is written before its socket is sent, and the head's count after: what the head does not
 * count was never parked.
 */
#include "move/lot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"

#define BATCH         250 /* descriptors a message: SCM_MAX_FD is 253 */
#define RECORD_BYTES  1024
#define RECORD_SPACE  (RECORD_BYTES - 24)
#define RECORDS_AT    4096
#define RECORDS_MOST  1000000
#define STATE_MOST    (64u << 20)
#define OVERFLOW_MOST (1ull << 30)
#define OVERFLOW_AT   (RECORDS_AT + (uint64_t)RECORDS_MOST * RECORD_BYTES) /* behind a hole, which takes no memory */

static const char magic[8] = "wsd-lot";

struct head {
	char magic[8];
	uint32_t version; /* of this layout: 1 */
	uint32_t record_bytes;
	uint32_t parked;                    /* records whose sockets are in flight */
	uint32_t messages;                  /* they are in */
	uint64_t overflow_at;               /* where the area begins */
	uint64_t overflow_used;             /* bytes of it */
	uint64_t sessions_at, sessions_len; /* in the area */
};

struct record {
	uint32_t len; /* of the state */
	uint32_t zero;
	uint64_t overflow; /* where it is, if it does not fit here; else 0 */
	uint64_t reserved;
	char state[RECORD_SPACE];
};

_Static_assert(sizeof(struct head) <= LOT_SPARE_AT && LOT_SPARE_AT + LOT_SPARE_BYTES <= RECORDS_AT, "spare");
_Static_assert(sizeof(struct record) == RECORD_BYTES, "records have no padding");

struct lot {
	int in, out, table;
	struct head head;
	uint32_t n_batch;
	int fds[BATCH];
	uint32_t indices[BATCH];
};

static int
write_head(const struct lot *lot)
{
	return fd_write_at(lot->table, &lot->head, sizeof(lot->head), 0);
}

static void
reset_head(struct lot *lot)
{
	lot->head = (struct head){
		.version = 1,
		.record_bytes = RECORD_BYTES,
		.overflow_at = OVERFLOW_AT,
	};
	memcpy(lot->head.magic, magic, sizeof(magic));
}

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
	reset_head(lot);
	rc = write_head(lot);
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
	rc = fd_read_at(lot->table, &lot->head, sizeof(lot->head), 0);
	if (rc != WSD_OK)
		goto fail;
	rc = WSD_E_MALFORMED;
	if (memcmp(lot->head.magic, magic, sizeof(magic)) != 0 || lot->head.version != 1 ||
	    lot->head.record_bytes != RECORD_BYTES || lot->head.parked > RECORDS_MOST ||
	    lot->head.overflow_at != OVERFLOW_AT || lot->head.overflow_used > OVERFLOW_MOST)
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

/* Where the bytes begin; 0: there is no room. */
static uint64_t
take_overflow(struct lot *lot, size_t len)
{
	uint64_t at = lot->head.overflow_at + lot->head.overflow_used;

	if (len > OVERFLOW_MOST - lot->head.overflow_used)
		return 0;
	lot->head.overflow_used += len;
	return at;
}

static int
write_record(struct lot *lot, uint32_t index, const char *state, size_t len)
{
	struct record r = { .len = (uint32_t)len };
	int rc;

	if (len <= RECORD_SPACE) {
		memcpy(r.state, state, len);
	} else {
		r.overflow = take_overflow(lot, len);
		if (r.overflow == 0)
			return WSD_E_FULL;
		rc = fd_write_at(lot->table, state, len, r.overflow);
		if (rc != WSD_OK)
			return rc;
	}
	return fd_write_at(lot->table, &r, sizeof(r), RECORDS_AT + (uint64_t)index * RECORD_BYTES);
}

int
lot_put(struct lot *lot, int fd, const char *state, size_t len)
{
	uint32_t index = lot->head.parked + lot->n_batch;
	int rc;

	if (index >= RECORDS_MOST || len > STATE_MOST || lot->n_batch == BATCH)
		return WSD_E_FULL;
	rc = write_record(lot, index, state, len);
	if (rc != WSD_OK)
		return rc;
	lot->fds[lot->n_batch] = fd;
	lot->indices[lot->n_batch] = index;
	lot->n_batch++;
	return WSD_OK;
}

/* One message with n sockets. WSD_OK, -EAGAIN if there are too many messages in the pair already, or another
 * negative errno. */
static int
send_batch(struct lot *lot, const int *fds, const uint32_t *indices, uint32_t n)
{
	struct iovec iov = { (void *)indices, n * sizeof(uint32_t) };
	int rc = fd_pass_send(lot->in, &iov, 1, fds, n);

	if (rc == WSD_OK)
		lot->head.messages++;
	return rc;
}

struct batch {
	int fds[BATCH];
	unsigned n_fds;
	uint32_t indices[BATCH];
	unsigned n_indices;
};

/* WSD_OK, -EAGAIN or WSD_E_CLOSED if there is nothing (more), or another negative errno. */
static int
receive(const struct lot *lot, struct batch *b, int flags)
{
	struct iovec iov = { b->indices, sizeof(b->indices) };
	size_t len = 0;
	int rc;

	b->n_fds = BATCH;
	rc = fd_pass_receive(lot->out, flags, &iov, 1, b->fds, &b->n_fds, &len);
	b->n_indices = (unsigned)(len / sizeof(uint32_t));
	return rc == WSD_E_TOO_LARGE ? WSD_OK : rc; /* none of ours: what there is room for is looked at */
}

/* Sends what was gathered, and closes it: it is in the pair again. */
static int
send_packed(struct lot *lot, struct batch *packed)
{
	int rc = packed->n_fds ? send_batch(lot, packed->fds, packed->indices, packed->n_fds) : WSD_OK;

	for (unsigned i = 0; i < packed->n_fds; i++)
		fd_close(&packed->fds[i]);
	packed->n_fds = 0;
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
	struct batch b, packed = { .n_fds = 0 };
	int rc = WSD_OK;

	lot->head.messages = 0;
	for (uint32_t i = 0; i < before && rc == WSD_OK; i++) {
		rc = receive(lot, &b, 0);
		for (unsigned k = 0; k < b.n_fds; k++) {
			if (packed.n_fds == BATCH && send_packed(lot, &packed) != WSD_OK)
				rc = -EAGAIN;
			packed.fds[packed.n_fds] = b.fds[k];
			packed.indices[packed.n_fds++] = k < b.n_indices ? b.indices[k] : UINT32_MAX;
		}
	}
	if (send_packed(lot, &packed) != WSD_OK)
		rc = -EAGAIN;
	write_head(lot);
	return rc;
}

int
lot_flush(struct lot *lot)
{
	uint32_t n = lot->n_batch;
	int rc;

	if (n == 0)
		return WSD_OK;
	lot->n_batch = 0;
	rc = send_batch(lot, lot->fds, lot->indices, n);
	if (rc == -EAGAIN && pack(lot) == WSD_OK)
		rc = send_batch(lot, lot->fds, lot->indices, n);
	if (rc != WSD_OK)
		return rc;
	lot->head.parked += n;
	return write_head(lot);
}

int
lot_set_sessions(struct lot *lot, const char *data, size_t len)
{
	uint64_t at;
	int rc;

	if (len == 0)
		return WSD_OK;
	at = take_overflow(lot, len);
	if (at == 0)
		return WSD_E_FULL;
	rc = fd_write_at(lot->table, data, len, at);
	if (rc != WSD_OK)
		return rc;
	lot->head.sessions_at = at;
	lot->head.sessions_len = len;
	return write_head(lot);
}

/* ---- looking --------------------------------------------------------------------------------- */

/* The state of a record in a new buffer. */
static int
read_state(const struct lot *lot, uint32_t index, char **out, size_t *len)
{
	struct record r;
	int rc = fd_read_at(lot->table, &r, sizeof(r), RECORDS_AT + (uint64_t)index * RECORD_BYTES);

	*out = NULL;
	if (rc != WSD_OK)
		return rc;
	if (r.len > STATE_MOST || (r.overflow == 0 && r.len > RECORD_SPACE))
		return WSD_E_MALFORMED;
	*out = malloc(r.len ? r.len : 1);
	if (!*out)
		return -ENOMEM;
	*len = r.len;
	if (r.overflow == 0)
		memcpy(*out, r.state, r.len);
	else
		rc = fd_read_at(lot->table, *out, r.len, r.overflow);
	if (rc != WSD_OK) {
		free(*out);
		*out = NULL;
	}
	return rc;
}

static unsigned
look_at_batch(struct lot *lot, struct batch *b, lot_cb cb, void *arg)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < b->n_fds; i++) {
		char *state = NULL;
		size_t len = 0;

		if (i < b->n_indices && b->indices[i] < lot->head.parked &&
		    read_state(lot, b->indices[i], &state, &len) == WSD_OK) {
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
	struct batch b;

	/* each peek begins where the last one ended: socket(7), SO_PEEK_OFF */
	if (setsockopt(lot->out, SOL_SOCKET, SO_PEEK_OFF, &from_start, sizeof(from_start)) != 0)
		return wsd_errno();
	for (uint32_t i = 0; i < lot->head.messages && rc == WSD_OK; i++) {
		rc = receive(lot, &b, MSG_PEEK);
		if (rc == WSD_OK)
			seen += look_at_batch(lot, &b, cb, arg);
	}
	setsockopt(lot->out, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off));
	return rc == WSD_OK || rc == -EAGAIN || rc == WSD_E_CLOSED ? (int)seen : rc;
}

int
lot_sessions(struct lot *lot, char **data, size_t *len)
{
	int rc;

	*data = NULL;
	*len = 0;
	if (lot->head.sessions_len == 0)
		return WSD_OK;
	if (lot->head.sessions_len > OVERFLOW_MOST)
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

void
lot_clear(struct lot *lot)
{
	struct batch b;

	/* first the head: whoever comes after us must not look for what is no longer there */
	reset_head(lot);
	write_head(lot);
	while (receive(lot, &b, 0) == WSD_OK)
		for (unsigned i = 0; i < b.n_fds; i++)
			fd_close(&b.fds[i]);
	if (ftruncate(lot->table, RECORDS_AT) != 0) {
		/* it only gives memory back */
	}
}
