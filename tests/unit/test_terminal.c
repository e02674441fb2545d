/* SPDX-License-Identifier: MIT */
/* A line that is drawn over and over stays in one row, however narrow the terminal is. */
#include "base/terminal.h"

#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static int screen, line;

static int
enter(void **state)
{
	struct termios raw;

	if (openpty(&screen, &line, NULL, NULL, NULL) != 0 || tcgetattr(line, &raw) != 0)
		return -1;
	cfmakeraw(&raw);
	return tcsetattr(line, TCSANOW, &raw);
}

static int
leave(void **state)
{
	close(screen);
	close(line);
	return 0;
}

static void
check_drawn(unsigned short columns, const char *text, const char *expected)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	FILE *to = fdopen(dup(line), "w");
	char seen[256];
	ssize_t n;

	assert_non_null(to);
	assert_int_equal(ioctl(line, TIOCSWINSZ, &size), 0);
	terminal_draw(to, text);
	n = read(screen, seen, sizeof(seen) - 1);
	assert_true(n > 0);
	seen[n] = '\0';
	assert_string_equal(seen, expected);
	fclose(to);
}

static void
test_what_is_too_wide_is_cut(void **state)
{
	check_drawn(80, "0123456789", "\r0123456789\033[K");
	check_drawn(11, "0123456789", "\r0123456789\033[K");
	check_drawn(10, "0123456789", "\r012345678\033[K");
	check_drawn(1, "0123456789", "\r\033[K");
	check_drawn(0, "0123456789", "\r0123456789\033[K");
	check_drawn(40, "", "\r\033[K");
}

static void
test_who_draws_again(void **state)
{
	int fds[2];

	setenv("TERM", "xterm", 1);
	assert_true(terminal_redraws(line));
	assert_int_equal(pipe(fds), 0);
	assert_false(terminal_redraws(fds[1]));
	setenv("TERM", "dumb", 1);
	assert_false(terminal_redraws(line));
	unsetenv("TERM");
	assert_false(terminal_redraws(line));
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_too_wide_is_cut),
		cmocka_unit_test(test_who_draws_again),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
