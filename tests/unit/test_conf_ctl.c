/* SPDX-License-Identifier: MIT */
/* wsctl's variables: each at its bounds, beyond them, with junk, empty and left out. */
#include "conf/conf_ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf/env_file.h"

/* The file of the next conf_ctl_load(): one variable, in single quotes. */
static int
load(struct conf_ctl *conf, const char *name, const char *value, char *why, size_t why_size)
{
	struct env_file *file;
	unsigned line;
	char *text;
	int rc = asprintf(&text, "%s='%s'\n", name, value);

	assert_true(rc > 0);
	assert_int_equal(env_file_parse(&file, text, strlen(text), &line), WSD_OK);
	free(text);
	memset(why, 0, why_size);
	rc = conf_ctl_load(conf, file, why, why_size);
	env_file_destroy(&file);
	return rc;
}

static char *
repeated(const char *head, char c, size_t len)
{
	size_t head_len = strlen(head);
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, c, len);
	memcpy(text, head, head_len);
	text[len] = '\0';
	return text;
}

static void
check_defaults(const struct conf_ctl *conf)
{
	assert_int_equal(conf->proxy.kind, CONF_PROXY_AUTO);
	assert_null(conf->proxy.script);
	assert_null(conf->proxy_file);
	assert_string_equal(conf->proxy_url, "http://127.0.0.1/");
	assert_int_equal(conf->proxy_timeout_ms, 10000);
	assert_null(conf->smoke_options);
	assert_int_equal(conf->on_upgrade, CONF_UPGRADE_AUTO);
}

static void
test_defaults(void **state)
{
	static const char *const names[] = { "PROXY",         "PROXY_FILE", "PROXY_URL", "PROXY_TIMEOUT",
					     "SMOKE_OPTIONS", "ON_UPGRADE", "OF_WSD" };
	struct conf_ctl conf;
	char why[1024];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(load(&conf, names[i], "", why, sizeof(why)), WSD_OK);
		check_defaults(&conf);
		conf_ctl_deinit(&conf);
	}
	assert_null(conf.proxy_url);
	conf_ctl_deinit(&conf); /* harmless */
}

static void
test_no_file_at_all(void **state)
{
	struct env_file *file;
	struct conf_ctl conf;
	unsigned line;
	char why[64];

	assert_int_equal(env_file_parse(&file, "", 0, &line), WSD_OK);
	assert_int_equal(conf_ctl_load(&conf, file, why, sizeof(why)), WSD_OK);
	check_defaults(&conf);
	conf_ctl_deinit(&conf);
	env_file_destroy(&file);
}

static void
test_proxy(void **state)
{
	static const struct {
		const char *value;
		int kind;
	} good[] = {
		{ "auto", CONF_PROXY_AUTO },        { "none", CONF_PROXY_NONE },
		{ "nginx", CONF_PROXY_NGINX },      { "traefik", CONF_PROXY_TRAEFIK },
		{ "script:/x", CONF_PROXY_SCRIPT }, { "script:/usr/local/sbin/switch", CONF_PROXY_SCRIPT },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct conf_ctl conf;
		char why[1024];

		assert_int_equal(load(&conf, "PROXY", good[i].value, why, sizeof(why)), WSD_OK);
		assert_int_equal(conf.proxy.kind, good[i].kind);
		if (good[i].kind == CONF_PROXY_SCRIPT)
			assert_string_equal(conf.proxy.script, good[i].value + strlen("script:"));
		else
			assert_null(conf.proxy.script);
		conf_ctl_deinit(&conf);
	}
}

