/* SPDX-License-Identifier: MIT */
#include "broker/presence.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* what there was no memory to add has no hh.tbl; else uthash would exit(3) */

#include <uthash.h>

#include "base/check.h"
#include "base/err.h"

/* What the tables are searched by: the stream, and a client's or a user's id. */
struct id {
	struct stream *stream;
	char text[BROKER_ID_MAX];
};

struct presence_user {
	UT_hash_handle hh;
	uint32_t n; /* clients of it in this stream */
	char id[];  /* struct id, as far as it goes */
};

struct presence_member {
	UT_hash_handle hh;
	struct list in_stream;
	struct presence_user *user;
	size_t client_len, user_len, conn_info_len, chan_info_len;
	char id[]; /* struct id, as far as it goes, and then the other texts */
};

static size_t
make_id(struct id *id, struct stream *stream, struct slice text)
{
	id->stream = stream;
	if (text.len > 0)
		memcpy(id->text, text.at, text.len);
	return offsetof(struct id, text) + text.len;
}

static struct broker_info
info_of(const struct presence_member *m)
{
	const char *client = m->id + offsetof(struct id, text), *user = client + m->client_len;
	const char *conn_info = user + m->user_len;

	return (struct broker_info){ { client, m->client_len },
				     { user, m->user_len },
				     { conn_info, m->conn_info_len },
				     { conn_info + m->conn_info_len, m->chan_info_len } };
}

static struct presence_member *
find_member(const struct presence *presence, struct stream *stream, struct slice client)
{
	struct presence_member *m = NULL;
	struct id id;
	size_t len;

	if (client.len > BROKER_ID_MAX)
		return NULL;
	len = make_id(&id, stream, client);
	HASH_FIND(hh, presence->members, &id, len, m);
	return m;
}

/* ---- users ----------------------------------------------------------------------------------- */

static struct presence_user *
get_user(struct presence *presence, struct stream *stream, struct slice name)
{
	struct presence_user *user = NULL;
	struct id id;
	size_t len = make_id(&id, stream, name);

	HASH_FIND(hh, presence->users, &id, len, user);
	if (!user) {
		user = calloc(1, sizeof(*user) + len);
		if (!user)
			return NULL;
		memcpy(user->id, &id, len);
		HASH_ADD_KEYPTR(hh, presence->users, user->id, len, user);
		if (!user->hh.tbl) {
			free(user);
			return NULL;
		}
		stream->n_users++;
	}
	user->n++;
	return user;
}

static void
put_user(struct presence *presence, struct stream *stream, struct presence_user *user)
{
	if (--user->n > 0)
		return;
	HASH_DEL(presence->users, user);
	free(user);
	stream->n_users--;
}

/* ---- members --------------------------------------------------------------------------------- */

static void
remove_member(struct presence *presence, struct stream *stream, struct presence_member *m)
{
	HASH_DEL(presence->members, m);
	list_unlink(&m->in_stream);
	stream->n_members--;
	put_user(presence, stream, m->user);
	free(m);
}

static struct presence_member *
make_member(struct stream *stream, const struct broker_info *info)
{
	const struct slice texts[] = { info->user, info->conn_info, info->chan_info };
	struct presence_member *m;
	struct id id;
	size_t len = make_id(&id, stream, info->client), at = len;

	m = calloc(1, sizeof(*m) + len + info->user.len + info->conn_info.len + info->chan_info.len);
	if (!m)
		return NULL;
	memcpy(m->id, &id, len);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].len > 0)
			memcpy(m->id + at, texts[i].at, texts[i].len);
		at += texts[i].len;
	}
	m->client_len = info->client.len;
	m->user_len = info->user.len;
	m->conn_info_len = info->conn_info.len;
	m->chan_info_len = info->chan_info.len;
	return m;
}

int
presence_add(struct presence *presence, struct stream *stream, const struct broker_info *info)
{
	struct presence_member *old = find_member(presence, stream, info->client), *m;

	if (info->client.len > BROKER_ID_MAX || info->user.len > BROKER_ID_MAX)
		return WSD_E_TOO_LARGE;
	m = make_member(stream, info);
	if (!m)
		return -ENOMEM;
	m->user = get_user(presence, stream, info->user);
	if (!m->user) {
		free(m);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(hh, presence->members, m->id, offsetof(struct id, text) + m->client_len, m);
	if (!m->hh.tbl) {
		put_user(presence, stream, m->user);
		free(m);
		return -ENOMEM;
	}
	list_append(&stream->members, &m->in_stream);
	stream->n_members++;
	if (old)
		remove_member(presence, stream, old);
	return WSD_OK;
}

void
presence_remove(struct presence *presence, struct stream *stream, struct slice client)
{
	struct presence_member *m = find_member(presence, stream, client);

	if (m)
		remove_member(presence, stream, m);
}

void
presence_each(const struct stream *stream, void (*each)(void *arg, const struct broker_info *info), void *arg)
{
	list_foreach (n, &stream->members) {
		struct broker_info info = info_of(LIST_ENTRY(n, struct presence_member, in_stream));

		each(arg, &info);
	}
}

void
presence_deinit(struct presence *presence)
{
	struct presence_member *m, *next;

	HASH_ITER (hh, presence->members, m, next) {
		struct id id;

		memcpy(&id.stream, m->id, sizeof(id.stream));
		remove_member(presence, id.stream, m);
	}
}
