/* SPDX-License-Identifier: MIT */
/* The configuration: what each variable takes, what it is when left out, and how it is shown. */
#include "conf/conf.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "log/log.h"
#include "support/conf_env.h"

static void
assert_has_line(const char *text, const char *name, const char *value)
{
	char line[1100];

	snprintf(line, sizeof(line), "%s=%s\n", name, value);
	if (!strstr(text, line))
		fail_msg("no line %s in:\n%s", line, text);
}

/* What is accepted, and how conf_print() shows it; NULL: as it was given. */
static const struct good {
	const char *name, *value, *shown;
} good[] = {
	{ "HOST", "0.0.0.0", NULL },
	{ "HOST", "::", NULL },
	{ "HOST", "2001:db8::1", NULL },
	{ "HOST", "localhost", NULL },
	{ "HOST", "", "0.0.0.0" },
	{ "PORT", "1", NULL },
	{ "PORT", "65535", NULL },
	{ "PORT", "0080", "80" },
	{ "PORT", "", "3001" },
	{ "ADMIN_HOST", "::1", NULL },
	{ "ADMIN_HOST", "", "127.0.0.1" },
	{ "ADMIN_PORT", "1", NULL },
	{ "ADMIN_PORT", "65535", NULL },
	{ "ADMIN_PORT", "", "3101" },
	{ "MAX_CONNECTIONS", "1", NULL },
	{ "MAX_CONNECTIONS", "1000000", NULL },
	{ "MAX_CONNECTIONS", "", "10000" },
	{ "MAX_CONNECTIONS_PER_IP", "0", NULL },
	{ "MAX_CONNECTIONS_PER_IP", "1000000", NULL },
	{ "MAX_CONNECTIONS_PER_IP", "", "0" },
	{ "HEARTBEAT_INTERVAL", "100", NULL },
	{ "HEARTBEAT_INTERVAL", "3600000", NULL },
	{ "HEARTBEAT_INTERVAL", "", "30000" },
	{ "CONNECTION_TIMEOUT", "100", NULL },
	{ "CONNECTION_TIMEOUT", "86400000", NULL },
	{ "CONNECTION_TIMEOUT", "", "300000" },
	{ "LOG_LEVEL", "error", NULL },
	{ "LOG_LEVEL", "warn", NULL },
	{ "LOG_LEVEL", "notice", NULL },
	{ "LOG_LEVEL", "info", NULL },
	{ "LOG_LEVEL", "debug", NULL },
	{ "LOG_LEVEL", "", "info" },
	{ "LOG_FORMAT", "auto", NULL },
	{ "LOG_FORMAT", "journal", NULL },
	{ "LOG_FORMAT", "text", NULL },
	{ "LOG_FORMAT", "json", NULL },
	{ "LOG_FORMAT", "", "auto" },
	{ "WORKERS", "1", NULL },
	{ "WORKERS", "256", NULL },
	{ "MAX_MESSAGE_BYTES", "125", NULL },
	{ "MAX_MESSAGE_BYTES", "16777216", NULL },
	{ "MAX_MESSAGE_BYTES", "", "65536" },
	{ "SEND_QUEUE_BYTES", "4096", NULL },
	{ "SEND_QUEUE_BYTES", "1073741824", NULL },
	{ "SEND_QUEUE_BYTES", "", "1048576" },
	{ "SEND_TIMEOUT", "100", NULL },
	{ "SEND_TIMEOUT", "86400000", NULL },
	{ "SEND_TIMEOUT", "", "60000" },
	{ "DRAIN_TIMEOUT", "0", NULL },
	{ "DRAIN_TIMEOUT", "3600000", NULL },
	{ "DRAIN_TIMEOUT", "", "30000" },
	{ "PARKING_GRACE", "0", NULL },
	{ "PARKING_GRACE", "10000", NULL },
	{ "PARKING_GRACE", "", "150" },
	{ "SESSION_TTL", "0", NULL },
	{ "SESSION_TTL", "86400000", NULL },
	{ "SESSION_TTL", "", "900000" },
	{ "INSTANCE", "b", NULL },
	{ "INSTANCE", "blue-0123456789-0123456789-01234", NULL },
	{ "INSTANCE", "", "default" },
	{ "RATE_LIMIT_CONNECT", "0", NULL },
	{ "RATE_LIMIT_CONNECT", "1", "1/1" },
	{ "RATE_LIMIT_CONNECT", "1000000/1000000", NULL },
	{ "RATE_LIMIT_CONNECT", "100/1", NULL },
	{ "RATE_LIMIT_CONNECT", "", "5/50" },
	{ "RATE_LIMIT_MESSAGE", "0", NULL },
	{ "RATE_LIMIT_MESSAGE", "7", "7/7" },
	{ "RATE_LIMIT_MESSAGE", "", "100/200" },
	{ "RATE_LIMIT_ADMIN", "0", NULL },
	{ "RATE_LIMIT_ADMIN", "7/70", NULL },
	{ "RATE_LIMIT_ADMIN", "", "10/100" },
	{ "TRUSTED_PROXIES", "none", NULL },
	{ "TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32", "10.0.0.0/8,2001:db8::/32" },
	{ "TRUSTED_PROXIES", "192.0.2.1", "192.0.2.1/32" },
	{ "TRUSTED_PROXIES", "", "127.0.0.0/8,::1/128" },
	{ "METRICS_ALLOW", "none", NULL },
	{ "METRICS_ALLOW", "0.0.0.0/0,::/0", NULL },
	{ "METRICS_ALLOW", "", "127.0.0.0/8,::1/128" },
	{ "SUBPROTOCOLS", "*", NULL },
	{ "SUBPROTOCOLS", "Chat.v1 , soap", "Chat.v1,soap" },
	{ "SUBPROTOCOLS", "a!#$%&'*+-.^_`|~9", NULL },
	{ "ADMIN_HOSTS", "*", NULL },
	{ "ADMIN_HOSTS", "", "localhost" },
	{ "ADMIN_HOSTS", "Ops.Example.ORG , localhost", "ops.example.org,localhost" },
	{ "ALLOWED_ORIGINS", "*", NULL },
	{ "ALLOWED_ORIGINS", "", "*" },
	{ "ALLOWED_ORIGINS", "null", NULL },
	{ "ALLOWED_ORIGINS", "https://example.org", NULL },
	{ "ALLOWED_ORIGINS", "https://Example.ORG:443 ,  http://example.org:80",
	  "https://example.org,http://example.org" },
	{ "ALLOWED_ORIGINS", "http://localhost:3000,http://127.0.0.1:65535,http://[::1]:1", NULL },
	{ "ALLOWED_ORIGINS", "http://[::1]:80", "http://[::1]" },
	{ "ALLOWED_ORIGINS", "*.example.org,https://*.example.org:8443", NULL },
	{ "ALLOWED_ORIGINS", "chrome-extension://abcdefgh", NULL },
	{ "ALLOWED_ORIGINS", "https://x,", "https://x" },
	{ "GRAFANA_URL", "https://grafana.example/d/wsd?orgId=1&refresh=5s", NULL },
	{ "GRAFANA_URL", "", "" },
	{ "PROMETHEUS_URL", "http://[::1]:9090", NULL },
	{ "PROMETHEUS_URL", "http://localhost:9090/graph#g0.expr=up", NULL },
	{ "HSTS_MAX_AGE", "0", NULL },
	{ "HSTS_MAX_AGE", "63072000", NULL },
	{ "HSTS_MAX_AGE", "", "31536000" },
	{ "ADMIN_TOKEN_FILE", "", "" },
	{ "AUTH", "off", NULL },
	{ "AUTH", "", "off" },
	{ "JWT_ALGORITHM", "HS256", NULL },
	{ "JWT_ALGORITHM", "RS256", NULL },
	{ "JWT_ALGORITHM", "ES256", NULL },
	{ "JWT_ALGORITHM", "", "" },
	{ "JWT_KEY_FILE", "/etc/ws/jwt.key", NULL },
	{ "JWT_KEY_FILE", "", "" },
	{ "JWT_ISSUER", "https://id.example", NULL },
	{ "JWT_ISSUER", "", "" },
	{ "JWT_AUDIENCE", "chat", NULL },
	{ "JWT_LEEWAY", "0", NULL },
	{ "JWT_LEEWAY", "3600", NULL },
	{ "JWT_LEEWAY", "", "30" },
	{ "JWT_EXPIRY_WARNING", "86400", NULL },
	{ "JWT_EXPIRY_WARNING", "", "60" },
	{ "ADMIN_TOKEN", "0123456789abcde~", "(set)" },
	{ "ADMIN_TOKEN", "", "" },
};

