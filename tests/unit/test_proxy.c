/* SPDX-License-Identifier: MIT */
/* The kinds of proxy: their files, and the operator's own program. PATH leads to an empty folder, so there is
 * no nginx. */
#include "ctl/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "ctl/why.h"
#include "support/files.h"

static char folder[] = "/tmp/wsd-proxy.XXXXXX", file[64], script[64];
static struct conf_ctl conf;
static struct proxy *proxy;
static struct why why;
static char address[PROXY_ADDRESS_MAX];

static int
make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/file", folder);
	snprintf(script, sizeof(script), "%s/script", folder);
	return setenv("PATH", folder, 1);
}

static int
remove_folder(void **state)
{
	return rmdir(folder);
}

static int
forget(void **state)
{
	char said[80];

	proxy_close(&proxy);
	snprintf(said, sizeof(said), "%s/said", folder);
	unlink(said);
	unlink(file);
	unlink(script);
	return 0;
}

static void
open_kind(int kind)
{
	conf = (struct conf_ctl){ .proxy = { .kind = kind, .script = script },
				  .proxy_file = file,
				  .proxy_url = (char *)"http://127.0.0.1/",
				  .proxy_timeout_ms = 1000 };
	proxy_close(&proxy);
	assert_int_equal(proxy_open(&proxy, &conf, NULL, &why), WSD_OK);
}

static char *
content(const char *path)
{
	char *text;
	size_t len;

	assert_int_equal(fd_read_file(path, 65536, &text, &len), WSD_OK);
	return text;
}

/* NULL: none. */
static void
current_is(const char *expected)
{
	int rc = proxy_current(proxy, address, &why);

	assert_int_equal(rc, expected ? WSD_OK : WSD_E_UNKNOWN);
	if (expected)
		assert_string_equal(address, expected);
}

static void
test_none(void **state)
{
	open_kind(CONF_PROXY_NONE);
	assert_string_equal(proxy_name(proxy), "none");
	assert_false(proxy_there(proxy));
	current_is(NULL);
	assert_int_equal(proxy_switch(proxy, "blue", "127.0.0.1:3001", &why), WSD_OK);
	assert_int_equal(access(file, F_OK), -1);
}

static void
test_which_one_is_found(void **state)
{
	open_kind(CONF_PROXY_AUTO);
	assert_string_equal(proxy_name(proxy), "none");
	assert_false(proxy_there(proxy));
	make_file(file, "http:\n", 0644);
	open_kind(CONF_PROXY_AUTO);
	assert_string_equal(proxy_name(proxy), "traefik");
	assert_true(proxy_there(proxy));
	assert_non_null(strstr(proxy_reason(proxy), file));
}

static const struct {
	const char *text, *address;
} nginx_files[] = {
	{ "upstream ws {\n\tserver 127.0.0.1:3001;\n}\n", "127.0.0.1:3001" },
	{ "upstream ws { server 127.0.0.1:3002; }", "127.0.0.1:3002" },
	{ "upstream ws {\n\tserver [::1]:3001 max_fails=0;\n}\n", "[::1]:3001" },
	{ "upstream ws {\n    server 127.0.0.1:3001\tweight=5;\n}\n", "127.0.0.1:3001" },
	{ "# server 127.0.0.1:1;\nupstream ws {\n\t# server 127.0.0.1:2;\n  #server 127.0.0.1:3;\n\tserver "
	  "127.0.0.1:4;\n}\n",
	  "127.0.0.1:4" },
	{ "upstream ws {\n\tserver 127.0.0.1:3001;\n\tserver 127.0.0.1:3002;\n}\n", "127.0.0.1:3001" },
	{ "", NULL },
	{ "upstream ws {\n\tserver\t 127.0.0.1:3001;\n}\n", "127.0.0.1:3001" },
	{ "keepalive 16; # was server 127.0.0.1:3002;\nserver 127.0.0.1:3001;\n", "127.0.0.1:3001" },
	{ "\n\n", NULL },
	{ "server", NULL },
	{ "server ", NULL },
	{ "server \n;", NULL },
	{ "server ;", NULL },
	{ "upstream ws {\n\t# server 127.0.0.1:3001;\n}\n", NULL },
	{ "server 0123456789012345678901234567890123456789012345678901234567890123;", NULL },
};

