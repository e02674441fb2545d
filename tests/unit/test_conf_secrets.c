/* SPDX-License-Identifier: MIT */
/* Secrets in files and credentials: which is taken, which is refused, and that none is shown. */
#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fd.h"
#include "support/conf_env.h"

#define SECRET "0123456789abcdef"

static char folder[64];
static struct conf conf;
static char why[1400];

#define LOAD(...) CONF_ENV_LOAD(&conf, why, sizeof(why), __VA_ARGS__)

static int
set_up(void **state)
{
	strcpy(folder, "/tmp/wsd-secrets-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int
tear_down(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

/* The path of a new file with these bytes. */
static const char *
file(const char *name, const void *data, size_t len)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	FILE *to;

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	to = fopen(path, "w");
	assert_non_null(to);
	assert_int_equal(fwrite(data, 1, len, to), len);
	assert_int_equal(fclose(to), 0);
	return path;
}

static const char *
text_file(const char *name, const char *text)
{
	return file(name, text, strlen(text));
}

static void
remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

/* A line end is no part of a secret that is text; any other byte is. */
static void
test_admin_token_in_a_file(void **state)
{
	static const char *const texts[] = { SECRET, SECRET "\n", SECRET "\r\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(LOAD("ADMIN_TOKEN_FILE", text_file("a", texts[i])), WSD_OK);
		assert_string_equal(conf.admin_token, SECRET);
		conf_deinit(&conf);
		assert_null(conf.admin_token);
	}
}

static void
test_admin_token_in_a_credential(void **state)
{
	text_file("admin-token", SECRET "\n");
	assert_int_equal(LOAD("CREDENTIALS_DIRECTORY", folder), WSD_OK);
	assert_string_equal(conf.admin_token, SECRET);
	conf_deinit(&conf);
	remove_file("admin-token");
	assert_int_equal(LOAD("CREDENTIALS_DIRECTORY", folder), WSD_OK); /* there are others, perhaps */
	assert_null(conf.admin_token);
	conf_deinit(&conf);
	assert_int_equal(LOAD("CREDENTIALS_DIRECTORY", "/nonexistent"), WSD_OK);
	assert_null(conf.admin_token);
	conf_deinit(&conf);
}

static void
test_bad_admin_tokens(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
		{ "", 0 },          { "short\n", 6 },     { SECRET "\n\n", 18 },      { SECRET " ", 17 },
		{ " " SECRET, 17 }, { SECRET "\0x", 18 }, { SECRET "\n" SECRET, 33 }, { SECRET "\xc3\xa9", 18 },
	};
	char expected[300], huge[20000];
	const char *path;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		path = file("a", bad[i].data, bad[i].len);
		assert_int_not_equal(LOAD("ADMIN_TOKEN_FILE", path), WSD_OK);
		snprintf(expected, sizeof(expected),
			 "ADMIN_TOKEN_FILE=\"%s\": a secret of 16 to 256 visible ASCII characters is needed", path);
		assert_string_equal(why, expected);
		assert_null(conf.admin_token);
	}
	memset(huge, 'x', sizeof(huge));
	path = file("a", huge, sizeof(huge));
	assert_int_equal(LOAD("ADMIN_TOKEN_FILE", path), WSD_E_TOO_LARGE);
	snprintf(expected, sizeof(expected), "ADMIN_TOKEN_FILE=\"%s\": could not be read (too large)", path);
	assert_string_equal(why, expected);
	assert_int_equal(LOAD("ADMIN_TOKEN_FILE", "/nonexistent/a"), -ENOENT);
	assert_string_equal(why, "ADMIN_TOKEN_FILE=\"/nonexistent/a\": could not be read (No such file or directory)");
	assert_int_equal(LOAD("ADMIN_TOKEN_FILE", folder), -EISDIR);
	assert_int_equal(LOAD("ADMIN_TOKEN_FILE", "secret.txt"), WSD_E_MALFORMED); /* relative to what? */
	text_file("admin-token", "short");
	assert_int_equal(LOAD("CREDENTIALS_DIRECTORY", folder), WSD_E_RANGE);
	assert_string_equal(why,
			    "the credential admin-token: a secret of 16 to 256 visible ASCII characters is needed");
	remove_file("admin-token");
}

static void
test_one_secret_has_one_place(void **state)
{
	static const char all[] =
		"ADMIN_TOKEN, ADMIN_TOKEN_FILE, the credential admin-token: only one of them may be set";
	const char *path = text_file("a", SECRET);

	assert_int_equal(LOAD("ADMIN_TOKEN", SECRET, "ADMIN_TOKEN_FILE", path), WSD_E_RANGE);
	assert_string_equal(why, all);
	text_file("admin-token", SECRET);
	assert_int_equal(LOAD("ADMIN_TOKEN", SECRET, "CREDENTIALS_DIRECTORY", folder), WSD_E_RANGE);
	assert_string_equal(why, all);
	assert_int_equal(LOAD("ADMIN_TOKEN_FILE", path, "CREDENTIALS_DIRECTORY", folder), WSD_E_RANGE);
	assert_string_equal(why, all);
	/* empty is not set */
	assert_int_equal(LOAD("ADMIN_TOKEN", "", "ADMIN_TOKEN_FILE", "", "CREDENTIALS_DIRECTORY", folder), WSD_OK);
	conf_deinit(&conf);
	remove_file("admin-token");
	text_file("jwt-key", SECRET);
	assert_int_equal(
		LOAD("AUTH", "jwt", "JWT_ALGORITHM", "HS256", "JWT_KEY_FILE", path, "CREDENTIALS_DIRECTORY", folder),
		WSD_E_RANGE);
	assert_string_equal(why, "JWT_KEY_FILE, the credential jwt-key: only one of them may be set");
	remove_file("jwt-key");
}

