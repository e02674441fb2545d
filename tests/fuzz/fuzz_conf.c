/* SPDX-License-Identifier: MIT */
/*
 * The settings of wsd and of wsctl: lines of NAME=VALUE, any values. What is refused is explained in one printable
 * line; what is accepted is printed, read again and is the same. Origins that are accepted match themselves.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "conf/conf_ctl.h"
#include "conf/conf_priv.h"
#include "conf/env_file.h"
#include "front/front_priv.h"
#include "fuzz/fuzz.h"

#define LINES_MOST 64
#define SECRET     "ADMIN_TOKEN"

static struct {
	char *name[LINES_MOST], *value[LINES_MOST];
	unsigned n;
} settings;

/* The text is cut into pieces in place. */
static void
set(char *text)
{
	settings.n = 0;
	for (char *line = text; line && settings.n < LINES_MOST;) {
		char *next = strchr(line, '\n'), *equals;

		if (next)
			*next++ = '\0';
		equals = strchr(line, '=');
		if (equals) {
			*equals = '\0';
			settings.name[settings.n] = line;
			settings.value[settings.n++] = equals + 1;
		}
		line = next;
	}
}

static const char *
get(const char *name)
{
	for (unsigned i = 0; i < settings.n; i++)
		if (strcmp(settings.name[i], name) == 0)
			return settings.value[i];
	return NULL;
}

static const char *
look_up(const void *arg, const char *name)
{
	return get(name);
}

static void
check_why(const char *why, size_t size)
{
	CHECK(memchr(why, '\0', size) && why[0] != '\0');
	for (; *why; why++)
		CHECK(*why >= ' ' && *why <= '~');
}

static char *
printed(const struct conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	CHECK(to);
	conf_print(conf, to);
	CHECK(fclose(to) == 0 && strlen(text) == len);
	return text;
}

static void
check_origins(const char *allowed)
{
	char *again = NULL;

	CHECK(conf_origins_parse(NULL, &again, allowed) == WSD_OK && strcmp(again, allowed) == 0);
	free(again);
	for (size_t len; *allowed; allowed += len + (allowed[len] == ',')) {
		char *entry;

		len = strcspn(allowed, ",");
		entry = strndup(allowed, len);
		CHECK(entry && len > 0);
		if (!strchr(entry, '*')) {
			CHECK(origin_allowed(entry, (struct slice){ entry, len }));
			CHECK(!origin_allowed(entry, (struct slice){ entry, len - 1 }));
		}
		free(entry);
	}
}

/* The secret is not printed: "(set)" is too short to be one. */
static void
check_again(const char *text)
{
	char *copy = strdup(text), *again, *secret, why[512];
	struct conf conf;

	CHECK(copy);
	secret = strstr(copy, "\n" SECRET "=");
	CHECK(secret++);
	CHECK(strncmp(secret, SECRET "=\n", 13) == 0 || strncmp(secret, SECRET "=(set)\n", 18) == 0);
	if (secret[sizeof(SECRET)] == '(')
		memcpy(secret, "ADMIN_T0KEN", sizeof(SECRET) - 1);
	set(copy);
	CHECK(conf_load(&conf, get, why, sizeof(why)) == WSD_OK);
	again = printed(&conf);
	CHECK(strncmp(again, text, (size_t)(secret - copy)) == 0);
	conf_deinit(&conf);
	free(again);
	free(copy);
}

static void
try_conf(void)
{
	char why[512] = "", *text;
	struct conf conf;

	if (conf_load(&conf, get, why, sizeof(why)) != WSD_OK) {
		check_why(why, sizeof(why));
		return;
	}
	CHECK(why[0] == '\0');
	check_origins(conf.allowed_origins);
	text = printed(&conf);
	conf_deinit(&conf);
	check_again(text);
	free(text);
}

static void
try_ctl(void)
{
	struct conf_ctl conf = { .proxy_file = NULL };
	char why[512] = "";

	if (conf_vars_load(conf_ctl_table, &conf, look_up, NULL, why, sizeof(why)) != WSD_OK) {
		check_why(why, sizeof(why));
	} else {
		CHECK((conf.proxy.kind == CONF_PROXY_SCRIPT) == (conf.proxy.script != NULL));
		CHECK(!conf.proxy.script || conf.proxy.script[0] == '/');
		CHECK(!conf.proxy_file || conf.proxy_file[0] == '/');
		CHECK(conf.proxy_url[strlen(conf.proxy_url) - 1] == '/');
	}
	conf_vars_release(conf_ctl_table, &conf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	set(text);
	try_ctl();
	try_conf();
	free(text);
	return 0;
}
