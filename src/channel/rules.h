/* SPDX-License-Identifier: MIT */
/*
 * What channels there may be and what is allowed in them: CHANNELS_FILE, in the form of a Centrifugo v6 configuration
 * ("channel.without_namespace", "channel.namespaces[]"), with its names and meanings. Rules are made once and never
 * changed; a changed file makes new ones. References are counted with atomics: any thread.
 */
#ifndef WSD_CHANNEL_RULES_H
#define WSD_CHANNEL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "channel/code.h"
#include "channel/name.h"

enum channel_recovery { CHANNEL_RECOVERY_STREAM, CHANNEL_RECOVERY_CACHE };

/* One namespace's. The flags' names are those of the file. */
struct channel_options {
	char *ns;                     /* "": those without a namespace */
	uint32_t history_size;        /* publications; 0: no history */
	uint64_t history_ttl_ms;      /* 0: no history */
	uint64_t history_meta_ttl_ms; /* how long a position is known after the last publication */
	enum channel_recovery force_recovery_mode;
	bool presence : 1;
	bool join_leave : 1;
	bool force_push_join_leave : 1;
	bool force_positioning : 1;
	bool allow_positioning : 1;
	bool force_recovery : 1;
	bool allow_recovery : 1;
	bool allow_subscribe_for_client : 1;
	bool allow_subscribe_for_anonymous : 1;
	bool allow_publish_for_client : 1;
	bool allow_publish_for_subscriber : 1;
	bool allow_publish_for_anonymous : 1;
	bool allow_history_for_client : 1;
	bool allow_history_for_subscriber : 1;
	bool allow_history_for_anonymous : 1;
	bool allow_presence_for_client : 1;
	bool allow_presence_for_subscriber : 1;
	bool allow_presence_for_anonymous : 1;
	bool allow_user_limited_channels : 1;
};

struct channel_rules;

/*
 * From the text of a file. NULL: it is wrong; *why is then a text for the operator, a line for each fault: every key
 * that is not known or not supported, and every value of a wrong type or out of range, with its path
 * ("channel.namespaces[2].history_size: ..."). The caller frees it; NULL: out of memory. json need not be
 * zero-terminated.
 */
struct channel_rules *channel_rules_parse(const char *json, size_t len, char **why);

struct channel_rules *channel_rules_get(struct channel_rules *rules); /* one reference more; NULL stays NULL */
void channel_rules_put(struct channel_rules **rules);                 /* one less; accepts NULL, clears the pointer */

/* What holds for a channel; NULL: there is no such namespace. Valid as long as the rules. rules NULL: no channels. */
const struct channel_options *channel_rules_find(const struct channel_rules *rules, const struct channel_name *name);

/* Who asks. */
struct channel_who {
	struct slice user; /* "": anonymous */
	bool known; /* tokens are asked for (AUTH=jwt), so that a client without a user is anonymous; false: AUTH=off,
			       and what is allowed for clients is allowed for all */
	bool subscribed; /* to that channel */
};

/* What is allowed: CHANNEL_FINE or the code to answer. options NULL: UNKNOWN_CHANNEL. */
enum channel_code channel_may_subscribe(const struct channel_options *o, const struct channel_name *name,
					const struct channel_who *who);
enum channel_code channel_may_publish(const struct channel_options *o, const struct channel_name *name,
				      const struct channel_who *who);
enum channel_code channel_may_read_history(const struct channel_options *o, const struct channel_name *name,
					   const struct channel_who *who);
enum channel_code channel_may_see_presence(const struct channel_options *o, const struct channel_name *name,
					   const struct channel_who *who);

static inline bool
channel_has_history(const struct channel_options *o)
{
	return o->history_size > 0 && o->history_ttl_ms > 0;
}

/*
 * The rules in force, for threads that do not keep a reference of their own. channels_now() gives a reference; NULL:
 * channels are off.
 */
struct channel_rules_now;
struct channel_rules_now *
channel_rules_now_create(struct channel_rules *first); /* takes the reference; NULL: out of memory */
struct channel_rules *channel_rules_now_get(struct channel_rules_now *now);
void channel_rules_now_set(struct channel_rules_now *now, struct channel_rules *rules); /* takes the reference */
void channel_rules_now_destroy(struct channel_rules_now **now);

#endif
