/* SPDX-License-Identifier: MIT */
/*
 * A parking lot that something has written over: nothing worse than a loss may come of it, what is found must be
 * readable, looking twice must find the same, and once it is cleared it can be used again.
 *
 * The first byte is the number of connections in it, the second how many of them share a message; then come changes to
 * the table: where (two bytes; the lower half is the head, the upper the records), how many bytes, and the bytes.
 */
#include "move/lot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz.h"
#include "support/lowest_fd.h"

#define CONNECTIONS_MOST 12
#define LONG_STATE       1200 /* does not fit into a record */

struct seen {
	unsigned n;
	uint64_t sum; /* of all states */
};

static void
on_parked(void *arg, int fd, const char *state, size_t len)
{
	struct seen *seen = arg;

	CHECK(fcntl(fd, F_GETFD) != -1);
	close(fd);
	seen->n++;
	seen->sum = seen->sum * 31 + len;
	for (size_t i = 0; i < len && i < 4096; i++)
		seen->sum = seen->sum * 31 + (uint8_t)state[i];
	if (len > 0)
		seen->sum += (uint8_t)state[len - 1];
}

static void
park(struct lot *lot, unsigned n, unsigned together)
{
	char state[LONG_STATE];

	memset(state, 's', sizeof(state));
	for (unsigned i = 0; i < n; i++) {
		CHECK(lot_put(lot, 0, state, i % 3 == 2 ? LONG_STATE : 40 + i) == WSD_OK);
		if (i % together == together - 1)
			CHECK(lot_flush(lot) == WSD_OK);
	}
	CHECK(lot_flush(lot) == WSD_OK);
	CHECK(lot_set_sessions(lot, "sessions", 8) == WSD_OK);
}

static void
change(int table, const uint8_t *data, size_t size)
{
	while (size >= 3) {
		unsigned where = (unsigned)data[0] << 8 | data[1];
		size_t len = data[2] < size - 3 ? data[2] : size - 3;
		off_t at = where < 0x8000 ? where % 80 : LOT_RECORDS_AT + (where - 0x8000);

		CHECK(pwrite(table, data + 3, len, at) == (ssize_t)len);
		data += 3 + len;
		size -= 3 + len;
	}
}

static struct lot *
reopen(struct lot **lot)
{
	int in = dup(lot_in_fd(*lot)), out = dup(lot_out_fd(*lot)), table = dup(lot_table_fd(*lot));
	struct lot *next = NULL;
	int rc;

	lot_destroy(lot);
	rc = lot_open(&next, in, out, table);
	CHECK((rc == WSD_OK) == (next != NULL));
	return next;
}

static void
look(struct lot *lot, unsigned most)
{
	struct seen first = { 0 }, second = { 0 };
	int n = lot_look(lot, on_parked, &first);
	size_t len;
	char *data;

	CHECK(n < 0 || ((unsigned)n == first.n && first.n <= most));
	CHECK(lot_look(lot, on_parked, &second) == n);
	CHECK(first.n == second.n && first.sum == second.sum);
	if (lot_sessions(lot, &data, &len) == WSD_OK)
		CHECK((data == NULL) == (len == 0));
	free(data);
}

/* Failures to write into a table with a senseless head are not to be wondered at. */
static void
put_more(struct lot *lot, unsigned before)
{
	unsigned n = 0;

	for (int i = 0; i < 3; i++)
		n += lot_put(lot, 0, "more", 4) == WSD_OK;
	lot_flush(lot);
	look(lot, before + n);
}

static void
use_again(struct lot *lot)
{
	struct seen seen = { 0 };

	lot_clear(lot);
	CHECK(lot_count(lot) == 0 && lot_look(lot, on_parked, &seen) == 0);
	park(lot, 3, 2);
	CHECK(lot_count(lot) == 3 && lot_look(lot, on_parked, &seen) == 3 && seen.n == 3);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int free_before = lowest_free_fd();
	struct lot *lot;
	unsigned n;

	if (size < 2)
		return 0;
	n = data[0] % (CONNECTIONS_MOST + 1);
	CHECK(lot_create(&lot) == WSD_OK);
	park(lot, n, 1 + data[1] % 4);
	change(lot_table_fd(lot), data + 2, size - 2);
	lot = reopen(&lot);
	if (lot) {
		look(lot, n);
		put_more(lot, n);
		use_again(lot);
		lot_destroy(&lot);
	}
	CHECK(lowest_free_fd() == free_before);
	return 0;
}
