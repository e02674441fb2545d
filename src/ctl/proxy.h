/* SPDX-License-Identifier: MIT */
/*
 * The proxy in front of the instances: which one it leads new connections to, and how that is changed. Each
 * kind is a struct proxy_kind in a file of its own.
 */
#ifndef WSD_CTL_PROXY_H
#define WSD_CTL_PROXY_H

#include <stdbool.h>

#include "conf/conf_ctl.h"

struct bus;
struct proxy;
struct why;

#define PROXY_ADDRESS_MAX 64

/* Finds out what PROXY=auto stands for. conf and bus are the caller's and outlive it. WSD_OK, then the caller
 * owns *out; or why not. */
int proxy_open(struct proxy **out, const struct conf_ctl *conf, struct bus *bus, struct why *why);
/* Accepts NULL and clears the pointer. */
void proxy_close(struct proxy **proxy);

/* "nginx", "traefik", "script", "none" */
const char *proxy_name(const struct proxy *proxy);
/* How it is known: the setting, or what was found. */
const char *proxy_reason(const struct proxy *proxy);
/* There is something to switch. */
bool proxy_there(const struct proxy *proxy);
/* Below which it serves; ends with a slash. */
const char *proxy_url(const struct proxy *proxy);

/* The address ("127.0.0.1:3001") that it was last switched to. out has PROXY_ADDRESS_MAX bytes.
 * WSD_E_UNKNOWN: never, or nobody can tell; another code: why it could not be read. */
int proxy_current(struct proxy *proxy, char *out, struct why *why);

/* Whether a switch could be done now, without doing it: WSD_OK, or why not. */
int proxy_check(struct proxy *proxy, struct why *why);

/* Leads new connections to an instance. On failure all is as it was, and why has the proxy's own words. */
int proxy_switch(struct proxy *proxy, const char *instance, const char *address, struct why *why);

#endif
