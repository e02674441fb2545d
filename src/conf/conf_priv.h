/* SPDX-License-Identifier: MIT */
/* The table of variables and the kinds of value they take, as the files of this folder share them. */
#ifndef WSD_CONF_CONF_PRIV_H
#define WSD_CONF_CONF_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"

struct conf_var;

/*
 * A kind of value. `at` is the variable's member in struct conf, which is all zero before parse() and stays
 * so if that fails (WSD_E_MALFORMED, WSD_E_RANGE or -ENOMEM).
 */
struct conf_kind {
	int (*parse)(const struct conf_var *var, void *at, const char *text);
	void (*print)(const struct conf_var *var, const void *at, FILE *to);
	const char *accepts; /* completes "... is needed"; {min}, {max} and {unit} are the variable's. NULL: choices */
	void (*release)(void *at); /* NULL: the member owns no memory */
};

struct conf_choice {
	const char *name;
	int value;
};

struct conf_var {
	const char *name;
	const struct conf_kind *kind;
	size_t offset;                     /* of the member in struct conf */
	const char *standard;              /* the default as one would write it; NULL: not set, or computed */
	uint32_t (*computed)(void);        /* a default that depends on the machine */
	const char *computed_text;         /* that default in words */
	uint32_t min, max;                 /* numbers: bounds; names and secrets: length; rates: max of both */
	const char *unit;                  /* numbers: what is counted, NULL for plain numbers */
	const struct conf_choice *choices; /* ends with a NULL name */
	bool secret;                       /* the value is never shown */
	const char *help;                  /* one line, lower case, no final dot */
	const char *more;                  /* further sentences for the manual page, or NULL */
};

extern const struct conf_kind conf_kind_number;       /* uint32_t */
extern const struct conf_kind conf_kind_port;         /* uint16_t */
extern const struct conf_kind conf_kind_choice;       /* int */
extern const struct conf_kind conf_kind_rate;         /* struct conf_rate */
extern const struct conf_kind conf_kind_host;         /* char * */
extern const struct conf_kind conf_kind_name;         /* char * */
extern const struct conf_kind conf_kind_path;         /* char *, may be NULL */
extern const struct conf_kind conf_kind_word;         /* char *, may be NULL */
extern const struct conf_kind conf_kind_secret;       /* char *, may be NULL */
extern const struct conf_kind conf_kind_url;          /* char *, may be NULL */
extern const struct conf_kind conf_kind_nets;         /* struct addr_nets */
extern const struct conf_kind conf_kind_origins;      /* char * */
extern const struct conf_kind conf_kind_hosts;        /* char * */
extern const struct conf_kind conf_kind_subprotocols; /* char * */

extern const struct conf_kind conf_kind_proxy; /* struct conf_proxy */
extern const struct conf_kind conf_kind_base;  /* char * */
extern const struct conf_kind conf_kind_words; /* char *, may be NULL */

/* wsd's variables, and those of wsctl beside them. Each ends with an entry without a name. */
extern const struct conf_var conf_table[];
extern const struct conf_var conf_ctl_table[];

/* NULL: not set. */
typedef const char *(*conf_lookup_cb)(const void *arg, const char *name);

/* *out is all zero before. On failure it holds what was read until then; conf_vars_release() in any case. */
int conf_vars_load(const struct conf_var *table, void *out, conf_lookup_cb get, const void *arg, char *why,
		   size_t why_size);
void conf_vars_release(const struct conf_var *table, void *conf);
void conf_vars_help(const struct conf_var *table, FILE *to);
void conf_vars_man(const struct conf_var *table, FILE *to);

/* What the variable takes, in words. */
void conf_accepts(const struct conf_var *var, FILE *to);

/* Decimal digits and nothing else: WSD_OK, WSD_E_MALFORMED, or WSD_E_RANGE outside min..max. */
int conf_number_parse(const char *text, size_t len, uint32_t min, uint32_t max, uint32_t *out);

/* Visible ASCII, as many characters as the variable asks for: WSD_OK, WSD_E_MALFORMED or WSD_E_RANGE. */
int conf_visible_check(const struct conf_var *var, const char *text, size_t len);

#define CONF_ADMIN_TOKEN_MIN 16
#define CONF_ADMIN_TOKEN_MAX 256
#define CONF_API_KEY_MIN     8
#define CONF_API_KEY_MAX     256

/* conf_secrets.c: reads what the variables say is elsewhere; as conf_load(). */
int conf_secrets_read(struct conf *conf, conf_getenv_cb get, char *why, size_t why_size);
void conf_secrets_release(struct conf *conf);

/* Set the member at `at` to a new string: the checked list in its normal form (conf.h, allowed_origins, admin_hosts,
 * subprotocols). WSD_OK, WSD_E_MALFORMED or -ENOMEM. */
int conf_origins_parse(const struct conf_var *var, void *at, const char *text);
int conf_hosts_parse(const struct conf_var *var, void *at, const char *text);
int conf_subprotocols_parse(const struct conf_var *var, void *at, const char *text);

#endif
