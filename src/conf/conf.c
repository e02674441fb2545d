/* SPDX-License-Identifier: MIT */
/* Reading variables into a struct by a table, and what is said about a value that is not accepted. Main thread. */
#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "conf/conf_priv.h"

#define VALUE_SHOWN_MAX 80

static void *
member(void *conf, const struct conf_var *var)
{
	return (char *)conf + var->offset;
}

/* The value as one printable line: whatever it holds, it must not forge log lines or reach a terminal raw. */
static void
put_value(const char *value, FILE *to)
{
	size_t shown = 0;

	for (; *value && shown < VALUE_SHOWN_MAX; value++, shown++) {
		unsigned char c = (unsigned char)*value;

		if (c < ' ' || c > '~')
			fprintf(to, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else
			fputc(c, to);
	}
	fputs(*value ? "..." : "", to);
}

static void
explain(const struct conf_var *var, const char *value, char *why, size_t why_size)
{
	char line[1024];
	FILE *to = fmemopen(line, sizeof(line), "w");

	if (!to) {
		snprintf(why, why_size, "%s: not accepted", var->name);
		return;
	}
	fputs(var->name, to);
	if (!var->secret) {
		fputs("=\"", to);
		put_value(value, to);
		fputc('"', to);
	}
	fputs(": ", to);
	conf_accepts(var, to);
	fputs(" is needed", to);
	fputc('\0', to);
	fclose(to);
	line[sizeof(line) - 1] = '\0';
	snprintf(why, why_size, "%s", line);
}

static int
set_standard(void *conf, const struct conf_var *var)
{
	if (var->computed) {
		*(uint32_t *)member(conf, var) = var->computed();
		return WSD_OK;
	}
	return var->standard ? var->kind->parse(var, member(conf, var), var->standard) : WSD_OK;
}

int
conf_vars_load(const struct conf_var *table, void *out, conf_lookup_cb get, const void *arg, char *why, size_t why_size)
{
	int rc = WSD_OK;

	for (const struct conf_var *var = table; var->name && rc == WSD_OK; var++) {
		const char *value = get(arg, var->name);

		if (!value || !*value) {
			rc = set_standard(out, var);
			CHECK(rc == WSD_OK || rc == -ENOMEM);
		} else {
			rc = var->kind->parse(var, member(out, var), value);
			if (rc != WSD_OK && rc != -ENOMEM)
				explain(var, value, why, why_size);
		}
	}
	if (rc == -ENOMEM)
		snprintf(why, why_size, "out of memory");
	return rc;
}

void
conf_vars_release(const struct conf_var *table, void *conf)
{
	for (const struct conf_var *var = table; var->name; var++)
		if (var->kind->release)
			var->kind->release(member(conf, var));
}

static const char *
ask(const void *arg, const char *name)
{
	return (*(const conf_getenv_cb *)arg)(name);
}

static const char *
which_is_set(conf_getenv_cb get, const char *host, const char *port)
{
	const char *first = get(host), *second = get(port);

	return second && *second ? port : first && *first ? host : NULL;
}

int
conf_load(struct conf *out, conf_getenv_cb get, char *why, size_t why_size)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = conf_vars_load(conf_table, out, ask, &get, why, why_size);
	if (rc == WSD_OK)
		rc = conf_secrets_read(out, get, why, why_size);
	out->public_given = which_is_set(get, "HOST", "PORT");
	out->admin_given = which_is_set(get, "ADMIN_HOST", "ADMIN_PORT");
	if (rc != WSD_OK)
		conf_deinit(out);
	return rc;
}

void
conf_deinit(struct conf *conf)
{
	conf_vars_release(conf_table, conf);
	conf_secrets_release(conf);
	memset(conf, 0, sizeof(*conf));
}