static void
test_the_others(void **state)
{
	static const char *const urls[] = { "http://a/",      "https://a/",          "http://[::1]:8080/",
					    "https://a.b/c/", "http://a/%20;x=1,y/", "http://a//" };
	struct conf_ctl conf;
	char why[1024];

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		assert_int_equal(load(&conf, "PROXY_URL", urls[i], why, sizeof(why)), WSD_OK);
		assert_string_equal(conf.proxy_url, urls[i]);
		conf_ctl_deinit(&conf);
	}
	assert_int_equal(load(&conf, "PROXY_FILE", "/x", why, sizeof(why)), WSD_OK);
	assert_string_equal(conf.proxy_file, "/x");
	conf_ctl_deinit(&conf);
	assert_int_equal(load(&conf, "PROXY_TIMEOUT", "100", why, sizeof(why)), WSD_OK);
	assert_int_equal(conf.proxy_timeout_ms, 100);
	conf_ctl_deinit(&conf);
	assert_int_equal(load(&conf, "PROXY_TIMEOUT", "600000", why, sizeof(why)), WSD_OK);
	assert_int_equal(conf.proxy_timeout_ms, 600000);
	conf_ctl_deinit(&conf);
	assert_int_equal(load(&conf, "SMOKE_OPTIONS", " -c 5  --rate=100 ~", why, sizeof(why)), WSD_OK);
	assert_string_equal(conf.smoke_options, " -c 5  --rate=100 ~");
	conf_ctl_deinit(&conf);
}

static void
test_on_upgrade(void **state)
{
	static const char *const names[] = { "auto", "deploy", "restart", "none" }; /* as the enum has them */
	struct conf_ctl conf;
	char why[1024];

	for (int i = CONF_UPGRADE_AUTO; i <= CONF_UPGRADE_NONE; i++) {
		assert_int_equal(load(&conf, "ON_UPGRADE", names[i], why, sizeof(why)), WSD_OK);
		assert_int_equal(conf.on_upgrade, i);
		conf_ctl_deinit(&conf);
	}
}

static const struct bad {
	const char *name, *value;
	int rc;
} bad[] = {
	{ "PROXY", "Nginx", WSD_E_MALFORMED },
	{ "PROXY", "haproxy", WSD_E_MALFORMED },
	{ "PROXY", "nginx ", WSD_E_MALFORMED },
	{ "PROXY", "script", WSD_E_MALFORMED },
	{ "PROXY", "script:", WSD_E_MALFORMED },
	{ "PROXY", "script:switch", WSD_E_MALFORMED },
	{ "PROXY", "script: /x", WSD_E_MALFORMED },
	{ "PROXY", "script:/x y", WSD_E_MALFORMED },
	{ "PROXY", "script:/", WSD_E_RANGE },
	{ "PROXY_FILE", "x", WSD_E_MALFORMED },
	{ "PROXY_FILE", "./x", WSD_E_MALFORMED },
	{ "PROXY_FILE", "/x y", WSD_E_MALFORMED },
	{ "PROXY_FILE", "/\xc3\xa4", WSD_E_MALFORMED },
	{ "PROXY_FILE", "/", WSD_E_RANGE },
	{ "PROXY_URL", "127.0.0.1", WSD_E_MALFORMED },
	{ "PROXY_URL", "/", WSD_E_MALFORMED },
	{ "PROXY_URL", "ws://a/", WSD_E_MALFORMED },
	{ "PROXY_URL", "HTTP://a/", WSD_E_MALFORMED },
	{ "PROXY_URL", "http:/a/", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://", WSD_E_MALFORMED },
	{ "PROXY_URL", "https:///", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://:80/", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a/b", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a/?", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a/?/", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a/#/", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://u@a/", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a /", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a\n/", WSD_E_MALFORMED },
	{ "PROXY_URL", "http://a\\/", WSD_E_MALFORMED },
	{ "PROXY_TIMEOUT", "99", WSD_E_RANGE },
	{ "PROXY_TIMEOUT", "600001", WSD_E_RANGE },
	{ "PROXY_TIMEOUT", "0", WSD_E_RANGE },
	{ "PROXY_TIMEOUT", "-1", WSD_E_MALFORMED },
	{ "PROXY_TIMEOUT", "10s", WSD_E_MALFORMED },
	{ "PROXY_TIMEOUT", "4294967396", WSD_E_RANGE }, /* 2^32 + 100 */
	{ "SMOKE_OPTIONS", "-c 5\n", WSD_E_MALFORMED },
	{ "SMOKE_OPTIONS", "-c\t5", WSD_E_MALFORMED },
	{ "SMOKE_OPTIONS", "\xff", WSD_E_MALFORMED },
	{ "ON_UPGRADE", "off", WSD_E_MALFORMED },
	{ "ON_UPGRADE", "Deploy", WSD_E_MALFORMED },
};

static void
check_refused(const char *name, const char *value, int expected)
{
	static const struct conf_ctl empty;
	struct conf_ctl conf;
	char why[1024];
	int rc = load(&conf, name, value, why, sizeof(why));

	if (rc != expected)
		fail_msg("%s=%s: %s instead of %s", name, value, wsd_strerror(rc), wsd_strerror(expected));
	assert_memory_equal(&conf, &empty, sizeof(conf));
	assert_true(strncmp(why, name, strlen(name)) == 0 && why[strlen(name)] == '=');
	assert_non_null(strstr(why, " is needed"));
	assert_null(strchr(why, '\n'));
	conf_ctl_deinit(&conf);
}

static void
test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_refused(bad[i].name, bad[i].value, bad[i].rc);
}

static void
test_lengths(void **state)
{
	static const struct {
		const char *name, *head, *tail;
		size_t most;
	} bounds[] = {
		{ "PROXY", "script:/", "x", 4000 + 7 },
		{ "PROXY_FILE", "/", "x", 4000 },
		{ "PROXY_URL", "http://a/", "/", 1000 },
		{ "SMOKE_OPTIONS", "-", "x", 4000 },
	};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		char *text = repeated(bounds[i].head, bounds[i].tail[0], bounds[i].most), why[1024];
		struct conf_ctl conf;

		assert_int_equal(load(&conf, bounds[i].name, text, why, sizeof(why)), WSD_OK);
		conf_ctl_deinit(&conf);
		free(text);
		text = repeated(bounds[i].head, bounds[i].tail[0], bounds[i].most + 1);
		check_refused(bounds[i].name, text, WSD_E_RANGE);
		free(text);
	}
}

