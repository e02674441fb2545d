/* SPDX-License-Identifier: MIT */
/* The log between threads: the queue when it is full, stuck or stopped, what is lost and that it is told. */
#include "log/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "support/log_sink.h"

/* Whoever logs it may be about to abort: when the call returns, the line is where it should be, behind those
 * before it. */
static void
test_critical_lines_are_waited_for(void **state)
{
	struct pollfd readable = { .events = POLLIN };
	int pipe_fds[2];
	char text[256];
	ssize_t n;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
	readable.fd = pipe_fds[0];
	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	for (int i = 0; i < 100; i++) {
		log_info("before");
		log_crit("the end");
		assert_int_equal(poll(&readable, 1, 0), 1);
		n = read(pipe_fds[0], text, sizeof(text) - 1);
		assert_true(n > 0);
		text[n] = '\0';
		assert_non_null(strstr(text, "info before"));
		assert_non_null(strstr(text, "crit the end"));
	}
	log_stop();
	fd_close(&pipe_fds[0]);
	fd_close(&pipe_fds[1]);
}

#define THREADS    4
#define LINES_EACH 5000

static _Atomic unsigned lines_begun;

static void *
log_many(void *arg)
{
	for (unsigned i = 0; i < LINES_EACH; i++) {
		log_write(LOG_LEVEL_INFO, NULL, LOG_FIELDS(LOG_NUMBER("WS_THREAD", *(int *)arg), LOG_NUMBER("WS_I", i)),
			  "line");
		atomic_fetch_add(&lines_begun, 1);
	}
	return NULL;
}

/* Counts the lines of log_many(), which must be whole and, for each thread, in order; reports of loss are
 * added up. */
static void
count_lines(char *text, unsigned *lines, uint64_t *reported)
{
	long last[THREADS] = { -1, -1, -1, -1 };
	char *save = NULL;

	*lines = 0;
	*reported = 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long long n;
		int thread, end = 0;
		long i;

		if (sscanf(line + 25, "info line WS_THREAD=%d WS_I=%ld%n", &thread, &i, &end) == 2) {
			assert_int_equal(line[25 + end], '\0');
			assert_in_range(thread, 0, THREADS - 1);
			assert_true(i > last[thread]);
			last[thread] = i;
			++*lines;
		} else {
			assert_int_equal(sscanf(line + 25, "warn %llu log lines dropped", &n), 1);
			*reported += n;
		}
	}
}

/* Half of the lines come before log_stop(), half during it or after it; none may be lost without being
 * counted. */
static void
test_no_line_is_lost_when_the_log_stops(void **state)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	uint64_t dropped = log_dropped(), reported;
	unsigned lines;
	char *text;

	atomic_store(&lines_begun, 0);
	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, &numbers[i]), 0);
	}
	while (atomic_load(&lines_begun) < THREADS * LINES_EACH / 2)
		sched_yield();
	log_stop();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	text = log_sink_text();
	count_lines(text, &lines, &reported);
	assert_int_equal(reported, log_dropped() - dropped);
	assert_int_equal(lines + reported, THREADS * LINES_EACH);
	free(text);
}

/* Reads a pipe to its end into one string. */
static void *
drain(void *arg)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size), *from = fdopen(*(int *)arg, "r");
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), from)) > 0)
		fwrite(buf, 1, n, to);
	fclose(from);
	fclose(to);
	return text;
}

/* Nobody reads stderr: the caller goes on all the same, the queue fills, and the loss is told once it is read
 * again. */
static void
test_a_stuck_reader_holds_nobody_up(void **state)
{
	uint64_t dropped = log_dropped(), reported;
	int pipe_fds[2], zero = 0;
	pthread_t reader;
	void *text;
	unsigned lines;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
	fd_close(&pipe_fds[1]);
	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	for (int i = 0; i < 4; i++) /* more than the pipe and the queue can hold */
		log_many(&zero);
	assert_true(log_dropped() > dropped);
	assert_int_equal(pthread_create(&reader, NULL, drain, &pipe_fds[0]), 0);
	log_stop();
	assert_int_equal(dup2(log_sink_stderr, STDERR_FILENO), STDERR_FILENO); /* the pipe's last writer */
	assert_int_equal(pthread_join(reader, &text), 0);

	/* log_many() counts from 0 each time, and what is left of four rounds has no order worth checking. */
	lines = 0;
	reported = 0;
	for (char *at = text; (at = strstr(at, "info line WS_THREAD=0 WS_I=")); at++)
		lines++;
	for (char *at = text; (at = strstr(at, "WS_DROPPED=")); at++)
		reported += strtoull(at + strlen("WS_DROPPED="), NULL, 10);
	assert_int_equal(reported, log_dropped() - dropped);
	assert_int_equal(lines + reported, 4 * LINES_EACH);
	free(text);
}

/* It is given up, so that the process can end: after the stop, and whatever is logged from then on. */
static void
test_a_reader_that_stays_stuck_does_not_hold_up_the_end(void **state)
{
	int pipe_fds[2], zero = 0;
	uint64_t dropped;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	for (int i = 0; i < 4; i++)
		log_many(&zero);
	log_crit("the end");
	log_stop();
	dropped = log_dropped();
	log_info("unheard");
	log_crit("unheard");
	assert_int_equal(log_dropped(), dropped + 2);
	log_stop();
	assert_int_equal(dup2(log_sink_stderr, STDERR_FILENO), STDERR_FILENO);
	fd_close(&pipe_fds[0]); /* it ends by itself: its write fails */
	fd_close(&pipe_fds[1]);
}

static void
test_the_first_line_comes_without_a_second_one(void **state)
{
	struct pollfd readable = { .events = POLLIN };
	int pipe_fds[2];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	readable.fd = pipe_fds[0];
	for (int i = 0; i < 3; i++) {
		char buf[256];

		log_info("hello");
		assert_int_equal(poll(&readable, 1, 30000), 1);
		assert_true(read(pipe_fds[0], buf, sizeof(buf)) > 0);
	}
	log_stop();
	fd_close(&pipe_fds[0]);
	fd_close(&pipe_fds[1]);
}

static struct log_fold shared_fold = LOG_FOLD(10);

static void *
fold_many(void *arg)
{
	uint64_t seen = 0, repeated;

	for (unsigned i = 0; i < 10000; i++)
		if (log_fold_due(&shared_fold, 1000 + i / 10, &repeated))
			seen += 1 + repeated;
	*(uint64_t *)arg = seen;
	return NULL;
}

static void
test_folding_loses_no_count_between_threads(void **state)
{
	pthread_t threads[THREADS];
	uint64_t seen[THREADS], total = 0, repeated;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fold_many, &seen[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		total += seen[i];
	}
	assert_true(log_fold_due(&shared_fold, 1000000, &repeated));
	assert_int_equal(total + repeated, THREADS * 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_SINK_TEST(test_critical_lines_are_waited_for),
		LOG_SINK_TEST(test_no_line_is_lost_when_the_log_stops),
		LOG_SINK_TEST(test_a_stuck_reader_holds_nobody_up),
		LOG_SINK_TEST(test_the_first_line_comes_without_a_second_one),
		cmocka_unit_test(test_folding_loses_no_count_between_threads),
		/* the last: no log can be started meanwhile */
		LOG_SINK_TEST(test_a_reader_that_stays_stuck_does_not_hold_up_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
