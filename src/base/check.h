/* SPDX-License-Identifier: MIT */
/*
 * Checks for our own bugs. They stay in release builds: a server that goes on with broken state does more harm than
 * one that stops and is started again. Bad input is never met with these. Any thread.
 */
#ifndef WSD_BASE_CHECK_H
#define WSD_BASE_CHECK_H

#include <stdint.h>

/* Prints the failed condition to stderr (under systemd: the journal) and aborts. */
_Noreturn void check_failed(const char *file, int line, const char *what, int code);

#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond, 0))

/* For pthread and libuv calls that cannot fail when used rightly: aborts with the text of what they returned. */
#define CHECK_ZERO(call) \
	do { \
		int check_code_ = (call); \
		if (check_code_) \
			check_failed(__FILE__, __LINE__, #call, check_code_); \
	} while (0)

/* Every object reached through a void pointer starts with `uint32_t magic`. */
#define CHECK_MAGIC(object, expected) CHECK((object) && (object)->magic == (expected))

#endif
