/* SPDX-License-Identifier: MIT */
/* What the log writes to stderr, kept for a test. */
#ifndef WSD_TESTS_LOG_SINK_H
#define WSD_TESTS_LOG_SINK_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "log/log.h"

/* While a test logs, stderr is this file. */
static int log_sink_stderr = -1, log_sink_fd = -1;

static inline int
log_sink_set_up(void **state)
{
	log_sink_stderr = dup(STDERR_FILENO);
	log_sink_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(log_sink_stderr >= 0 && log_sink_fd >= 0);
	assert_int_equal(fcntl(log_sink_fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(dup2(log_sink_fd, STDERR_FILENO), STDERR_FILENO);
	/* Leaves the sink that lines written directly go to. */
	assert_int_equal(log_start(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "x"), WSD_OK);
	log_stop();
	return 0;
}

static inline int
log_sink_tear_down(void **state)
{
	log_stop();
	log_set_level(LOG_LEVEL_INFO);
	assert_int_equal(dup2(log_sink_stderr, STDERR_FILENO), STDERR_FILENO);
	fd_close(&log_sink_stderr);
	fd_close(&log_sink_fd);
	return 0;
}

/* What was written so far; the caller frees it. */
static inline char *
log_sink_text(void)
{
	struct stat st;
	char *text;

	assert_int_equal(fstat(log_sink_fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(log_sink_fd, text, (size_t)st.st_size, 0), st.st_size);
	return text;
}

/* The one line without its time, which is checked for its form. */
static inline char *
log_sink_line(void)
{
	char *text = log_sink_text();
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

#define LOG_SINK_TEST(name) cmocka_unit_test_setup_teardown(name, log_sink_set_up, log_sink_tear_down)

#endif