static void
test_the_address_in_the_file_of_nginx(void **state)
{
	open_kind(CONF_PROXY_NGINX);
	current_is(NULL); /* there is no file */
	for (size_t i = 0; i < sizeof(nginx_files) / sizeof(*nginx_files); i++) {
		make_file(file, nginx_files[i].text, 0644);
		current_is(nginx_files[i].address);
	}
	assert_non_null(strstr(why.text, file));
}

static const struct {
	const char *text, *address;
} traefik_files[] = {
	{ "http:\n  services:\n    ws:\n      loadBalancer:\n        servers:\n          - url: "
	  "\"http://127.0.0.1:3001\"\n",
	  "127.0.0.1:3001" },
	{ "- url: \"http://127.0.0.1:3002/\"", "127.0.0.1:3002" },
	{ "# - url: \"http://127.0.0.1:1\"\n  # - url: \"http://127.0.0.1:2\"\n- url: \"http://[::1]:3\"\n",
	  "[::1]:3" },
	{ "", NULL },
	{ "- url: \"http://\"\n", NULL },
	{ "- url: http://127.0.0.1:3001\n", "127.0.0.1:3001" },
	{ "- url: 'http://127.0.0.1:3001/' # http://127.0.0.1:1\n", "127.0.0.1:3001" },
	{ "- curl: http://127.0.0.1:3001\n", NULL },
	{ "- address: \"127.0.0.1:3001\"\n", NULL },
};

static void
test_the_address_in_the_file_of_traefik(void **state)
{
	open_kind(CONF_PROXY_TRAEFIK);
	current_is(NULL);
	for (size_t i = 0; i < sizeof(traefik_files) / sizeof(*traefik_files); i++) {
		make_file(file, traefik_files[i].text, 0644);
		current_is(traefik_files[i].address);
	}
}

static void
test_traefik_is_switched(void **state)
{
	struct stat st;
	char *text;

	make_file(file, "# before\n", 0640);
	open_kind(CONF_PROXY_TRAEFIK);
	assert_int_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), WSD_OK);
	current_is("127.0.0.1:3002");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	text = content(file);
	assert_null(strstr(text, "before"));
	assert_non_null(strstr(text, "wsctl(8)"));
	free(text);
	assert_int_equal(proxy_switch(proxy, "blue", "[::1]:3001", &why), WSD_OK);
	current_is("[::1]:3001");
}

static void
test_a_file_that_cannot_be_written(void **state)
{
	open_kind(CONF_PROXY_TRAEFIK);
	conf.proxy_file = (char *)"/no/such/folder/file";
	proxy_close(&proxy);
	assert_int_equal(proxy_open(&proxy, &conf, NULL, &why), WSD_OK);
	assert_int_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), -ENOENT);
	assert_non_null(strstr(why.text, conf.proxy_file));
}

/* nginx cannot be asked whether it accepts its new configuration. */
static void
test_what_nginx_does_not_take_is_taken_back(void **state)
{
	static const char before[] = "upstream ws {\n\tserver 127.0.0.1:3001;\n}\n";
	struct stat st;
	char *text;

	make_file(file, before, 0600);
	open_kind(CONF_PROXY_NGINX);
	assert_int_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), WSD_E_UNKNOWN);
	assert_non_null(strstr(why.text, "nginx"));
	text = content(file);
	assert_string_equal(text, before);
	free(text);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	current_is("127.0.0.1:3001");
}

static void
test_a_file_that_was_not_there_is_gone_again(void **state)
{
	open_kind(CONF_PROXY_NGINX);
	assert_int_not_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), WSD_OK);
	assert_int_equal(access(file, F_OK), -1);
}

/* ---- a program */

