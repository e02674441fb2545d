/* SPDX-License-Identifier: MIT */
/* The log: text and JSON forms with any bytes, levels, where it goes, and folding. */
#include "log/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "log/message_ids.h"
#include "support/json_c.h"
#include "support/log_sink.h"
#include "support/plain_utf8.h"

#define ID "93188b8a66ce4c78913f469b3124790b"

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
	line = log_sink_line();
	assert_string_equal(line,
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
		  "line 1\nline 2\t\\ \x7f \xed\xa0\x80 \xe2\x82\xac \xe2\x80\xae.");
	line = log_sink_line();
	assert_string_equal(line, "warn line 1\\nline 2\\x09\\\\ \\x7f \\xed\\xa0\\x80 \xe2\x82\xac \\xe2\\x80\\xae. "
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
	log_write(LOG_LEVEL_ERROR, ID, LOG_FIELDS(LOG_NUMBER("WS_COUNT", 12), LOG_NUMBER("WS_ID", UINT64_MAX)), "no %s",
		  "luck \xc2\x9b"
		  "2J\xe2\x80\xae\xf3\xa0\x80\x81");
	log_stop();
	text = log_sink_text();
	/* what a terminal obeys does not reach it */
	assert_non_null(strstr(text, "\"no luck \\u009b2J\\u202e\\udb40\\udc01\""));
	object = json_c_parse(text, strlen(text));
	assert_non_null(object);
	assert_member(object, "level", "error");
	assert_member(object, "message",
		      "no luck \xc2\x9b"
		      "2J\xe2\x80\xae\xf3\xa0\x80\x81");
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
	text = log_sink_text();
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
	line = log_sink_line();
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
	char *text;

	log_set_level(LOG_LEVEL_WARN);
	log_info("not shown %d", costly());
	log_write(LOG_LEVEL_INFO, NULL, NULL, "not shown either");
	assert_int_equal(evaluated, 0);
	text = log_sink_text();
	assert_string_equal(text, "");
	free(text);
	log_warn("shown %d", costly());
	text = log_sink_line();
	assert_string_equal(text, "warn shown 1");
	free(text);
	assert_int_equal(log_level_parse("notice", &level), WSD_OK);
	assert_int_equal(level, LOG_LEVEL_NOTICE);
	assert_int_equal(log_level_parse("crit", &level), WSD_E_UNKNOWN);
	assert_int_equal(log_level_parse("Info", &level), WSD_E_UNKNOWN);
}

static void
test_errno_is_kept(void **state)
{
	errno = EXDEV;
	log_info("a line");
	assert_int_equal(errno, EXDEV);
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
	line = log_sink_line();
	assert_string_equal(line, "info as text");
	free(line);
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
	text = log_sink_text();
	assert_int_equal(strlen(text), 3 * (CLOCK_ISO8601_LEN + strlen(" info round\n")));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_SINK_TEST(test_text),
		LOG_SINK_TEST(test_text_cannot_be_forged),
		LOG_SINK_TEST(test_json),
		LOG_SINK_TEST(test_json_is_valid_for_any_bytes),
		LOG_SINK_TEST(test_long_values_are_cut_between_characters),
		LOG_SINK_TEST(test_levels),
		LOG_SINK_TEST(test_errno_is_kept),
		LOG_SINK_TEST(test_auto_is_the_journal_only_if_stderr_is_its_stream),
		cmocka_unit_test(test_folding),
		LOG_SINK_TEST(test_a_stopped_log_can_be_started_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
