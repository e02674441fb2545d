/* SPDX-License-Identifier: MIT */
/* A configuration from an environment that a test writes down, and what it shows of itself. */
#ifndef WSD_TESTS_CONF_ENV_H
#define WSD_TESTS_CONF_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

/* Names and values in turn, up to a NULL. */
static const char *const *conf_env;

static inline const char *
conf_env_get(const char *name)
{
	for (const char *const *at = conf_env; *at; at += 2)
		if (strcmp(at[0], name) == 0)
			return at[1];
	return NULL;
}

#define CONF_ENV_LOAD(conf, why, why_size, ...) \
	conf_env_load(conf, why, why_size, (const char *const[]){ __VA_ARGS__, NULL })

static inline int
conf_env_load(struct conf *conf, char *why, size_t why_size, const char *const *env)
{
	conf_env = env;
	memset(why, 0, why_size);
	return conf_load(conf, conf_env_get, why, why_size);
}

/* The settings in force as conf_print() shows them; the caller frees them. */
static inline char *
conf_env_printed(const struct conf *conf)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	conf_print(conf, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

#endif
