/* SPDX-License-Identifier: MIT */
/*
 * X-Forwarded-For, whose left part anyone may make up: a peer, the trusted networks and a value, against a
 * second implementation that splits first and then looks. An input is three lines.
 */
#include "base/forwarded.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz.h"

#define ENTRIES_MOST 64

/* The entries that are not empty, from left to right. */
static unsigned
split(struct slice *entries, struct slice value)
{
	unsigned n = 0;

	for (size_t at = 0, end; at <= value.len; at = end + 1) {
		struct slice entry;

		for (end = at; end < value.len && value.at[end] != ','; end++)
			;
		entry = (struct slice){ value.at + at, end - at };
		while (entry.len > 0 && (*entry.at == ' ' || *entry.at == '\t'))
			entry.at++, entry.len--;
		while (entry.len > 0 && (entry.at[entry.len - 1] == ' ' || entry.at[entry.len - 1] == '\t'))
			entry.len--;
		if (entry.len > 0 && n < ENTRIES_MOST)
			entries[n++] = entry;
		else if (entry.len > 0)
			return ENTRIES_MOST + 1;
	}
	return n;
}

static struct addr
entry_addr(struct slice entry)
{
	struct addr a = { .family = ADDR_NONE };

	if (addr_parse(&a, entry.at, entry.len) != WSD_OK)
		a = (struct addr){ .family = ADDR_NONE };
	return a;
}

/* The first from the right that is not trusted; the leftmost if all are. */
static void
check(const struct addr *peer, const struct slice *entries, unsigned n, const struct addr_nets *trusted,
      const struct addr *client, bool all)
{
	struct addr expected = *peer;
	unsigned left = n;

	while (left > 0 && addr_nets_match(trusted, &expected))
		expected = entry_addr(entries[--left]);
	CHECK(memcmp(expected.bytes, client->bytes, sizeof(expected.bytes)) == 0);
	CHECK(expected.family == client->family && expected.port == client->port);
	CHECK(all == addr_nets_match(trusted, client));
	if (all) /* nobody was passed over */
		for (unsigned i = 0; i < n; i++)
			CHECK((expected = entry_addr(entries[i]), addr_nets_match(trusted, &expected)));
}

/* Whatever a client writes to the left of what its proxy says, it is who the proxy says. */
static void
check_forgery(const struct addr *peer, struct slice value, const struct addr_nets *trusted)
{
	static const char forged[] = "192.0.2.66, 127.0.0.1, ::1,, bogus,";
	struct addr before = *peer, after = *peer;
	char *text = malloc(sizeof(forged) - 1 + value.len);

	CHECK(text);
	memcpy(text, forged, sizeof(forged) - 1);
	memcpy(text + sizeof(forged) - 1, value.at, value.len);
	if (!forwarded_client(&before, value, trusted)) {
		forwarded_client(&after, (struct slice){ text, sizeof(forged) - 1 + value.len }, trusted);
		CHECK(before.family == after.family && before.port == after.port);
		CHECK(memcmp(before.bytes, after.bytes, sizeof(before.bytes)) == 0);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;
	const char *second = memchr(text, '\n', size), *third;
	struct slice value, entries[ENTRIES_MOST];
	struct addr peer, client;
	struct addr_nets trusted;
	unsigned n;
	char *nets;
	bool all;

	third = second ? memchr(second + 1, '\n', (size_t)(end - second - 1)) : NULL;
	if (!third || addr_parse(&peer, text, (size_t)(second - text)) != WSD_OK)
		return 0;
	nets = calloc(1, (size_t)(third - second));
	CHECK(nets);
	memcpy(nets, second + 1, (size_t)(third - second - 1));
	if (addr_nets_parse(&trusted, nets) == WSD_OK) {
		value = (struct slice){ third + 1, (size_t)(end - third - 1) };
		client = peer;
		all = forwarded_client(&client, value, &trusted);
		n = split(entries, value);
		if (n <= ENTRIES_MOST)
			check(&peer, entries, n, &trusted, &client, all);
		check_forgery(&peer, value, &trusted);
		addr_nets_deinit(&trusted);
	}
	free(nets);
	return 0;
}
