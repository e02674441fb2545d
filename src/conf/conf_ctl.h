/* SPDX-License-Identifier: MIT */
/*
 * The settings of wsctl(8), which it reads from the same file as the instances do. Beside struct conf and
 * made in the same way, so that wsd.env(5) has all variables; wsd itself does not look at these.
 */
#ifndef WSD_CONF_CONF_CTL_H
#define WSD_CONF_CONF_CTL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct env_file;

enum conf_proxy_kind { CONF_PROXY_AUTO, CONF_PROXY_NONE, CONF_PROXY_NGINX, CONF_PROXY_TRAEFIK, CONF_PROXY_SCRIPT };

enum conf_on_upgrade { CONF_UPGRADE_AUTO, CONF_UPGRADE_DEPLOY, CONF_UPGRADE_RESTART, CONF_UPGRADE_NONE };

struct conf_proxy {
	int kind;     /* enum conf_proxy_kind */
	char *script; /* absolute path of the executable; NULL for the other kinds */
};

struct conf_ctl {
	struct conf_proxy proxy;
	char *proxy_file; /* absolute path; NULL: the kind's own */
	char *proxy_url;  /* http or https, ends with a slash */
	uint32_t proxy_timeout_ms;
	char *smoke_options; /* words for wsload; NULL: none */
	int on_upgrade;      /* enum conf_on_upgrade */
};

/* WSD_OK, or WSD_E_MALFORMED, WSD_E_RANGE or -ENOMEM with one line in why; then *out is empty. Release with
 * conf_ctl_deinit(). */
int conf_ctl_load(struct conf_ctl *out, const struct env_file *file, char *why, size_t why_size);
void conf_ctl_deinit(struct conf_ctl *conf);

/* The roff source of wsd.env(5)'s list of these variables. */
void conf_ctl_print_man(FILE *to);

#endif