static void
test_accepted(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct conf conf;
		char why[1024], *text;
		int rc = CONF_ENV_LOAD(&conf, why, sizeof(why), good[i].name, good[i].value);

		if (rc != WSD_OK)
			fail_msg("%s=%s: %s", good[i].name, good[i].value, why);
		text = conf_env_printed(&conf);
		assert_has_line(text, good[i].name, good[i].shown ? good[i].shown : good[i].value);
		free(text);
		conf_deinit(&conf);
	}
}

static void
test_defaults(void **state)
{
	struct conf conf;
	char why[1024];
	cpu_set_t set;

	assert_int_equal(CONF_ENV_LOAD(&conf, why, sizeof(why), NULL), WSD_OK);
	assert_string_equal(conf.host, "0.0.0.0");
	assert_int_equal(conf.port, 3001);
	assert_int_equal(conf.max_connections, 10000);
	assert_int_equal(conf.rate_connect.rate, 5);
	assert_int_equal(conf.rate_connect.burst, 50);
	assert_int_equal(conf.trusted_proxies.n, 2);
	assert_null(conf.admin_token);
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(conf.workers, CPU_COUNT(&set) > 256 ? 256 : CPU_COUNT(&set));
	conf_deinit(&conf);
	conf_deinit(&conf); /* harmless */
}

