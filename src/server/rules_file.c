/* SPDX-License-Identifier: MIT */
#include "server/rules_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "channel/rules.h"
#include "conf/conf.h"
#include "kept/file.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "server/starting.h"
#include "server/workers.h"

#define FILE_MAX (1024 * 1024)

/* Which file: as it is now, without more; or, in the next server of a keeper, as it was; or as it is now, and for that
 * one, too, if it is in order. */
enum reading { READ_ONLY, READ_KEPT, READ_ANEW };

/* On failure *why is all that is wrong, a line each; the caller frees it. NULL: out of memory. */
static int
read_rules(const struct conf *conf, enum reading how, struct channel_rules **out, char **why)
{
	const char *path = conf->channels_file;
	char *text;
	size_t len;
	int rc = how == READ_KEPT ? kept_read_file(path, FILE_MAX, &text, &len)
				  : fd_read_file(path, FILE_MAX, &text, &len);

	*out = NULL;
	*why = NULL;
	if (rc != WSD_OK) {
		if (asprintf(why, "it could not be read (%s)", wsd_strerror(rc)) == -1)
			*why = NULL;
		return rc;
	}
	*out = channel_rules_parse(text, len, why);
	if (*out && how == READ_ANEW)
		kept_renew_file(path, text, len);
	free(text);
	return *out ? WSD_OK : *why ? WSD_E_RANGE : -ENOMEM;
}

static void
log_faults(const struct conf *conf, char *why)
{
	char *rest = why, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		log_error("CHANNELS_FILE=\"%s\": %s", conf->channels_file, line);
	if (!why)
		log_error("CHANNELS_FILE=\"%s\": out of memory", conf->channels_file);
}

int
rules_file_start(struct rules_file *f)
{
	struct channel_rules *rules;
	char *why;
	int rc;

	if (!f->conf->channels_file)
		return WSD_OK;
	rc = read_rules(f->conf, READ_KEPT, &rules, &why);
	if (rc != WSD_OK) {
		log_faults(f->conf, why);
		starting_failed("could not start: CHANNELS_FILE=\"%s\" is wrong; wsd --check-config says how",
				f->conf->channels_file);
		free(why);
		return rc == -ENOMEM ? rc : WSD_E_RANGE;
	}
	f->now = channel_rules_now_create(rules);
	if (!f->now) {
		channel_rules_put(&rules);
		starting_failed("could not start: out of memory");
		return -ENOMEM;
	}
	return WSD_OK;
}

void
rules_file_stop(struct rules_file *f)
{
	channel_rules_now_destroy(&f->now);
}

void
rules_file_reload(struct rules_file *f)
{
	struct channel_rules *rules;
	char *why;

	if (!f->now)
		return;
	if (read_rules(f->conf, READ_ANEW, &rules, &why) != WSD_OK) {
		log_faults(f->conf, why);
		log_error("CHANNELS_FILE=\"%s\" is not taken up: the rules of before stay in force",
			  f->conf->channels_file);
		metrics_add(f->shard, METRIC_RELOADS_FAILED, 1);
		free(why);
		return;
	}
	channel_rules_now_set(f->now, rules);
	workers_reload(f->workers);
	metrics_add(f->shard, METRIC_RELOADS_DONE, 1);
	log_notice("CHANNELS_FILE=\"%s\" is taken up", f->conf->channels_file);
}

int
rules_file_check(const struct conf *conf, char *why, size_t why_size)
{
	struct channel_rules *rules;
	char *faults, *rest, *line;
	size_t len;
	int rc;

	if (!conf->channels_file)
		return WSD_OK;
	rc = read_rules(conf, READ_ONLY, &rules, &faults);
	channel_rules_put(&rules);
	if (rc == WSD_OK)
		return rc;
	snprintf(why, why_size, "CHANNELS_FILE=\"%s\"%s", conf->channels_file, faults ? "" : ": out of memory");
	for (rest = faults, len = strlen(why); (line = strsep(&rest, "\n")) != NULL; len = strlen(why))
		snprintf(why + len, why_size - len, "%s %s", line == faults ? ":" : ";", line);
	free(faults);
	return rc;
}
