/* SPDX-License-Identifier: MIT */
/* The broker with several threads at once, in a log that turns all the time; and what is left of it by a process that
 * is killed in the middle of publishing. */
#include "broker/broker.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/err.h"
#include "channel/rules.h"

#define PUBLISHERS 3u
#define LISTENERS  2u
#define CHANNELS   4u
#define EACH       4000u
#define LOG_BYTES  (64 * 1024u)

static const struct channel_options kept = {
	.ns = (char *)"", .history_size = 10, .history_ttl_ms = 300000, .history_meta_ttl_ms = 3600000
};

static struct broker *
new_broker(int log_fd)
{
	struct broker_setup setup = { .log_bytes = LOG_BYTES, .channels_max = 16, .log_fd = log_fd };
	struct broker *broker;

	CHECK(broker_create(&broker, &setup) == WSD_OK);
	return broker;
}

static struct slice
channel_name(char name[8], unsigned i)
{
	return (struct slice){ name, (size_t)snprintf(name, 8, "c%u", i) };
}

/* ---- threads --------------------------------------------------------------------------------- */

struct interest {
	struct broker_interest *of;
	uint64_t offset; /* that has come last */
	bool gap;
};

struct reader {
	pthread_t thread;
	sem_t woken;
	struct broker *broker;
	struct interest interests[CHANNELS];
	uint64_t seen;
	bool overrun;
};

static atomic_uint publishing; /* threads */

static void
on_wake(void *arg)
{
	struct reader *reader = arg;

	sem_post(&reader->woken);
}

static void
on_event(void *arg, const struct broker_event *e)
{
	struct interest *interest = arg;

	CHECK(e->offset > interest->offset && e->data.len > 0);
	for (size_t i = 1; i < e->data.len; i++)
		CHECK(e->data.at[i] == e->data.at[0]);
	interest->gap |= e->offset != interest->offset + 1;
	interest->offset = e->offset;
}

static void
read_all(struct reader *reader, struct broker_listener *listener)
{
	struct interest *interest;
	bool more, overrun;

	while ((interest = broker_next_news(listener))) {
		interest->gap = false;
		reader->seen += broker_read_news(interest->of, 50, on_event, interest, &more, &overrun);
		CHECK(!interest->gap || overrun);
		reader->overrun |= overrun;
	}
}

static void *
run_reader(void *arg)
{
	struct reader *reader = arg;
	struct broker_listener *listener;
	char name[8];

	CHECK(broker_listener_create(reader->broker, &listener, on_wake, reader) == WSD_OK);
	for (unsigned i = 0; i < CHANNELS; i++) {
		struct broker_position top;
		struct interest *interest = &reader->interests[i];

		CHECK(broker_listen(listener, channel_name(name, i), &kept, interest, &interest->of, &top) == WSD_OK);
		interest->offset = top.offset;
	}
	while (atomic_load(&publishing) > 0) {
		sem_wait(&reader->woken);
		read_all(reader, listener);
	}
	read_all(reader, listener);
	for (unsigned i = 0; i < CHANNELS; i++) {
		struct broker_position top;

		broker_interest_top(reader->interests[i].of, &top);
		CHECK(top.offset == reader->interests[i].offset);
		broker_unlisten(&reader->interests[i].of);
	}
	broker_listener_destroy(&listener);
	return NULL;
}

struct publisher {
	pthread_t thread;
	struct broker *broker;
	struct reader *readers;
	unsigned number;
};

static void *
run_publisher(void *arg)
{
	struct publisher *self = arg;
	struct broker_position at;
	char data[100], name[8];

	memset(data, 'a' + (char)self->number, sizeof(data));
	for (unsigned i = 0; i < EACH; i++) {
		struct broker_publish p = { .channel = channel_name(name, i % CHANNELS),
					    .options = &kept,
					    .data = { data, 1 + i % sizeof(data) } };

		CHECK(broker_publish(self->broker, &p, &at) == WSD_OK);
		if (i % 64 == 0)
			broker_tick(self->broker);
	}
	atomic_fetch_sub(&publishing, 1);
	for (unsigned i = 0; i < LISTENERS; i++)
		sem_post(&self->readers[i].woken);
	return NULL;
}