static void
refused_with(const char *name, const char *value, const char *expected)
{
	struct conf_ctl conf;
	char why[1024];

	assert_int_not_equal(load(&conf, name, value, why, sizeof(why)), WSD_OK);
	assert_string_equal(why, expected);
}

static void
test_the_reason_is_one_plain_line(void **state)
{
	refused_with("PROXY", "x\n\x1b[2J",
		     "PROXY=\"x\\x0a\\x1b[2J\": auto, nginx, traefik, script:/PATH/OF/PROGRAM or none is needed");
	refused_with("PROXY_FILE", "x",
		     "PROXY_FILE=\"x\": an absolute path of at most 4000 visible ASCII characters is needed");
	refused_with("PROXY_URL", "http://a",
		     "PROXY_URL=\"http://a\": an address that starts with http:// or https:// and ends with "
		     "a slash is "
		     "needed");
	refused_with("PROXY_TIMEOUT", "1",
		     "PROXY_TIMEOUT=\"1\": a number of milliseconds from 100 to 600000 is needed");
	refused_with("SMOKE_OPTIONS", "\t",
		     "SMOKE_OPTIONS=\"\\x09\": at most 4000 printable ASCII characters is needed");
}

/* What was read before the one that is refused is released: a sanitizer tells. */
static void
test_a_late_failure_leaves_nothing(void **state)
{
	static const char text[] = "PROXY=script:/x\nPROXY_FILE=/y\nPROXY_URL=http://a/\nSMOKE_OPTIONS='\t'\n";
	static const struct conf_ctl empty;
	struct env_file *file;
	struct conf_ctl conf;
	unsigned line;
	char why[8];

	assert_int_equal(env_file_parse(&file, text, strlen(text), &line), WSD_OK);
	assert_int_equal(conf_ctl_load(&conf, file, why, sizeof(why)), WSD_E_MALFORMED);
	assert_memory_equal(&conf, &empty, sizeof(conf));
	assert_string_equal(why, "SMOKE_O");
	env_file_destroy(&file);
}

static void
test_the_manual_names_all(void **state)
{
	static const char *const names[] = { "PROXY", "PROXY_FILE", "PROXY_URL", "PROXY_TIMEOUT", "SMOKE_OPTIONS" };
	char *text = NULL, line[64];
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	conf_ctl_print_man(to);
	assert_int_equal(fclose(to), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(line, sizeof(line), "%s\n", names[i]);
		if (!strstr(text, line))
			fail_msg("no %s in:\n%s", names[i], text);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_no_file_at_all),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_the_others),
		cmocka_unit_test(test_on_upgrade),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_the_reason_is_one_plain_line),
		cmocka_unit_test(test_a_late_failure_leaves_nothing),
		cmocka_unit_test(test_the_manual_names_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
