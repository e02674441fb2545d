/* SPDX-License-Identifier: MIT */
/*
 * What is counted for each client address, on the public side (peers) and on the admin side (rate): a sequence of
 * steps against plain arrays. No more is kept than was said, who is in use is never forgotten, and nobody gets a
 * token too many as long as the table has room.
 *
 * The first two bytes choose the size of the table and the rates; each step is two: what and who, and how much later.
 */
#include "front/peers.h"

#include <stdbool.h>
#include <string.h>

#include "admin/rate.h"
#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz.h"

#define CLIENTS    16
#define TABLE_MOST 8 /* all of it is looked through for one that can go */
#define START_NS   1000000000ull

/* Spent, in billionths of a token. */
struct ref_bucket {
	__int128 spent;
	uint64_t at_ns;
};

static struct {
	struct peers peers;
	struct rate_table *rates;
	uint32_t rate, burst;
	uint64_t now_ns;
	bool overflowed; /* somebody may have been forgotten before the time */
	uint32_t connections[CLIENTS];
	struct ref_bucket connects[CLIENTS], requests[CLIENTS];
} rig;

/* Client n of 16, in one of the forms that are the same client. */
static struct addr
client(unsigned n, bool other)
{
	static const char *const forms[2] = { "2001:db8:0:%::1", "2001:db8:0:%:ffff:2:3:4" };
	static const char digits[] = "0123456789abcdef";
	char text[64];
	struct addr a;

	if (n < 8)
		strcpy(text, other ? "::ffff:192.0.2.%" : "192.0.2.%");
	else
		strcpy(text, forms[other]);
	*strchr(text, '%') = digits[n];
	CHECK(addr_parse(&a, text, strlen(text)) == WSD_OK);
	a.port = other ? 80 : 0;
	return a;
}

static bool
ref_take(struct ref_bucket *b)
{
	b->spent -= (__int128)(rig.now_ns - b->at_ns) * rig.rate;
	if (b->spent < 0)
		b->spent = 0;
	b->at_ns = rig.now_ns;
	if (b->spent + BUCKET_TOKEN > (__int128)rig.burst * BUCKET_TOKEN)
		return false;
	b->spent += BUCKET_TOKEN;
	return true;
}

static unsigned
in_use(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		n += rig.connections[i] > 0;
	return n;
}

static struct peer *
get(unsigned n, const struct addr *a)
{
	uint32_t before = HASH_COUNT(rig.peers.by_key);
	struct peer *peer = peers_get(&rig.peers, a, rig.rate, rig.now_ns);

	CHECK(HASH_COUNT(rig.peers.by_key) <= rig.peers.most);
	CHECK(peer || (rig.connections[n] == 0 && in_use() == rig.peers.most));
	CHECK(!peer || peer->connections == rig.connections[n]);
	rig.overflowed |= before == rig.peers.most;
	return peer;
}

static void
step(unsigned what, unsigned n, bool other)
{
	struct addr a = client(n, other);
	struct peer *peer = what < 3 ? get(n, &a) : NULL;
	bool taken;

	switch (what) {
	case 0:
		if (!peer)
			break;
		taken = bucket_take(&peer->connects, rig.rate, rig.burst, rig.now_ns);
		CHECK(taken == ref_take(&rig.connects[n]) || rig.overflowed);
		break;
	case 1:
		if (peer)
			rig.connections[n] = ++peer->connections;
		break;
	case 2:
		if (peer && peer->connections > 0)
			rig.connections[n] = --peer->connections;
		break;
	case 3:
		/* as many clients as there are places in a set, so that none is forgotten */
		n &= 7;
		a = client(n, other);
		taken = rate_take(rig.rates, &a, rig.now_ns) == 0;
		CHECK(taken == ref_take(&rig.requests[n]));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t rates[] = { 1, 3, 100, 1000000 }, bursts[] = { 1, 2, 5, 1000000 };

	if (size < 2)
		return 0;
	memset(&rig, 0, sizeof(rig));
	rig.rate = rates[data[1] & 3];
	rig.burst = bursts[data[1] >> 2 & 3];
	rig.now_ns = START_NS;
	peers_init(&rig.peers, 1 + data[0] % TABLE_MOST);
	rig.rates = rate_create(rig.rate, rig.burst);
	CHECK(rig.rates);
	for (size_t i = 2; i + 1 < size; i += 2) {
		rig.now_ns += (uint64_t)data[i + 1] * data[i + 1] * 999983; /* 0 to 65 s */
		step(data[i] >> 5 & 3, data[i] & 15, data[i] & 16);
	}
	rate_destroy(&rig.rates);
	peers_deinit(&rig.peers);
	return 0;
}