static void
test_a_program_is_called(void **state)
{
	char *text, said[80];

	snprintf(said, sizeof(said), "%s/said", folder);
	make_file(script, "#!/bin/sh\necho \"$# $*\" >>\"${0%/*}/said\"\n[ \"$1\" = switch ] || echo 127.0.0.1:3002\n",
		  0755);
	open_kind(CONF_PROXY_SCRIPT);
	assert_string_equal(proxy_name(proxy), "script");
	assert_true(proxy_there(proxy));
	assert_int_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), WSD_OK);
	current_is("127.0.0.1:3002");
	text = content(said);
	assert_string_equal(text, "3 switch green 127.0.0.1:3002\n1 current\n");
	free(text);
}

static void
test_a_program_that_fails(void **state)
{
	make_file(script, "#!/bin/sh\necho unwanted\necho \"no such upstream\" >&2\nexit 5\n", 0755);
	open_kind(CONF_PROXY_SCRIPT);
	assert_int_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), WSD_E_LIBRARY);
	assert_non_null(strstr(why.text, script));
	assert_non_null(strstr(why.text, "status 5"));
	assert_non_null(strstr(why.text, "no such upstream"));
	assert_null(strstr(why.text, "unwanted"));
	assert_int_equal(proxy_current(proxy, address, &why), WSD_E_LIBRARY);
	assert_non_null(strstr(why.text, "no such upstream"));
}

static void
test_what_a_program_prints(void **state)
{
	static const struct {
		const char *words, *address;
	} prints[] = {
		{ "'127.0.0.1:3001'", "127.0.0.1:3001" },
		{ "'127.0.0.1:3001\\r\\n'", "127.0.0.1:3001" },
		{ "'[::1]:3001\\nand more\\n'", "[::1]:3001" },
		{ "''", NULL },
		{ "'\\n127.0.0.1:3001\\n'", NULL },
		{ "'127.0.0.1:3001\\n' >&2", NULL },
	};

	for (size_t i = 0; i < sizeof(prints) / sizeof(*prints); i++) {
		char text[200];

		snprintf(text, sizeof(text), "#!/bin/sh\nprintf %s\n", prints[i].words);
		make_file(script, text, 0755);
		open_kind(CONF_PROXY_SCRIPT);
		current_is(prints[i].address);
	}
}

static void
test_a_program_that_prints_something_else(void **state)
{
	static const char *const prints[] = { "%070d 1", "'not configured'", "'green\\033[31m'" };

	for (size_t i = 0; i < sizeof(prints) / sizeof(*prints); i++) {
		char text[200];

		snprintf(text, sizeof(text), "#!/bin/sh\nprintf %s\n", prints[i]);
		make_file(script, text, 0755);
		open_kind(CONF_PROXY_SCRIPT);
		assert_int_equal(proxy_current(proxy, address, &why), WSD_E_MALFORMED);
		assert_non_null(strstr(why.text, "which is no address"));
		assert_null(strchr(why.text, 27));
	}
}

static void
test_a_program_that_is_none(void **state)
{
	open_kind(CONF_PROXY_SCRIPT);
	assert_int_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), WSD_E_UNKNOWN);
	assert_non_null(strstr(why.text, script));
	make_file(script, "#!/bin/sh\n", 0644);
	assert_int_equal(proxy_switch(proxy, "green", "127.0.0.1:3002", &why), -EACCES);
	assert_non_null(strstr(why.text, script));
}

#define TEST(test) cmocka_unit_test_teardown(test, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_none),
		TEST(test_which_one_is_found),
		TEST(test_the_address_in_the_file_of_nginx),
		TEST(test_the_address_in_the_file_of_traefik),
		TEST(test_traefik_is_switched),
		TEST(test_a_file_that_cannot_be_written),
		TEST(test_what_nginx_does_not_take_is_taken_back),
		TEST(test_a_file_that_was_not_there_is_gone_again),
		TEST(test_a_program_is_called),
		TEST(test_a_program_that_fails),
		TEST(test_what_a_program_prints),
		TEST(test_a_program_that_prints_something_else),
		TEST(test_a_program_that_is_none),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
