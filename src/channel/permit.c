/* SPDX-License-Identifier: MIT */
/* Who may do what in a channel: Centrifugo's order of rules. */
#include "channel/rules.h"

/* Somebody, or nobody in particular where those may too. */
static bool
counts(const struct channel_who *who, bool anonymous_may)
{
	return !who->known || who->user.len > 0 || anonymous_may;
}

static enum channel_code
allow(bool allowed)
{
	return allowed ? CHANNEL_FINE : CHANNEL_PERMISSION_DENIED;
}

enum channel_code
channel_may_subscribe(const struct channel_options *o, const struct channel_name *name, const struct channel_who *who)
{
	if (!o)
		return CHANNEL_UNKNOWN_CHANNEL;
	if (name->is_private)
		return CHANNEL_PERMISSION_DENIED; /* without a token */
	if (name->users.at && o->allow_user_limited_channels)
		return allow(channel_name_is_for(name, who->user));
	return allow(o->allow_subscribe_for_client && counts(who, o->allow_subscribe_for_anonymous));
}

enum channel_code
channel_may_publish(const struct channel_options *o, const struct channel_name *name, const struct channel_who *who)
{
	if (!o)
		return CHANNEL_UNKNOWN_CHANNEL;
	return allow((o->allow_publish_for_client || (o->allow_publish_for_subscriber && who->subscribed)) &&
		     counts(who, o->allow_publish_for_anonymous));
}

enum channel_code
channel_may_read_history(const struct channel_options *o, const struct channel_name *name,
			 const struct channel_who *who)
{
	if (!o)
		return CHANNEL_UNKNOWN_CHANNEL;
	if (!channel_has_history(o))
		return CHANNEL_NOT_AVAILABLE;
	return allow((o->allow_history_for_client || (o->allow_history_for_subscriber && who->subscribed)) &&
		     counts(who, o->allow_history_for_anonymous));
}

enum channel_code
channel_may_see_presence(const struct channel_options *o, const struct channel_name *name,
			 const struct channel_who *who)
{
	if (!o)
		return CHANNEL_UNKNOWN_CHANNEL;
	if (!o->presence)
		return CHANNEL_NOT_AVAILABLE;
	return allow((o->allow_presence_for_client || (o->allow_presence_for_subscriber && who->subscribed)) &&
		     counts(who, o->allow_presence_for_anonymous));
}