static void
test_threads_publish_and_listen(void **state)
{
	static struct reader readers[LISTENERS];
	struct publisher publishers[PUBLISHERS];
	struct broker *broker = new_broker(-1);
	struct broker_stats stats;

	atomic_store(&publishing, PUBLISHERS);
	for (unsigned i = 0; i < LISTENERS; i++) {
		readers[i].broker = broker;
		sem_init(&readers[i].woken, 0, 0);
		assert_int_equal(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]), 0);
	}
	for (unsigned i = 0; i < PUBLISHERS; i++) {
		publishers[i] = (struct publisher){ .broker = broker, .readers = readers, .number = i };
		assert_int_equal(pthread_create(&publishers[i].thread, NULL, run_publisher, &publishers[i]), 0);
	}
	for (unsigned i = 0; i < PUBLISHERS; i++)
		pthread_join(publishers[i].thread, NULL);
	for (unsigned i = 0; i < LISTENERS; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_true(readers[i].seen <= EACH * PUBLISHERS);
		sem_destroy(&readers[i].woken);
	}
	broker_stats(broker, &stats);
	assert_int_equal(stats.published, EACH * PUBLISHERS);
	broker_destroy(&broker);
}

/* ---- a process that is killed ---------------------------------------------------------------- */

struct report {
	uint32_t channel;
	uint64_t offset;
};

/* Publishes until it is killed, and tells of each publication afterwards. */
static void
publish_until_killed(struct broker *broker, int to)
{
	char name[8], data[64];

	for (uint32_t i = 0;; i++) {
		uint32_t channel = i * 7 % CHANNELS;
		struct broker_publish p = { .channel = channel_name(name, channel),
					    .options = &kept,
					    .data = { data, (size_t)snprintf(data, sizeof(data), "%u", i) } };
		struct report report = { .channel = channel };
		struct broker_position at;

		if (broker_publish(broker, &p, &at) != WSD_OK)
			_exit(1);
		report.offset = at.offset;
		if (write(to, &report, sizeof(report)) != sizeof(report))
			_exit(1);
	}
}

/* Kills it after so many publications. The offsets that it has told. */
static void
kill_after(struct broker *broker, unsigned n, uint64_t offsets[CHANNELS])
{
	struct report report;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		publish_until_killed(broker, ends[1]);
	}
	close(ends[1]);
	for (unsigned i = 0; read(ends[0], &report, sizeof(report)) == sizeof(report); i++) {
		offsets[report.channel] = report.offset;
		if (i == n)
			assert_int_equal(kill(child, SIGKILL), 0);
	}
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void
on_history(void *arg, const struct broker_event *e)
{
	*(uint64_t *)arg = e->offset;
}

/* What was in memory is that of before the fork, as if it were another process's; the log is all that counts. */
static struct broker *
take_over(struct broker **broker)
{
	int fd = dup(broker_log_fd(*broker));

	assert_true(fd >= 0);
	broker_destroy(broker);
	return new_broker(fd);
}

static void
test_what_a_killed_process_has_published_is_there(void **state)
{
	struct broker *broker = new_broker(-1);
	struct broker_range all = { .limit = -1 };
	char epochs[CHANNELS][BROKER_EPOCH_LEN + 1], name[8];
	uint64_t offsets[CHANNELS] = { 0 };

	for (unsigned round = 0; round < 60; round++) {
		kill_after(broker, round * 37, offsets);
		broker = take_over(&broker);
		for (unsigned i = 0; i < CHANNELS; i++) {
			struct broker_position top;
			uint64_t last = 0;

			assert_int_equal(
				broker_history(broker, channel_name(name, i), &kept, &all, on_history, &last, &top),
				WSD_OK);
			/* one more may have been published, and not told of */
			assert_true(top.offset == offsets[i] || top.offset == offsets[i] + 1);
			assert_int_equal(last, top.offset);
			if (round > 0)
				assert_string_equal(top.epoch, epochs[i]);
			memcpy(epochs[i], top.epoch, sizeof(epochs[i]));
			offsets[i] = top.offset;
		}
	}
	broker_destroy(&broker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_publish_and_listen),
		cmocka_unit_test(test_what_a_killed_process_has_published_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
