/* SPDX-License-Identifier: MIT */
/*
 * The table of variables: the one place where names, defaults, ranges and explanations are written. The
 * parser, --help and wsd.env(5) are all made from it. Constant data.
 */
#include "conf/conf_priv.h"

#include <sched.h>
#include <syslog.h>

#include "base/names.h"
#include "conf/conf.h"

/* The values of enum log_level and enum log_format; conf knows nothing of log, so test_conf.c holds the two
 * together. */
static const struct conf_choice levels[] = {
	{ "error", LOG_ERR }, { "warn", LOG_WARNING }, { "notice", LOG_NOTICE },
	{ "info", LOG_INFO }, { "debug", LOG_DEBUG },  { NULL, 0 },
};

static const struct conf_choice formats[] = {
	{ "auto", 0 }, { "journal", 1 }, { "text", 2 }, { "json", 3 }, { NULL, 0 },
};

static const struct conf_choice keepers[] = { { "on", 1 }, { "off", 0 }, { NULL, 0 } };

static const struct conf_choice parkings[] = {
	{ "auto", CONF_PARKING_AUTO },
	{ "on", CONF_PARKING_ON },
	{ "off", CONF_PARKING_OFF },
	{ NULL, 0 },
};

static const struct conf_choice auths[] = { { "off", CONF_AUTH_OFF }, { "jwt", CONF_AUTH_JWT }, { NULL, 0 } };

static const struct conf_choice algorithms[] = {
	{ "HS256", CONF_HS256 },
	{ "RS256", CONF_RS256 },
	{ "ES256", CONF_ES256 },
	{ NULL, 0 },
};

#define WORKERS_MAX 256

/* The CPUs this process may run on: what taskset, CPUAffinity= or a container leave, not what the machine has. */
static uint32_t
usable_cpus(void)
{
	int n = 1;

	for (size_t room = 1024; room <= 1024 * 64; room *= 4) {
		cpu_set_t *set = CPU_ALLOC(room);
		size_t size = CPU_ALLOC_SIZE(room);
		int rc;

		if (!set)
			break;
		rc = sched_getaffinity(0, size, set); /* EINVAL: the kernel's own mask is larger */
		if (rc == 0)
			n = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (rc == 0)
			break;
	}
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (uint32_t)n;
}

#define VAR(n, k, m)       .name = (n), .kind = &conf_kind_##k, .offset = offsetof(struct conf, m)
#define RANGE(least, most) .min = (least), .max = (most)

