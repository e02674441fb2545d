/* SPDX-License-Identifier: MIT */
/* What the configuration refuses: each variable beyond its bounds and with junk, and why. */
#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "support/conf_env.h"

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

static const struct bad {
	const char *name, *value;
	int rc;
} bad[] = {
	{ "HOST", "example.org", WSD_E_MALFORMED },
	{ "HOST", "1.2.3", WSD_E_MALFORMED },
	{ "HOST", "1.2.3.4:80", WSD_E_MALFORMED },
	{ "HOST", "[::1]", WSD_E_MALFORMED },
	{ "HOST", " 127.0.0.1", WSD_E_MALFORMED },
	{ "ADMIN_HOST", "*", WSD_E_MALFORMED },
	{ "PORT", "0", WSD_E_RANGE },
	{ "PORT", "65536", WSD_E_RANGE },
	{ "PORT", "80x", WSD_E_MALFORMED },
	{ "PORT", "+80", WSD_E_MALFORMED },
	{ "PORT", "-1", WSD_E_MALFORMED },
	{ "PORT", " 80", WSD_E_MALFORMED },
	{ "PORT", "80 ", WSD_E_MALFORMED },
	{ "PORT", "0x50", WSD_E_MALFORMED },
	{ "PORT", "80.0", WSD_E_MALFORMED },
	{ "PORT", "4294967376", WSD_E_RANGE },           /* 2^32 + 80 */
	{ "PORT", "18446744073709551696", WSD_E_RANGE }, /* 2^64 + 80 */
	{ "PORT", "99999999999999999999999999x", WSD_E_MALFORMED },
	{ "ADMIN_PORT", "0", WSD_E_RANGE },
	{ "ADMIN_PORT", "65536", WSD_E_RANGE },
	{ "MAX_CONNECTIONS", "0", WSD_E_RANGE },
	{ "MAX_CONNECTIONS", "1000001", WSD_E_RANGE },
	{ "MAX_CONNECTIONS_PER_IP", "1000001", WSD_E_RANGE },
	{ "HEARTBEAT_INTERVAL", "99", WSD_E_RANGE },
	{ "HEARTBEAT_INTERVAL", "3600001", WSD_E_RANGE },
	{ "HEARTBEAT_INTERVAL", "30s", WSD_E_MALFORMED },
	{ "CONNECTION_TIMEOUT", "99", WSD_E_RANGE },
	{ "CONNECTION_TIMEOUT", "86400001", WSD_E_RANGE },
	{ "LOG_LEVEL", "warning", WSD_E_MALFORMED },
	{ "LOG_LEVEL", "INFO", WSD_E_MALFORMED },
	{ "LOG_LEVEL", "crit", WSD_E_MALFORMED },
	{ "LOG_FORMAT", "syslog", WSD_E_MALFORMED },
	{ "WORKERS", "0", WSD_E_RANGE },
	{ "WORKERS", "257", WSD_E_RANGE },
	{ "MAX_MESSAGE_BYTES", "124", WSD_E_RANGE },
	{ "MAX_MESSAGE_BYTES", "16777217", WSD_E_RANGE },
	{ "SEND_QUEUE_BYTES", "4095", WSD_E_RANGE },
	{ "SEND_QUEUE_BYTES", "1073741825", WSD_E_RANGE },
	{ "SEND_TIMEOUT", "99", WSD_E_RANGE },
	{ "SEND_TIMEOUT", "86400001", WSD_E_RANGE },
	{ "DRAIN_TIMEOUT", "3600001", WSD_E_RANGE },
	{ "PARKING_GRACE", "10001", WSD_E_RANGE },
	{ "SESSION_TTL", "86400001", WSD_E_RANGE },
	{ "INSTANCE", "Blue", WSD_E_MALFORMED },
	{ "INSTANCE", "blue/green", WSD_E_MALFORMED },
	{ "INSTANCE", "blue-0123456789-0123456789-012345", WSD_E_RANGE },
	{ "RATE_LIMIT_CONNECT", "5/", WSD_E_MALFORMED },
	{ "RATE_LIMIT_CONNECT", "/5", WSD_E_MALFORMED },
	{ "RATE_LIMIT_CONNECT", "5/50/500", WSD_E_MALFORMED },
	{ "RATE_LIMIT_CONNECT", "0/50", WSD_E_RANGE },
	{ "RATE_LIMIT_CONNECT", "5/0", WSD_E_RANGE },
	{ "RATE_LIMIT_CONNECT", "1000001", WSD_E_RANGE },
	{ "RATE_LIMIT_MESSAGE", "5/1000001", WSD_E_RANGE },
	{ "RATE_LIMIT_MESSAGE", "5 / 50", WSD_E_MALFORMED },
	{ "RATE_LIMIT_ADMIN", "off", WSD_E_MALFORMED },
	{ "TRUSTED_PROXIES", "10.0.0.1/8", WSD_E_MALFORMED },
	{ "TRUSTED_PROXIES", "proxy.example.org", WSD_E_MALFORMED },
	{ "METRICS_ALLOW", "none,10.0.0.0/8", WSD_E_MALFORMED },
	{ "METRICS_ALLOW", "all", WSD_E_MALFORMED },
	{ "SUBPROTOCOLS", "a b", WSD_E_MALFORMED },
	{ "SUBPROTOCOLS", "a,,b", WSD_E_MALFORMED },
	{ "SUBPROTOCOLS", "*,a", WSD_E_MALFORMED },
	{ "SUBPROTOCOLS", "a/1", WSD_E_MALFORMED },
	{ "SUBPROTOCOLS", "bearer.abc", WSD_E_MALFORMED },
	{ "SUBPROTOCOLS", "0123456789012345678901234567890123456789012345678901234567890123x", WSD_E_MALFORMED },
	{ "ADMIN_HOSTS", ",", WSD_E_MALFORMED },
	{ "ADMIN_HOSTS", "localhost,,ops", WSD_E_MALFORMED },
	{ "ADMIN_HOSTS", "*,ops", WSD_E_MALFORMED },
	{ "ADMIN_HOSTS", "*.example.org", WSD_E_MALFORMED },
	{ "ADMIN_HOSTS", "ops:3101", WSD_E_MALFORMED },
	{ "ADMIN_HOSTS", "http://ops", WSD_E_MALFORMED },
	{ "ADMIN_HOSTS", "ops.", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", ",", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", " ", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "*,https://example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", ",https://example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://a,,https://b", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://a, ,https://b", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://a https://b", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "://example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "1https://example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example.org/", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example.org/chat", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://user@example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example.org.", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://.example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example..org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://-example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://" X64 ".org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://a.*.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "*.example.org:8443", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://*", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://*.", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://*example.org", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example.org:", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example.org:0", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example.org:65536", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://example.org:https", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "http://[::1", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "http://[]", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "http://[::1]x", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "http://[1.2.3.4]", WSD_E_MALFORMED },
	{ "ALLOWED_ORIGINS", "https://\xc3\xa9.org", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "grafana.example", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "javascript:alert(1)", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "HTTPS://grafana.example", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https://", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https:///d/wsd", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https://:3000", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https://user:secret@grafana.example", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https://grafana.example/\"onclick", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https://grafana.example/a b", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https://grafana.example/\r\nX: y", WSD_E_MALFORMED },
	{ "GRAFANA_URL", "https://grafana.example/\xc3\xa9", WSD_E_MALFORMED },
	{ "PROMETHEUS_URL", "ws://prometheus.example", WSD_E_MALFORMED },
	{ "PROMETHEUS_URL", "http://" X64 X64 X64 X64 X64 X64 X64 X64, WSD_E_RANGE },
	{ "HSTS_MAX_AGE", "63072001", WSD_E_RANGE },
	{ "ADMIN_TOKEN_FILE", "token", WSD_E_MALFORMED },
	{ "AUTH", "JWT", WSD_E_MALFORMED },
	{ "AUTH", "on", WSD_E_MALFORMED },
	{ "JWT_ALGORITHM", "none", WSD_E_MALFORMED },
	{ "JWT_ALGORITHM", "HS512", WSD_E_MALFORMED },
	{ "JWT_ALGORITHM", "hs256", WSD_E_MALFORMED },
	{ "JWT_KEY_FILE", "jwt.key", WSD_E_MALFORMED },
	{ "JWT_KEY_FILE", "/a b", WSD_E_MALFORMED },
	{ "JWT_ISSUER", "a b", WSD_E_MALFORMED },
	{ "JWT_AUDIENCE", X64 X64 X64 X64 "x", WSD_E_RANGE },
	{ "JWT_LEEWAY", "3601", WSD_E_RANGE },
	{ "JWT_LEEWAY", "-1", WSD_E_MALFORMED },
	{ "JWT_EXPIRY_WARNING", "86401", WSD_E_RANGE },
	{ "ADMIN_TOKEN", "0123456789abcde", WSD_E_RANGE },
	{ "ADMIN_TOKEN", X64 X64 X64 X64 "x", WSD_E_RANGE },
	{ "ADMIN_TOKEN", "0123456789abcdef 0", WSD_E_MALFORMED },
	{ "ADMIN_TOKEN", "0123456789abcdef\x80", WSD_E_MALFORMED },
};

static void
test_refused(void **state)
{
	static const struct conf empty;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct conf conf;
		char why[1024];
		int rc = CONF_ENV_LOAD(&conf, why, sizeof(why), bad[i].name, bad[i].value);

		if (rc != bad[i].rc)
			fail_msg("%s=%s: %s instead of %s", bad[i].name, bad[i].value, wsd_strerror(rc),
				 wsd_strerror(bad[i].rc));
		assert_memory_equal(&conf, &empty, sizeof(conf));
		assert_true(strncmp(why, bad[i].name, strlen(bad[i].name)) == 0);
		assert_non_null(strstr(why, " is needed"));
		assert_null(strchr(why, '\n'));
		conf_deinit(&conf);
	}
}

static void
refused_with(const char *name, const char *value, const char *expected)
{
	struct conf conf;
	char why[1024];

	assert_int_not_equal(CONF_ENV_LOAD(&conf, why, sizeof(why), name, value), WSD_OK);
	assert_string_equal(why, expected);
}

static void
test_the_reason_is_one_plain_line(void **state)
{
	refused_with("PORT", "80x", "PORT=\"80x\": a number from 1 to 65535 is needed");
	refused_with("HEARTBEAT_INTERVAL", "1",
		     "HEARTBEAT_INTERVAL=\"1\": a number of milliseconds from 100 to 3600000 is needed");
	refused_with("LOG_LEVEL", "loud", "LOG_LEVEL=\"loud\": error, warn, notice, info or debug is needed");
	refused_with("PORT", "1\n<2>forged\x1b[2J\xff\"\\",
		     "PORT=\"1\\x0a<2>forged\\x1b[2J\\xff\\\"\\\\\": a number from 1 to 65535 is needed");
	refused_with("PORT", X64 X64, "PORT=\"" X64 X16 "...\": a number from 1 to 65535 is needed");
}

static void
test_a_short_buffer_is_enough(void **state)
{
	static const char *const env[] = { "PORT", "80x", NULL };
	struct conf conf;
	char why[8];

	assert_int_equal(conf_env_load(&conf, why, sizeof(why), env), WSD_E_MALFORMED);
	assert_string_equal(why, "PORT=\"8");
	assert_int_equal(conf_load(&conf, conf_env_get, NULL, 0), WSD_E_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_the_reason_is_one_plain_line),
		cmocka_unit_test(test_a_short_buffer_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
