/* SPDX-License-Identifier: MIT */
/* Descriptors: closing, flags, files up to a limit, writes that have to wait, random bytes. */
#include "base/fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static void
test_close(void **state)
{
	int fds[2], copy, none = -1;

	assert_int_equal(pipe(fds), 0);
	copy = fds[0];
	errno = EXDEV;
	fd_close(&fds[0]);
	assert_int_equal(fds[0], -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	errno = EXDEV;
	fd_close(&fds[0]); /* again */
	fd_close(&none);
	assert_int_equal(errno, EXDEV);
	fd_close(&fds[1]);
}

static void
test_flags(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(fd_set_nonblock(fds[1]), WSD_OK);
		assert_int_equal(fd_set_cloexec(fds[1]), WSD_OK);
		assert_int_equal(fcntl(fds[1], F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_WRONLY);
		assert_int_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	}
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	assert_int_equal(fd_set_nonblock(-1), -EBADF);
	assert_int_equal(fd_set_cloexec(-1), -EBADF);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void
make_file(char path[64], const char *data, size_t len)
{
	int fd;

	strcpy(path, "test_fd.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, len), WSD_OK);
	fd_close(&fd);
}

static void
test_read_file(void **state)
{
	char path[64], *data;
	size_t len;

	make_file(path,
		  "12345\0"
		  "789",
		  9);
	assert_int_equal(fd_read_file(path, 9, &data, &len), WSD_OK); /* just fits */
	assert_int_equal(len, 9);
	assert_memory_equal(data,
			    "12345\0"
			    "789",
			    10); /* and a zero behind */
	free(data);
	assert_int_equal(fd_read_file(path, 1000, &data, &len), WSD_OK);
	assert_int_equal(len, 9);
	free(data);
	data = path;
	assert_int_equal(fd_read_file(path, 8, &data, &len), WSD_E_TOO_LARGE);
	assert_null(data);
	assert_int_equal(fd_read_file(path, 0, &data, &len), WSD_E_TOO_LARGE);
	unlink(path);

	make_file(path, "", 0);
	assert_int_equal(fd_read_file(path, 0, &data, &len), WSD_OK);
	assert_int_equal(len, 0);
	assert_string_equal(data, "");
	free(data);
	unlink(path);
}

static void
test_read_file_fails(void **state)
{
	char *data = "";
	size_t len = 1;

	assert_int_equal(fd_read_file("test_fd.none", 10, &data, &len), -ENOENT);
	assert_null(data);
	assert_int_equal(len, 0);
	data = "";
	assert_int_equal(fd_read_file("/", 10, &data, &len), -EISDIR);
	assert_null(data);
	/* one that says it is empty, and one without an end */
	assert_int_equal(fd_read_file("/proc/self/stat", 4096, &data, &len), WSD_OK);
	assert_true(len > 0 && strlen(data) == len);
	free(data);
	assert_int_equal(fd_read_file("/dev/zero", 65536, &data, &len), WSD_E_TOO_LARGE);
}

/* ---- writing --------------------------------------------------------------------------------- */

#define MUCH (1 << 20) /* far more than a pipe holds */

struct reader {
	int fd;
	size_t len;
	bool same;
};

static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static void *
read_all(void *arg)
{
	struct reader *r = arg;
	unsigned char piece[1000];
	ssize_t n;

	while ((n = read(r->fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n; i++)
			r->same = piece[i] == byte_at(r->len++) && r->same;
	return NULL;
}

static void
write_much(bool nonblock)
{
	unsigned char *data = malloc(MUCH);
	struct reader reader = { .same = true };
	pthread_t thread;
	int fds[2];

	assert_non_null(data);
	for (size_t i = 0; i < MUCH; i++)
		data[i] = byte_at(i);
	assert_int_equal(pipe(fds), 0);
	if (nonblock)
		assert_int_equal(fd_set_nonblock(fds[1]), WSD_OK);
	reader.fd = fds[0];
	assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
	assert_int_equal(fd_write_all(fds[1], data, MUCH), WSD_OK);
	fd_close(&fds[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reader.len, MUCH);
	assert_true(reader.same);
	fd_close(&fds[0]);
	free(data);
}

static void
test_write_waits(void **state)
{
	write_much(false);
	write_much(true);
}

static void
test_write_fails(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fd_write_all(fds[1], NULL, 0), WSD_OK);
	assert_int_equal(fd_write_all(fds[0], "x", 1), -EBADF); /* not open for writing */
	fd_close(&fds[0]);
	assert_int_equal(fd_write_all(fds[1], "x", 1), -EPIPE);
	fd_close(&fds[1]);
	assert_int_equal(fd_write_all(fds[1], "x", 1), -EBADF);
}

/* ---- random ---------------------------------------------------------------------------------- */

static void
test_random(void **state)
{
	/* more than getrandom(2) gives in one call without interruption; and nothing outside is written */
	static unsigned char out[1000], large[1 << 17];
	unsigned seen[256] = { 0 };

	for (size_t len = 0; len <= 64; len++) {
		memset(out, 0xa5, sizeof(out));
		fd_random(out + 100, len);
		for (size_t i = 0; i < sizeof(out); i++)
			if (i < 100 || i >= 100 + len)
				assert_int_equal(out[i], 0xa5);
	}
	fd_random(large, sizeof(large));
	for (size_t i = 0; i < sizeof(large); i++)
		seen[large[i]]++;
	for (unsigned i = 0; i < 256; i++) /* 512 are expected; 20 standard deviations off is no chance */
		assert_in_range(seen[i], 60, 964);
}

static void
test_discard(void **state)
{
	char some[100000] = "some";
	int fds[2], pipes[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[0], some, sizeof(some)), sizeof(some));
	fd_discard(fds[1]);
	assert_int_equal(recv(fds[1], some, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	fd_close(&fds[0]);
	fd_discard(fds[1]); /* the end */
	fd_close(&fds[1]);
	assert_int_equal(pipe(pipes), 0);
	fd_discard(pipes[0]); /* no socket */
	fd_close(&pipes[0]);
	fd_close(&pipes[1]);
}

static void
test_places_in_a_file(void **state)
{
	int fd = memfd_create("test", 0);
	char text[8] = "";

	assert_int_equal(fd_write_at(fd, "after", 5, 10), WSD_OK);
	assert_int_equal(fd_write_at(fd, "before", 6, 1), WSD_OK);
	assert_int_equal(fd_read_at(fd, text, 5, 10), WSD_OK);
	assert_string_equal(text, "after");
	assert_int_equal(fd_read_at(fd, text, 6, 10), WSD_E_MALFORMED);
	fd_close(&fd);
	assert_int_equal(fd_write_at(fd, "x", 1, 0), -EBADF);
	assert_int_equal(fd_read_at(fd, text, 1, 0), -EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_read_file),
		cmocka_unit_test(test_read_file_fails),
		cmocka_unit_test(test_write_waits),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_places_in_a_file),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