const struct conf_var conf_table[] = {
	{ VAR("HOST", host, host), .standard = "0.0.0.0", .help = "public address when no socket is passed in",
	  .more = "With a socket from systemd, HOST and PORT are not looked at. \"::\" takes IPv4 clients too, also "
		  "where net.ipv6.bindv6only is 1." },
	{ VAR("PORT", port, port), .standard = "3001", RANGE(1, 65535),
	  .help = "public port when no socket is passed in" },
	{ VAR("ADMIN_HOST", host, admin_host), .standard = "127.0.0.1",
	  .help = "admin address when no socket is passed in", .more = "As with HOST, \"::\" takes IPv4 too." },
	{ VAR("ADMIN_PORT", port, admin_port), .standard = "3101", RANGE(1, 65535),
	  .help = "admin port when no socket is passed in" },
	{ VAR("MAX_CONNECTIONS", number, max_connections), .standard = "10000", RANGE(1, 1000000),
	  .help = "concurrent WebSocket connections",
	  .more = "One more is refused with HTTP 503 and Retry-After. The limit of open files (LimitNOFILE=) must "
		  "have room for them." },
	{ VAR("MAX_CONNECTIONS_PER_IP", number, max_connections_per_ip), .standard = "0", RANGE(0, 1000000),
	  .help = "concurrent WebSocket connections of one client address, 0 for no limit",
	  .more = "Behind a proxy the address is the one in X-Forwarded-For, if the proxy is one of TRUSTED_PROXIES." },
	{ VAR("HEARTBEAT_INTERVAL", number, heartbeat_interval_ms), .standard = "30000", RANGE(100, 3600000),
	  .unit = "milliseconds", .help = "time between two heartbeats, each with a WebSocket ping" },
	{ VAR("CONNECTION_TIMEOUT", number, connection_timeout_ms), .standard = "300000", RANGE(100, 86400000),
	  .unit = "milliseconds", .help = "a connection is closed after this long without any byte from the client",
	  .more = "The answer to a ping counts, so that a living client is closed only if this is shorter than "
		  "HEARTBEAT_INTERVAL." },
	{ VAR("LOG_LEVEL", choice, log_level), .standard = "info", .choices = levels,
	  .help = "least important level that is logged",
	  .more = "notice: lifecycle. info: a line when a connection opens and one when it closes. debug: each "
		  "message." },
	{ VAR("LOG_FORMAT", choice, log_format), .standard = "auto", .choices = formats, .help = "form of the log",
	  .more = "journal: systemd's journal, with structured fields. text and json: lines on standard error. auto: "
		  "the journal when standard error is connected to it, as in a systemd service, and text otherwise. "
		  "A service that systemd starts while the journal is down gets /dev/null, and this is taken for the "
		  "journal, which may come back; with StandardError=null, text keeps it silent." },
	{ VAR("WORKERS", number, workers), .computed = usable_cpus, .computed_text = "the number of CPUs it may run on",
	  RANGE(1, WORKERS_MAX), .help = "worker threads" },
	{ VAR("MAX_MESSAGE_BYTES", number, max_message_bytes), .standard = "65536", RANGE(125, 16777216),
	  .unit = "bytes", .help = "longest message that is accepted; a longer one closes the connection with 1009" },
	{ VAR("SEND_QUEUE_BYTES", number, send_queue_bytes), .standard = "1048576", RANGE(4096, 1073741824),
	  .unit = "bytes", .help = "most that may wait for one slow client; more closes the connection with 1013",
	  .more = "Answers to its own requests do not add up: a client that does not take what it was sent is not "
		  "read from until it does." },
	{ VAR("SEND_TIMEOUT", number, send_timeout_ms), .standard = "60000", RANGE(100, 86400000),
	  .unit = "milliseconds",
	  .help = "a client that takes nothing of what waits for it this long is closed with 1013" },
	{ VAR("CHANNELS_FILE", path, channels_file), RANGE(1, 1024),
	  .help = "JSON file that says which channels there are, and who may do what in them",
	  .more = "wsd.channels(5). Without it there are no channels. A changed file is taken up by SIGHUP (systemctl "
		  "reload); if it is wrong, what was in force stays so." },
	{ VAR("CHANNEL_LIMIT", number, channel_limit), .standard = "128", RANGE(1, 65535),
	  .help = "channels that one connection may be subscribed to" },
	{ VAR("CHANNELS_MAX", number, channels_max), .standard = "100000", RANGE(1, 10000000),
	  .help = "channels that there may be at a time",
	  .more = "Those count that have subscribers, history, presence, or a position that is still known." },
	{ VAR("HISTORY_BYTES", number, history_bytes), .standard = "67108864", RANGE(1048576, 4294967295),
	  .unit = "bytes", .help = "memory for the publications of all channels",
	  .more = "When it is full the oldest go, whatever history_ttl says, which "
		  "wsd_channel_log_dropped_total counts." },
	{ VAR("DRAIN_TIMEOUT", number, drain_timeout_ms), .standard = "30000", RANGE(0, 3600000),
	  .unit = "milliseconds", .help = "time over which connections are closed at shutdown, 0 for all at once",
	  .more = "TimeoutStopSec= of the unit should be longer." },
	{ VAR("SESSION_TTL", number, session_ttl_ms), .standard = "900000", RANGE(0, 86400000), .unit = "milliseconds",
	  .help = "how long the session of a closed connection can be resumed, 0 for not at all" },
	{ VAR("KEEPER", choice, keeper), .standard = "off", .choices = keepers,
	  .help = "whether connections outlive a crash of the server",
	  .more = "on: the main process only waits, and its child serves; if a signal ends that one, the next takes up "
		  "all connections but those whose messages were being worked on. off: there is one process. The units "
		  "ws@blue.service and ws@green.service set it to on; one of your own needs NotifyAccess=all as "
		  "well." },
	{ VAR("CRASH_LIMIT", number, crash_limit), .standard = "3", RANGE(0, 15),
	  .help = "how many crashes of the server in a minute are taken up",
	  .more = "After one more the next server tells everybody to come back, and ends." },
	{ VAR("PARKING", choice, parking), .standard = "auto", .choices = parkings,
	  .help = "whether a restart keeps the connections",
	  .more = "on: on SIGUSR2, which systemctl restart sends, connections are left in systemd's file descriptor "
		  "store for the next process; the unit must have FileDescriptorStoreMax= of at least 4. off: they "
		  "are told to come back. auto: as $FDSTORE says (systemd 254 and later)." },
	{ VAR("PARKING_GRACE", number, parking_grace_ms), .standard = "150", RANGE(0, 10000), .unit = "milliseconds",
	  .help = "how long a restart lets everybody wait for those who are in the middle of a message",
	  .more = "Whoever has been silent in the middle of one for 3 seconds is told to come back before, while "
		  "everybody else is served. This is for those who begin one at the last moment; who takes longer is "
		  "told to come back as well." },
	{ VAR("HANDOFF_DIR", path, handoff_dir), .standard = "/run/ws", RANGE(1, 60),
	  .help = "directory with the other instances' handoff sockets",
	  .more = "The socket of the instance green is green/handoff.sock in it. An instance that gets none passed "
		  "in makes its own, if there is a directory for it that it may write to." },
	{ VAR("INSTANCE", name, instance), .standard = "default", RANGE(1, INSTANCE_NAME_MAX),
	  .help = "name of this instance in answers, logs and metrics",
	  .more = "The units ws@blue.service and ws@green.service set it to blue and green." },
	{ VAR("RATE_LIMIT_CONNECT", rate, rate_connect), .standard = "5/50", RANGE(1, 1000000),
	  .help = "new connections a second of one client address, 0 for no limit",
	  .more = "BURST is how many may come at once after a quiet time; without it, it is the same as RATE." },
	{ VAR("RATE_LIMIT_MESSAGE", rate, rate_message), .standard = "100/200", RANGE(1, 1000000),
	  .help = "messages a second of one connection, 0 for no limit",
	  .more = "A thousand fragments of a message (RFC 6455, 5.4) count as one." },
	{ VAR("RATE_LIMIT_ADMIN", rate, rate_admin), .standard = "10/100", RANGE(1, 1000000),
	  .help = "admin requests a second of one client address, 0 for no limit" },
	{ VAR("TRUSTED_PROXIES", nets, trusted_proxies), .standard = "127.0.0.0/8,::1/128",
	  .help = "peers whose X-Forwarded-For and X-Forwarded-Proto are believed",
	  .more = "A peer on a unix socket counts as 127.0.0.1." },
	{ VAR("ALLOWED_ORIGINS", origins, allowed_origins), .standard = "*",
	  .help = "browser origins that may connect, comma-separated; * for all",
	  .more = "An origin is SCHEME://HOST[:PORT] as browsers send it. The host may start with \"*.\", which "
		  "stands for one or more labels. A pattern without SCHEME:// matches any scheme and port; with one, "
		  "no :PORT means the scheme's own. null is the origin of local files and sandboxed frames. Requests "
		  "without an Origin do not come from a browser and are let in. With *, a page of any site may "
		  "connect in the name of whoever looks at it." },
	{ VAR("HSTS_MAX_AGE", number, hsts_max_age_s), .standard = "31536000", RANGE(0, 63072000), .unit = "seconds",
	  .help = "how long browsers that came by https are told to come by nothing else, 0 to not tell them",
	  .more = "Strict-Transport-Security is sent when X-Forwarded-Proto is https or wss, and a trusted proxy "
		  "says so." },
	{ VAR("METRICS_ALLOW", nets, metrics_allow), .standard = "127.0.0.0/8,::1/128", .help = "who may read /metrics",
	  .more = "A peer on a unix socket counts as 127.0.0.1." },
	{ VAR("SUBPROTOCOLS", subprotocols, subprotocols), RANGE(1, SUBPROTOCOL_MAX),
	  .help = "subprotocols besides wsd that may be answered, comma-separated; * for any",
	  .more = "Browsers, and most other clients, give up a connection for which they offered subprotocols and "
		  "got none. If wsd is not among them, the first one offered that is allowed here is answered, and "
		  "means nothing; bearer.TOKEN never is." },
	{ VAR("ADMIN_HOSTS", hosts, admin_hosts), .standard = "localhost",
	  .help = "names by which the admin side may be asked over TCP, comma-separated; * for all",
	  .more = "Host is compared, without its port; an address in it is always taken. Otherwise a page of any "
		  "site could have its own name lead a browser to this machine, and read metrics here as if they "
		  "were its own. Health and the web client may be asked by any name." },
	{ VAR("GRAFANA_URL", url, grafana_url), RANGE(0, 512), .help = "where Grafana is, for a link in the web client",
	  .more = "Whoever can open the web client sees it." },
	{ VAR("PROMETHEUS_URL", url, prometheus_url), RANGE(0, 512),
	  .help = "where Prometheus is, for a link in the web client" },
	{ VAR("ADMIN_TOKEN", secret, admin_token), RANGE(CONF_ADMIN_TOKEN_MIN, CONF_ADMIN_TOKEN_MAX), .secret = true,
	  .help = "lets requests with this bearer token see who is connected, and change state, over TCP",
	  .more = "Without it, such requests are taken on the unix socket only: the admin port can be reached by "
		  "every user of the machine. Health and metrics need none. It may stand in a file or a credential "
		  "of systemd instead, but not in two places." },
	{ VAR("ADMIN_TOKEN_FILE", path, admin_token_file), RANGE(1, 1024), .help = "file with the ADMIN_TOKEN",
	  .more = "A line end after it is not part of it. Without this, a credential of the name admin-token is "
		  "taken, if the unit has one (LoadCredential=)." },
	{ VAR("API_KEY", secret, api_key), RANGE(CONF_API_KEY_MIN, CONF_API_KEY_MAX), .secret = true,
	  .help = "lets backends with this key publish, and use all of the API of channels, over TCP",
	  .more = "wsd.api(7). Without it, such requests are taken on the unix socket only. It may stand in a file or "
		  "a "
		  "credential of systemd instead, but not in two places." },
	{ VAR("API_KEY_FILE", path, api_key_file), RANGE(1, 1024), .help = "file with the API_KEY",
	  .more = "A line end after it is not part of it. Without this, a credential of the name api-key is taken, if "
		  "the unit has one." },
	{ VAR("API_KEY_PREVIOUS", secret, api_key_previous), RANGE(CONF_API_KEY_MIN, CONF_API_KEY_MAX), .secret = true,
	  .help = "a second API_KEY, that of before, as long as not every backend has the new one" },
	{ VAR("API_KEY_PREVIOUS_FILE", path, api_key_previous_file), RANGE(1, 1024),
	  .help = "file with the API_KEY_PREVIOUS", .more = "Or the credential api-key-previous." },
	{ VAR("AUTH", choice, auth), .standard = "off", .choices = auths, .help = "what clients must show to connect",
	  .more = "jwt: a signed token (RFC 7519), as wsd(8) has it under AUTHENTICATION; JWT_ALGORITHM and a key "
		  "are needed then." },
	{ VAR("JWT_ALGORITHM", choice, jwt_algorithm), .choices = algorithms,
	  .help = "the one algorithm that tokens may be signed with",
	  .more = "It is never taken from a token, nor guessed from the key." },
	{ VAR("JWT_KEY_FILE", path, jwt_key_file), RANGE(1, 1024),
	  .help = "file with the key that tokens are checked with",
	  .more = "HS256: a secret of at least 32 bytes; a line end after one that is text is not part of it. RS256, "
		  "ES256: the public key (RSA of at least 2048 bits, P-256) in PEM form. Without this, a credential "
		  "of the name jwt-key is taken (LoadCredential=)." },
	{ VAR("JWT_ISSUER", word, jwt_issuer), RANGE(1, 256), .help = "the iss that tokens must have",
	  .more = "Without it, iss is not looked at." },
	{ VAR("JWT_AUDIENCE", word, jwt_audience), RANGE(1, 256),
	  .help = "the aud that tokens must have, alone or among others", .more = "Without it, aud is not looked at." },
	{ VAR("JWT_LEEWAY", number, jwt_leeway_s), .standard = "30", RANGE(0, 3600), .unit = "seconds",
	  .help = "by how much the clocks of those who make tokens may differ from ours" },
	{ VAR("JWT_EXPIRY_WARNING", number, jwt_expiry_warning_s), .standard = "60", RANGE(0, 86400), .unit = "seconds",
	  .help = "how long before its token ends a connection is told, 0 for not at all" },
	{ .name = NULL },
};
