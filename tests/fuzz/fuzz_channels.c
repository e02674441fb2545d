/* SPDX-License-Identifier: MIT */
/*
 * A log of the broker that something has written over: whatever is read of it later is what was published, in order, at
 * its offset; no position goes back while its epoch stays; and the broker works on.
 *
 * The first byte is how often there is something published, and the second where; then come changes to the file: where
 * (two bytes), how many bytes, and the bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/broker.h"
#include "channel/rules.h"
#include "fuzz/fuzz.h"
#include "log/log.h"
#include "support/lowest_fd.h"

#define LOG_BYTES 16384u
#define CHANNELS  4u
#define HEAD      4096u

static const struct channel_options options[2] = {
	{ .ns = (char *)"", .history_size = 20, .history_ttl_ms = 300000, .history_meta_ttl_ms = 600000 },
	{ .ns = (char *)"" },
};

struct channel {
	char name[3];
	struct broker_position top;
	uint64_t last; /* offset that has been read */
};

static struct slice
make_data(char data[256], const struct channel *c, uint64_t offset)
{
	int n = snprintf(
		data, 256, "%s %llu %.*s", c->name, (unsigned long long)offset, (int)(offset * 7 % 200),
		"....................................................................................................."
		"...................................................................................................");

	return (struct slice){ data, (size_t)n };
}

static void
on_event(void *arg, const struct broker_event *e)
{
	struct channel *c = arg;
	char data[256];
	struct slice expected = make_data(data, c, e->offset);

	CHECK(e->kind == BROKER_PUBLICATION && e->offset == c->last + 1 && e->offset <= c->top.offset);
	CHECK(e->data.len == expected.len && memcmp(e->data.at, expected.at, expected.len) == 0);
	CHECK(memcmp(e->epoch, c->top.epoch, BROKER_EPOCH_LEN) == 0);
	c->last = e->offset;
}

static void
on_first(void *arg, const struct broker_event *e)
{
	((struct channel *)arg)->last = e->offset - 1;
}

/* All that is there is in one piece up to the top. */
static void
look(struct broker *broker, struct channel *c)
{
	struct broker_range range = { .limit = 1, .recent = true };
	struct broker_position top;

	c->last = UINT64_MAX;
	CHECK(broker_history(broker, slice_of(c->name), &options[0], &range, on_first, c, &top) == WSD_OK);
	c->top = top;
	range.limit = -1;
	CHECK(broker_history(broker, slice_of(c->name), &options[0], &range, on_event, c, &top) == WSD_OK);
	CHECK(c->last == UINT64_MAX || c->last == top.offset);
}

static void
publish(struct broker *broker, struct channel *c, unsigned kind)
{
	struct broker_publish p = { .channel = slice_of(c->name), .options = &options[kind % 2] };
	struct broker_position at;
	char data[256];

	look(broker, c);
	p.data = make_data(data, c, c->top.offset + 1);
	if (kind % 5 == 0)
		p.idempotency_key = p.data;
	CHECK(broker_publish(broker, &p, &at) == WSD_OK);
	CHECK(strcmp(at.epoch, c->top.epoch) == 0 && at.offset == c->top.offset + 1);
	c->top = at;
}

/* Whether the head, which tells where the end is, was left alone. */
static bool
change(int fd, const uint8_t *data, size_t size)
{
	bool head_is_whole = true;

	while (size >= 3) {
		off_t at = ((off_t)data[0] << 8 | data[1]) % (HEAD + LOG_BYTES);
		size_t len = data[2] < size - 3 ? data[2] : size - 3;

		if (at + (off_t)len > (off_t)(HEAD + LOG_BYTES))
			len = (size_t)(HEAD + LOG_BYTES - at);
		CHECK(pwrite(fd, data + 3, len, at) == (ssize_t)len);
		head_is_whole &= at >= (off_t)HEAD || len == 0;
		data += 3 + len;
		size -= 3 + len;
	}
	return head_is_whole;
}

static void
open_again(struct broker **broker, const uint8_t *data, size_t size, struct channel channels[CHANNELS])
{
	struct broker_setup setup = { .log_bytes = LOG_BYTES, .channels_max = CHANNELS };
	bool head_is_whole;

	setup.log_fd = fcntl(broker_log_fd(*broker), F_DUPFD_CLOEXEC, 0);
	CHECK(setup.log_fd >= 0);
	head_is_whole = change(setup.log_fd, data, size);
	broker_destroy(broker);
	CHECK(broker_create(broker, &setup) == WSD_OK);
	for (unsigned i = 0; i < CHANNELS; i++) {
		struct broker_position before = channels[i].top;

		look(*broker, &channels[i]);
		if (head_is_whole && strcmp(before.epoch, channels[i].top.epoch) == 0)
			CHECK(channels[i].top.offset == before.offset);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct channel channels[CHANNELS] = { { .name = "a" }, { .name = "b" }, { .name = "c" }, { .name = "dd" } };
	struct broker_setup setup = { .log_bytes = LOG_BYTES, .channels_max = CHANNELS, .log_fd = -1 };
	int free_before = lowest_free_fd();
	struct broker *broker;

	if (size < 2)
		return 0;
	log_set_level(LOG_LEVEL_ERROR); /* that it was damaged is no news */
	CHECK(broker_create(&broker, &setup) == WSD_OK);
	for (unsigned i = 0; i < data[0]; i++)
		publish(broker, &channels[(i * data[1]) >> 3 & (CHANNELS - 1)], i);
	open_again(&broker, data + 2, size - 2, channels);
	for (unsigned i = 0; i < 100; i++)
		publish(broker, &channels[i % CHANNELS], i);
	open_again(&broker, NULL, 0, channels);
	broker_destroy(&broker);
	CHECK(lowest_free_fd() == free_before);
	return 0;
}