static void
test_key_of_tokens(void **state)
{
	static const char binary[] = { 1, 2, 0, (char)0xff, '\n' };
	const char *path = file("k", binary, sizeof(binary));

	assert_int_equal(LOAD("AUTH", "jwt", "JWT_ALGORITHM", "ES256", "JWT_KEY_FILE", path), WSD_OK);
	assert_int_equal(conf.jwt_key_len, sizeof(binary)); /* random bytes may end in anything */
	assert_memory_equal(conf.jwt_key, binary, sizeof(binary));
	conf_deinit(&conf);
	path = text_file("k", "text\n");
	assert_int_equal(LOAD("AUTH", "jwt", "JWT_ALGORITHM", "HS256", "JWT_KEY_FILE", path), WSD_OK);
	assert_int_equal(conf.jwt_key_len, 4);
	conf_deinit(&conf);
	text_file("jwt-key", "of the credential");
	assert_int_equal(LOAD("AUTH", "jwt", "JWT_ALGORITHM", "HS256", "CREDENTIALS_DIRECTORY", folder), WSD_OK);
	assert_string_equal(conf.jwt_key, "of the credential");
	conf_deinit(&conf);
	remove_file("jwt-key");
}

static void
test_what_tokens_need(void **state)
{
	assert_int_equal(LOAD("AUTH", "jwt"), WSD_E_MALFORMED);
	assert_string_equal(why, "JWT_ALGORITHM: HS256, RS256 or ES256 is needed with AUTH=jwt");
	assert_int_equal(LOAD("AUTH", "jwt", "JWT_KEY_FILE", "/k"), WSD_E_MALFORMED);
	assert_int_equal(LOAD("AUTH", "jwt", "JWT_ALGORITHM", "RS256"), WSD_E_MALFORMED);
	assert_string_equal(why, "JWT_KEY_FILE: a key is needed with AUTH=jwt, here or as the credential jwt-key");
	assert_int_equal(LOAD("AUTH", "jwt", "JWT_ALGORITHM", "none"), WSD_E_MALFORMED);
	assert_string_equal(why, "JWT_ALGORITHM=\"none\": HS256, RS256 or ES256 is needed");
	assert_int_equal(LOAD("AUTH", "jwt", "JWT_ALGORITHM", "RS256", "JWT_KEY_FILE", "/nonexistent/k"), -ENOENT);
	/* without AUTH nothing of it is looked at */
	assert_int_equal(LOAD("JWT_ALGORITHM", "RS256", "JWT_KEY_FILE", "/nonexistent/k"), WSD_OK);
	assert_null(conf.jwt_key);
	conf_deinit(&conf);
}

static void
test_no_secret_is_shown(void **state)
{
	const char *path = text_file("a", SECRET);
	char *text;

	assert_int_equal(LOAD("ADMIN_TOKEN_FILE", path, "AUTH", "jwt", "JWT_ALGORITHM", "HS256", "JWT_KEY_FILE", path),
			 WSD_OK);
	text = conf_env_printed(&conf);
	assert_null(strstr(text, SECRET));
	assert_non_null(strstr(text, "\nADMIN_TOKEN=(set)\n"));
	assert_non_null(strstr(text, "\nJWT_ALGORITHM=HS256\n"));
	free(text);
	conf_deinit(&conf);
}

static void
test_a_token_in_the_environment_is_never_shown(void **state)
{
	char *text;

	assert_int_equal(LOAD("ADMIN_TOKEN", "hunter2"), WSD_E_RANGE);
	assert_string_equal(why, "ADMIN_TOKEN: a secret of 16 to 256 visible ASCII characters is needed");
	assert_int_equal(LOAD("ADMIN_TOKEN", SECRET), WSD_OK);
	assert_string_equal(conf.admin_token, SECRET);
	text = conf_env_printed(&conf);
	assert_null(strstr(text, SECRET));
	free(text);
	conf_deinit(&conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admin_token_in_a_file),
		cmocka_unit_test(test_admin_token_in_a_credential),
		cmocka_unit_test(test_bad_admin_tokens),
		cmocka_unit_test(test_one_secret_has_one_place),
		cmocka_unit_test(test_key_of_tokens),
		cmocka_unit_test(test_what_tokens_need),
		cmocka_unit_test(test_no_secret_is_shown),
		cmocka_unit_test(test_a_token_in_the_environment_is_never_shown),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
