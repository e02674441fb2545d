/* SPDX-License-Identifier: MIT */
/* A backend's commands, each for one client. */
#include "client/backend.h"

#include <string.h>

#include "base/err.h"
#include "channel/command.h"
#include "client/channel_commands.h"
#include "client/client_priv.h"
#include "client/subscriptions.h"
#include "proto/reply.h"
#include "proto/reply_channel.h"

static bool
is_spared(struct slice ids, const char *id)
{
	for (const char *at = ids.at, *end = ids.at + ids.len; at < end; at += strlen(at) + 1)
		if (strcmp(at, id) == 0)
			return true;
	return false;
}

bool
backend_means(const struct client *c, const struct channel_command *command)
{
	return c->opened && (command->client.len == 0 || slice_equal(command->client, c->id)) &&
	       (command->user.len == 0 || slice_equal(command->user, client_user(c))) &&
	       !is_spared(command->spared, c->id);
}

static int
send_message(struct clients *all, struct client *c, struct slice data)
{
	struct text *t = &all->channels.text;

	text_reset(t, CLIENT_TEXT_KEEP);
	reply_message(t, data, clients_stamp(all, 0));
	if (t->failed)
		return -ENOMEM;
	if (t->len > client_room(all, c))
		return WSD_E_FULL;
	client_say(all, c, t);
	return WSD_OK;
}

static int
unsubscribe(struct clients *all, struct client *c, struct slice channel)
{
	struct channel *ch = channels_find(all, channel);

	if (subscriptions_find(c, ch))
		subscriptions_expel(all, c, ch);
	return WSD_OK;
}

static int
refresh(struct clients *all, struct client *c, uint64_t expires_real_ms)
{
	uint64_t real_ms = clients_now_ms(all) + all->real_offset_ms;
	char *out;

	if (expires_real_ms > 0 && expires_real_ms <= real_ms) {
		client_bye(all, c, CLIENT_BYE_EXPIRED, 0);
		return WSD_OK;
	}
	c->expires_real_s = client_seconds(expires_real_ms);
	c->warned = false;
	client_rearm(all, c);
	out = expires_real_ms > 0 ? client_text(all, c) : NULL;
	if (out)
		client_text_end(all, reply_auth(out, expires_real_ms - real_ms, clients_stamp(all, 0), SLICE("")));
	return WSD_OK;
}

static int
disconnect(struct clients *all, struct client *c, const struct channel_command *command)
{
	if (command->code != 0)
		client_dismiss(all, c, command->code, command->data);
	else
		client_bye(all, c, CLIENT_BYE_OPERATOR, 0);
	return WSD_OK;
}

static int
run(struct clients *all, struct client *c, const struct channel_command *command)
{
	switch (command->kind) {
	case CHANNEL_COMMAND_MESSAGE:
		return send_message(all, c, command->data);
	case CHANNEL_COMMAND_SUBSCRIBE:
		return channel_subscribe_for(all, c, command->channel, command->data);
	case CHANNEL_COMMAND_UNSUBSCRIBE:
		return unsubscribe(all, c, command->channel);
	case CHANNEL_COMMAND_DISCONNECT:
		return disconnect(all, c, command);
	case CHANNEL_COMMAND_REFRESH:
		return refresh(all, c, command->expires_real_ms);
	}
	return WSD_E_UNSUPPORTED;
}

void
backend_run(struct clients *all, struct client *c, const struct channel_command *command,
	    struct channel_command_result *result)
{
	int rc;

	if (client_is_held(c)) {
		result->moving++;
		return;
	}
	if (!client_is_open(c)) /* it is leaving */
		return;
	rc = run(all, c, command);
	if (rc == WSD_OK)
		result->done++;
	else if (result->rc == WSD_OK)
		result->rc = rc;
}
