/* SPDX-License-Identifier: MIT */
/* The log: text and JSON forms with any bytes, the queue under several threads, what is lost and that it is told. */
#include "log/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "log/message_ids.h"
#include "support/json_c.h"
#include "support/plain_utf8.h"

#define ID "93188b8a66ce4c78913f469b3124790b"

/* While a test logs, stderr is this file. */
static int saved_stderr = -1, sink_fd = -1;

static int
capture(void **state)
{
	saved_stderr = dup(STDERR_FILENO);
	sink_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(saved_stderr >= 0 && sink_fd >= 0);
	assert_int_equal(fcntl(sink_fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(dup2(sink_fd, STDERR_FILENO), STDERR_FILENO);
	/* Leaves the sink that lines written directly go to. */
	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	log_stop();
	return 0;
}

static int
uncapture(void **state)
{
	log_stop();
	log_set_level(LOG_LEVEL_INFO);
	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
	fd_close(&saved_stderr);
	fd_close(&sink_fd);
	return 0;
}

/* What was written so far; the caller frees it. */
static char *
written(void)
{
	struct stat st;
	char *text;

	assert_int_equal(fstat(sink_fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(sink_fd, text, (size_t)st.st_size, 0), st.st_size);
	return text;
}

/* The one line without its time, which is checked for its form. */
static char *
written_line(void)
{
	char *text = written();
	size_t len = strlen(text);

	assert_true(len > 25);
	assert_int_equal(text[10], 'T');
	assert_int_equal(text[23], 'Z');
	assert_int_equal(text[24], ' ');
	assert_int_equal(text[len - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	memmove(text, text + 25, len - 25);
	text[len - 26] = '\0';
	return text;
}

static void
test_text(void **state)
{
	char *line;

	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "blue"), WSD_OK);
	log_write(LOG_LEVEL_INFO, ID,
		  LOG_FIELDS(LOG_TEXT("WS_CONN", "alice"), LOG_NUMBER("WS_COUNT", UINT64_MAX), LOG_TEXT("WS_EMPTY", ""),
			     LOG_TEXT("WS_AGENT", "a b"), LOG_TEXT("WS_NAME", "J\xc3\xb6rg")),
		  "connection %s opened", "alice");
	log_stop();
	line = written_line();
	assert_string_equal(
		line,
		"info connection alice opened WS_CONN=alice WS_COUNT=18446744073709551615 WS_EMPTY=\"\" "
		"WS_AGENT=\"a b\" WS_NAME=\"J\xc3\xb6rg\"");
	free(line);
}

static void
test_text_cannot_be_forged(void **state)
{
	char *line;

	log_write(LOG_LEVEL_WARN, NULL,
		  LOG_FIELDS(LOG_TEXT("WS_A", "x\nWS_B=1 \"q\""), LOG_TEXT("WS_C", "\x1b[2J\xc2\x9b\xff")),
		  "line 1\nline 2\t\\ \x7f \xed\xa0\x80 \xe2\x82\xac");
	line = written_line();
	assert_string_equal(line, "warn line 1\\nline 2\\x09\\\\ \\x7f \\xed\\xa0\\x80 \xe2\x82\xac "
				  "WS_A=\"x\\nWS_B=1 \\\"q\\\"\" WS_C=\"\\x1b[2J\\xc2\\x9b\\xff\"");
	free(line);
}

static void
assert_member(struct json_object *object, const char *name, const char *expected)
{
	struct json_object *member;

	assert_true(json_object_object_get_ex(object, name, &member));
	assert_string_equal(json_object_get_string(member), expected);
}

static void
test_json(void **state)
{
	struct json_object *object, *count;
	char *text;

	assert_int_equal(log_start(LOG_FORMAT_JSON, LOG_LEVEL_INFO, "green"), WSD_OK);
	log_write(LOG_LEVEL_ERROR, ID,
		  LOG_FIELDS(LOG_NUMBER("WS_COUNT", 12), LOG_NUMBER("WS_ID", UINT64_MAX)), "no %s",
		  "luck \xc2\x9b" "2J");
	log_stop();
	text = written();
	/* what a terminal obeys does not reach it */
	assert_non_null(strstr(text, "\"no luck \\u009b2J\""));
	object = json_c_parse(text, strlen(text));
	assert_non_null(object);
	assert_member(object, "level", "error");
	assert_member(object, "message", "no luck \xc2\x9b" "2J");
	assert_member(object, "message_id", ID);
	assert_member(object, "WS_INSTANCE", "green");
	assert_member(object, "WS_COUNT", "12");
	assert_true(json_object_object_get_ex(object, "WS_COUNT", &count));
	assert_true(json_object_is_type(count, json_type_int));
	assert_member(object, "WS_ID", "18446744073709551615");
	json_object_put(object);
	free(text);
}

/* Each byte after each lead byte that matters, in pieces that fit a field. */
static void
test_json_is_valid_for_any_bytes(void **state)
{
	static const unsigned char leads[] = { 'a', 0x7f, 0x80, 0xc1, 0xc2, 0xe0, 0xe1, 0xed, 0xf0, 0xf4, 0xf5, 0xff };
	unsigned lines = 0;
	char *text, *save = NULL;

	assert_int_equal(log_start(LOG_FORMAT_JSON, LOG_LEVEL_INFO, "x"), WSD_OK);
	for (size_t i = 0; i < sizeof(leads); i++) {
		char value[3 * 256];
		size_t len = 0;

		for (unsigned byte = 1; byte < 256; byte++) {
			value[len++] = (char)leads[i];
			value[len++] = (char)byte;
		}
		value[len] = '\0';
		log_write(LOG_LEVEL_INFO, NULL, LOG_FIELDS(LOG_TEXT("WS_X", value)), "%s", value);
	}
	log_stop();
	text = written();
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), lines++) {
		size_t len = strlen(line);
		struct json_object *object = json_c_parse(line, len);

		assert_non_null(object);
		json_object_put(object);
		assert_true(plain_utf8_valid((const unsigned char *)line, len));
		for (size_t i = 0; i < len; i++)
			assert_true((unsigned char)line[i] >= 0x20);
	}
	assert_int_equal(lines, sizeof(leads));
	free(text);
}

static void
test_long_values_are_cut_between_characters(void **state)
{
	char value[4096], *line;

	memset(value, 'x', sizeof(value));
	memcpy(value + 1022, "\xe2\x82\xac", 3);
	value[sizeof(value) - 1] = '\0';
	log_write(LOG_LEVEL_INFO, NULL, LOG_FIELDS(LOG_TEXT("WS_LONG", value)), "%s", value);
	line = written_line();
	assert_int_equal(strlen(line), strlen("info ") + 1022 + strlen(" WS_LONG=") + 1022);
	assert_null(strstr(line, "\xe2"));
	free(line);
}

static int evaluated;

static int
costly(void)
{
	return ++evaluated;
}

static void
test_levels(void **state)
{
	enum log_level level;
	enum log_format format;
	char *text;

	log_set_level(LOG_LEVEL_WARN);
	log_info("not shown %d", costly());
	log_write(LOG_LEVEL_INFO, NULL, NULL, "not shown either");
	assert_int_equal(evaluated, 0);
	text = written();
	assert_string_equal(text, "");
	free(text);
	log_warn("shown %d", costly());
	text = written_line();
	assert_string_equal(text, "warn shown 1");
	free(text);
	assert_int_equal(log_level_parse("notice", &level), WSD_OK);
	assert_int_equal(level, LOG_LEVEL_NOTICE);
	assert_int_equal(log_level_parse("crit", &level), WSD_E_UNKNOWN);
	assert_int_equal(log_level_parse("Info", &level), WSD_E_UNKNOWN);
	assert_int_equal(log_format_parse("json", &format), WSD_OK);
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_int_equal(log_format_parse("", &format), WSD_E_UNKNOWN);
}

static void
test_errno_is_kept(void **state)
{
	errno = EXDEV;
	log_info("a line");
	assert_int_equal(errno, EXDEV);
}

/* A critical line does not wait behind the queue: its thread may be about to abort. */
static void
test_critical_lines_are_written_at_once(void **state)
{
	char *line;

	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	log_crit("the end");
	line = written_line();
	assert_string_equal(line, "crit the end");
	free(line);
}

static void
test_auto_is_the_journal_only_if_stderr_is_its_stream(void **state)
{
	char stream[64];
	struct stat st;
	char *line;

	assert_int_equal(fstat(STDIN_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	assert_int_equal(log_start(LOG_FORMAT_AUTO, LOG_LEVEL_INFO, "x"), WSD_OK);
	log_info("as text");
	log_stop();
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	line = written_line();
	assert_string_equal(line, "info as text");
	free(line);
}

#define THREADS	   4
#define LINES_EACH 5000

static _Atomic unsigned lines_begun;

static void *
log_many(void *arg)
{
	for (unsigned i = 0; i < LINES_EACH; i++) {
		log_write(LOG_LEVEL_INFO, NULL,
			  LOG_FIELDS(LOG_NUMBER("WS_THREAD", *(int *)arg), LOG_NUMBER("WS_I", i)), "line");
		atomic_fetch_add(&lines_begun, 1);
	}
	return NULL;
}

/* Counts the lines of log_many(), which must be whole and, for each thread, in order; reports of loss are added up. */
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

/* Half of the lines come before log_stop(), half during it or after it; none may be lost without being counted. */
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
	text = written();
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

/* Nobody reads stderr: the caller goes on all the same, the queue fills, and the loss is told once it is read again. */
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
	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO); /* the pipe's last writer */
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

static void
test_folding(void **state)
{
	static struct log_fold fold = LOG_FOLD(1000);
	uint64_t repeated = 99;

	assert_true(log_fold_due(&fold, 50000, &repeated));
	assert_int_equal(repeated, 0);
	assert_false(log_fold_due(&fold, 50000, &repeated));
	assert_false(log_fold_due(&fold, 50999, &repeated));
	assert_true(log_fold_due(&fold, 51000, &repeated));
	assert_int_equal(repeated, 2);
	assert_true(log_fold_due(&fold, 90000, &repeated));
	assert_int_equal(repeated, 0);
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

static void
test_a_stopped_log_can_be_started_again(void **state)
{
	char *text;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
		log_info("round");
		log_stop();
		log_stop();
	}
	text = written();
	assert_int_equal(strlen(text), 3 * (CLOCK_ISO8601_LEN + strlen(" info round\n")));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, capture, uncapture)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),
		TEST(test_text_cannot_be_forged),
		TEST(test_json),
		TEST(test_json_is_valid_for_any_bytes),
		TEST(test_long_values_are_cut_between_characters),
		TEST(test_levels),
		TEST(test_errno_is_kept),
		TEST(test_critical_lines_are_written_at_once),
		TEST(test_auto_is_the_journal_only_if_stderr_is_its_stream),
		TEST(test_no_line_is_lost_when_the_log_stops),
		TEST(test_a_stuck_reader_holds_nobody_up),
		TEST(test_the_first_line_comes_without_a_second_one),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_folding_loses_no_count_between_threads),
		TEST(test_a_stopped_log_can_be_started_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