static void
test_workers_follow_the_affinity_mask(void **state)
{
	struct conf conf;
	char why[1024];
	cpu_set_t all, one;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(CONF_ENV_LOAD(&conf, why, sizeof(why), NULL), WSD_OK);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(conf.workers, 1);
	conf_deinit(&conf);
}

/* conf may not include log, and repeats the numbers of its enums. */
static void
test_choices_are_those_of_the_log(void **state)
{
	static const struct {
		const char *name, *value;
		int number;
	} choices[] = {
		{ "LOG_LEVEL", "error", LOG_LEVEL_ERROR },   { "LOG_LEVEL", "warn", LOG_LEVEL_WARN },
		{ "LOG_LEVEL", "notice", LOG_LEVEL_NOTICE }, { "LOG_LEVEL", "info", LOG_LEVEL_INFO },
		{ "LOG_LEVEL", "debug", LOG_LEVEL_DEBUG },   { "LOG_FORMAT", "auto", LOG_FORMAT_AUTO },
		{ "LOG_FORMAT", "text", LOG_FORMAT_TEXT },   { "LOG_FORMAT", "journal", LOG_FORMAT_JOURNAL },
		{ "LOG_FORMAT", "json", LOG_FORMAT_JSON },
	};

	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		struct conf conf;
		char why[1024];

		assert_int_equal(CONF_ENV_LOAD(&conf, why, sizeof(why), choices[i].name, choices[i].value), WSD_OK);
		assert_int_equal(choices[i].name[4] == 'L' ? conf.log_level : conf.log_format, choices[i].number);
		conf_deinit(&conf);
	}
}

static char *
text_of(void (*print)(FILE *to))
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	print(to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void
test_help_and_manual_name_everything(void **state)
{
	char *help = text_of(conf_print_help), *man = text_of(conf_print_man);

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char in_help[64], in_man[64];

		snprintf(in_help, sizeof(in_help), "\n  %s ", good[i].name);
		snprintf(in_man, sizeof(in_man), ".TP\n.B %s\n", good[i].name);
		assert_true(strstr(help, in_help) || strncmp(help, in_help + 1, strlen(in_help + 1)) == 0);
		assert_non_null(strstr(man, in_man));
	}
	assert_non_null(strstr(help, "(a number from 1 to 65535; default: 3001)\n"));
	for (const char *line = help; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 1, 79);
	free(help);
	free(man);
}

static void
test_a_misspelt_name_is_seen(void **state)
{
	static const struct {
		const char *name, *meant;
	} names[] = {
		{ "MAX_CONECTIONS", "MAX_CONNECTIONS" },
		{ "max_connections", "MAX_CONNECTIONS" },
		{ "MAX-CONNECTION", "MAX_CONNECTIONS" },
		{ "LOGLEVEL", "LOG_LEVEL" },
		{ "LOG_LEVLE", "LOG_LEVEL" },
		{ "ALLOWED_ORIGIN", "ALLOWED_ORIGINS" },
		{ "RATE_LIMIT_MESAGES", "RATE_LIMIT_MESSAGE" },
		{ "JWT_ALGORYTHM", "JWT_ALGORITHM" },
		{ "PROXI", "PROXY" },
		{ "port", "PORT" },
		/* all right as they are, or nothing of ours */
		{ "MAX_CONNECTIONS", NULL },
		{ "PROXY", NULL },
		{ "JWT_ISSUER", NULL },
		{ "", NULL },
		{ "PATH", NULL },
		{ "HOME", NULL },
		{ "POST", NULL },
		{ "LOGNAME", NULL },
		{ "INVOCATION_ID", NULL },
		{ "http_proxy", NULL },
		{ "a name that is far longer than any of ours could be", NULL },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *meant = conf_meant(names[i].name);

		if (names[i].meant)
			assert_string_equal(meant, names[i].meant);
		else
			assert_null(meant);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_workers_follow_the_affinity_mask),
		cmocka_unit_test(test_choices_are_those_of_the_log),
		cmocka_unit_test(test_help_and_manual_name_everything),
		cmocka_unit_test(test_a_misspelt_name_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
