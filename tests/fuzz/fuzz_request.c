/* SPDX-License-Identifier: MIT */
/* The request judge: the same answer for the whole and for growing pieces of it, and nothing unchecked let
 * through. */
#include "front/request.h"

#include "base/check.h"
#include "fuzz/fuzz.h"

static void
check_slice(struct slice s, const char *head, size_t len)
{
	CHECK(s.len == 0 || (s.at >= head && s.at + s.len <= head + len));
	CHECK(!memchr(s.at ? s.at : "", '\n', s.len) && !memchr(s.at ? s.at : "", '\0', s.len));
}

/* Each element stands within its line, and none is met twice. */
static void
check_list(const struct request_list *list, const char *head, size_t len)
{
	struct request_place place = { 0 };
	const char *end = NULL;
	struct slice one;

	for (unsigned i = 0; i < list->n_lines && i < REQUEST_LINES_MAX; i++)
		check_slice(list->lines[i], head, len);
	while (request_next(list, &place, &one)) {
		CHECK(one.len > 0 && !memchr(one.at, ',', one.len) && (!end || one.at > end));
		check_slice(one, head, len);
		end = one.at + one.len - 1;
	}
}

static void
check_slices(const struct request *r, const char *head, size_t len)
{
	const struct slice all[] = { r->method,     r->target,     r->host,          r->origin,          r->key,
				     r->request_id, r->user_agent, r->authorization, r->forwarded_proto, r->query };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		check_slice(all[i], head, len);
	check_list(&r->forwarded_for, head, len);
	check_list(&r->subprotocols, head, len);
}

static void
check_handshake(const struct request *r)
{
	static const char id_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	CHECK(r->connection_id[0] != '\0');
	CHECK(strspn(r->connection_id, id_chars) == strlen(r->connection_id));
	CHECK(strlen(r->connection_id) <= CONNECTION_ID_MAX && strlen(r->session) <= REQUEST_TOKEN_MAX);
	CHECK(!strpbrk(r->session, "\"\\\x7f ,;:"));
	CHECK(r->host.len > 0 && r->key.len == 24);
}

static void
check_same(const struct request *a, const struct request *b)
{
	CHECK(a->kind == b->kind && a->status == b->status && a->why == b->why && a->head_len == b->head_len);
	CHECK(strcmp(a->connection_id, b->connection_id) == 0 && strcmp(a->session, b->session) == 0);
}

/* What stands behind the head must not matter, and the last byte of it must. */
static void
check_exact(const struct request *whole, const char *head)
{
	struct request r;

	request_judge(&r, head, whole->head_len);
	check_same(&r, whole);
	request_judge(&r, head, whole->head_len - 1);
	CHECK(r.kind == REQUEST_PARTIAL);
}

static void
check_pieces(const struct request *whole, const char *head, size_t len)
{
	size_t step = len > 512 ? 37 : 1;
	struct request r = { 0 };

	for (size_t n = 0; n < len + step && r.kind == REQUEST_PARTIAL; n += step)
		request_judge(&r, head, n < len ? n : len);
	check_same(&r, whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *head = (const char *)data;
	struct request r;

	request_judge(&r, head, size);
	check_slices(&r, head, size);
	CHECK((r.kind == REQUEST_REFUSED) == (r.status != 0) && (r.status != 0) == (r.why != NULL));
	if (r.kind == REQUEST_PARTIAL)
		CHECK(size < REQUEST_HEAD_MAX);
	if (r.kind == REQUEST_WEBSOCKET)
		check_handshake(&r);
	if (r.kind == REQUEST_WEBSOCKET || r.kind == REQUEST_HTTP)
		check_exact(&r, head);
	check_pieces(&r, head, size);
	return 0;
}
