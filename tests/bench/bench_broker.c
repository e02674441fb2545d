/* SPDX-License-Identifier: MIT */
/* Prints what a publication costs with one listener, which reads in turns: by size, number of channels, and with
 * history or a key. Also what taking up a full log costs. Not part of `make check`. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "broker/broker.h"
#include "channel/rules.h"

#define LOG_BYTES    (64u << 20)
#define CHANNELS_MAX 100000u
#define N            1000000u
#define TURN         64u /* publications between two times that the listener reads */

static const struct channel_options plain = { .ns = (char *)"" };
static const struct channel_options kept = {
	.ns = (char *)"", .history_size = 100, .history_ttl_ms = 300000, .history_meta_ttl_ms = 3600000
};

static void
on_wake(void *arg)
{
	(void)arg;
}

static void
on_event(void *arg, const struct broker_event *event)
{
	*(uint64_t *)arg += event->data.len;
}

static struct slice
channel_name(char room[32], unsigned number)
{
	return (struct slice){ room, (size_t)snprintf(room, 32, "news:channel-%u", number) };
}

static void
read_all(struct broker_listener *listener, uint64_t *bytes)
{
	struct broker_interest **interest;
	bool more, overrun;

	while ((interest = broker_next_news(listener)))
		broker_read_news(*interest, SIZE_MAX, on_event, bytes, &more, &overrun);
}

struct run {
	const char *what;
	const struct channel_options *options;
	unsigned channels;
	size_t data_len;
	bool keys;
};

static void
listen_to_all(struct broker_listener *listener, const struct run *run, struct broker_interest **interests)
{
	for (unsigned i = 0; i < run->channels; i++) {
		struct broker_position top;
		char room[32];

		CHECK(broker_listen(listener, channel_name(room, i), run->options, &interests[i], &interests[i],
				    &top) == WSD_OK);
	}
}

static uint64_t
publish_all(struct broker *broker, struct broker_listener *listener, const struct run *run, const char *data)
{
	uint64_t start = clock_mono_ns(), bytes = 0;

	for (unsigned i = 0; i < N; i++) {
		struct broker_publish p = { .options = run->options, .data = { data, run->data_len } };
		struct broker_position at;
		char room[32], key[32];

		p.channel = channel_name(room, i * 2654435761u % run->channels);
		if (run->keys)
			p.idempotency_key = (struct slice){ key, (size_t)snprintf(key, sizeof(key), "key-%u", i) };
		CHECK(broker_publish(broker, &p, &at) == WSD_OK);
		if (i % TURN == TURN - 1)
			read_all(listener, &bytes);
	}
	CHECK(bytes > 0);
	return (clock_mono_ns() - start) / N;
}

static void
take_up(struct broker **broker)
{
	struct broker_setup setup = { .log_bytes = LOG_BYTES, .channels_max = CHANNELS_MAX };
	uint64_t start;

	setup.log_fd = fcntl(broker_log_fd(*broker), F_DUPFD_CLOEXEC, 0);
	broker_destroy(broker);
	start = clock_mono_ns();
	CHECK(broker_create(broker, &setup) == WSD_OK);
	printf("%52s %8.1f ms\n", "taken up in", (double)(clock_mono_ns() - start) / 1e6);
}

static void
measure(const struct run *run)
{
	struct broker_setup setup = { .log_bytes = LOG_BYTES, .channels_max = CHANNELS_MAX, .log_fd = -1 };
	struct broker_interest **interests = calloc(run->channels, sizeof(struct broker_interest *));
	struct broker_listener *listener;
	char *data = malloc(run->data_len);
	struct broker *broker;

	CHECK(data && interests && broker_create(&broker, &setup) == WSD_OK);
	CHECK(broker_listener_create(broker, &listener, on_wake, NULL) == WSD_OK);
	memset(data, 'x', run->data_len);
	listen_to_all(listener, run, interests);
	printf("%-24s %6u channels %6zu bytes %8llu ns\n", run->what, run->channels, run->data_len,
	       (unsigned long long)publish_all(broker, listener, run, data));
	for (unsigned i = 0; i < run->channels; i++)
		broker_unlisten(&interests[i]);
	broker_listener_destroy(&listener);
	take_up(&broker);
	broker_destroy(&broker);
	free(interests);
	free(data);
}

int
main(void)
{
	static const struct run runs[] = {
		{ "plain", &plain, 1, 64, false },         { "plain", &plain, 1, 512, false },
		{ "plain", &plain, 1, 4096, false },       { "plain", &plain, 100000, 64, false },
		{ "history of 100", &kept, 1, 64, false }, { "history of 100", &kept, 100000, 64, false },
		{ "with a key", &plain, 1, 64, true },
	};

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		measure(&runs[i]);
	return 0;
}
