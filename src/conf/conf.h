/* SPDX-License-Identifier: MIT */
/*
 * The configuration: one struct, read once from the environment, never changed afterwards. One table
 * (conf_table.c) makes the parser, the table in --help and the man page wsd.env(5). conf_load() on the main
 * thread; the struct is then read by all.
 */
#ifndef WSD_CONF_CONF_H
#define WSD_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"

/* RATE[/BURST]: tokens a second and the most that may be saved up. rate 0: off. */
struct conf_rate {
	uint32_t rate;
	uint32_t burst;
};

#define CONF_CRASH_LIMIT 3 /* what is standard */

enum conf_parking { CONF_PARKING_AUTO, CONF_PARKING_ON, CONF_PARKING_OFF };
enum conf_auth { CONF_AUTH_OFF, CONF_AUTH_JWT };
enum conf_algorithm { CONF_ALGORITHM_NONE, CONF_HS256, CONF_RS256, CONF_ES256 }; /* none: not set */

struct conf {
	char *host; /* numeric address, or "localhost" */
	uint16_t port;
	char *admin_host;
	uint16_t admin_port;
	const char *public_given, *admin_given; /* the variable that sets host or port; NULL: neither is set */
	uint32_t max_connections;
	uint32_t heartbeat_interval_ms;
	uint32_t connection_timeout_ms;
	int log_level;  /* enum log_level */
	int log_format; /* enum log_format */
	uint32_t workers;
	uint32_t max_message_bytes;
	uint32_t send_queue_bytes;
	char *channels_file; /* NULL: there are no channels */
	uint32_t channel_limit;
	uint32_t channels_max;
	uint32_t history_bytes;
	uint32_t send_timeout_ms;
	uint32_t drain_timeout_ms;
	uint32_t session_ttl_ms;
	int keeper; /* whether there is one */
	uint32_t crash_limit;
	int parking; /* enum conf_parking */
	uint32_t parking_grace_ms;
	char *handoff_dir; /* absolute path */
	char *instance;    /* 1 to 32 of a-z 0-9 - */
	struct conf_rate rate_connect;
	struct conf_rate rate_message;
	struct conf_rate rate_admin;
	uint32_t max_connections_per_ip; /* 0: off */
	struct addr_nets trusted_proxies;
	// "*" allows all. Otherwise checked and in normal form: lower case, comma-separated without blanks,
	// no port where it is the scheme's own. An entry is "https://host", "https://host:8443",
	// "https://*.domain" (the "*" is one or more labels), "*.domain" (any scheme and port) or
	// "null".
	char *allowed_origins;
	char *subprotocols; /* NULL: none but "wsd"; "*", or names, comma-separated without blanks */
	struct addr_nets metrics_allow;
	/* "*", or names in lower case, comma-separated without blanks. */
	char *admin_hosts;
	char *grafana_url, *prometheus_url; /* links of the web client; NULL: none */
	uint32_t hsts_max_age_s;            /* 0: no Strict-Transport-Security */
	char *admin_token; /* NULL: operators' calls on the unix socket only; wherever it was read from */
	char *admin_token_file;
	char *api_key; /* NULL: backends' calls on the unix socket only; wherever it was read from */
	char *api_key_file;
	char *api_key_previous; /* NULL: none */
	char *api_key_previous_file;
	int auth;           /* enum conf_auth; with CONF_AUTH_JWT algorithm and key are there */
	int jwt_algorithm;  /* enum conf_algorithm */
	char *jwt_key_file; /* NULL: the key is a credential of systemd */
	char *jwt_issuer;   /* NULL: not looked at */
	char *jwt_audience; /* the same */
	uint32_t jwt_leeway_s;
	uint32_t jwt_expiry_warning_s; /* 0: none */
	char *jwt_key; /* what the file holds, less a newline at the end of a text; not checked any further */
	size_t jwt_key_len;
};

/* Like getenv(3), so that tests can bring their own environment. */
typedef const char *(*conf_getenv_cb)(const char *name);

/*
 * Reads and checks every variable, and the files of secrets that they name. WSD_OK, or another code with one line
 * in why that names the variable, its value (but for a secret) and what is accepted; then *out is empty. An empty
 * value counts as not set. Release with conf_deinit().
 */
int conf_load(struct conf *out, conf_getenv_cb get, char *why, size_t why_size);
void conf_deinit(struct conf *conf);

/* The variable, of wsd or wsctl, that is meant by a name that is none; NULL if none is like it, or it is one. */
const char *conf_meant(const char *name);

/* The table of variables as --help shows it. */
void conf_print_help(FILE *to);

/* The same table as the roff source of wsd.env(5)'s list of variables. */
void conf_print_man(FILE *to);

/* The settings in force, "NAME=value" a line, secrets as "(set)". */
void conf_print(const struct conf *conf, FILE *to);

#endif
