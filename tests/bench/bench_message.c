/* SPDX-License-Identifier: MIT */
/* Prints what one chat message costs on the hot path, and what it would cost with json-c. Not part of `make
 * check`. */
#include <stdio.h>
#include <string.h>

#include <json.h>

#include "base/clock.h"
#include "proto/message.h"
#include "proto/reply.h"
#include "proto/utf8.h"

#define ROUNDS    2000000u
#define TIMESTAMP "2026-11-23T18:46:00.123Z"

static const char short_text[] =
	"{\"type\":\"message\",\"data\":\"hello from the load generator\",\"id\":\"m-000001\"}";
static const char long_text[] = "{\"type\":\"message\",\"id\":\"m-000001\",\"data\":{\"room\":\"general\","
				"\"from\":\"Zo\xc3\xab\",\"seq\":123456,"
				"\"tags\":[\"a\",\"b\",\"c\"],\"text\":\"The quick brown fox jumps over the "
				"lazy dog \\u2014 and then some more \xe2\x9c\x93\","
				"\"urgent\":false,\"ref\":null}}";

static char out[REPLY_MAX];
static volatile size_t sink; /* keeps the compiler from leaving the work out */

static void
run_utf8(const char *text, size_t len, unsigned i)
{
	sink = utf8_valid(text, len);
}

static void
run_parse(const char *text, size_t len, unsigned i)
{
	struct message m;

	sink = (size_t)message_parse(text, len, &m);
}

static void
run_parse_reply(const char *text, size_t len, unsigned i)
{
	struct message m;

	if (message_parse(text, len, &m) == MESSAGE_OK)
		sink = reply_response(out, i, TIMESTAMP, m.id);
}

static void
run_reply(const char *text, size_t len, unsigned i)
{
	sink = reply_response(out, i, TIMESTAMP, SLICE("\"m-000001\""));
}

static void
run_json_c(const char *text, size_t len, unsigned i)
{
	static struct json_tokener *tokener;
	struct json_object *o;

	if (!tokener)
		tokener = json_tokener_new();
	json_tokener_reset(tokener);
	o = json_tokener_parse_ex(tokener, text, (int)len);
	sink = o != NULL;
	json_object_put(o);
}

static void
report(const char *what, const char *text, void (*run)(const char *, size_t, unsigned))
{
	size_t len = strlen(text);
	uint64_t best = UINT64_MAX;

	for (int round = 0; round < 5; round++) {
		uint64_t start = clock_mono_ns(), took;

		for (unsigned i = 0; i < ROUNDS / 5; i++)
			run(text, len, i);
		took = clock_mono_ns() - start;
		best = took < best ? took : best;
	}
	printf("%-22s %4zu bytes %7.1f ns\n", what, len, (double)best / (ROUNDS / 5));
}

int
main(void)
{
	static const char *const texts[] = { short_text, long_text };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		report("UTF-8", texts[i], run_utf8);
		report("parse (with UTF-8)", texts[i], run_parse);
		report("parse and reply", texts[i], run_parse_reply);
		report("json-c, parse only", texts[i], run_json_c);
	}
	report("reply", short_text, run_reply);
	return 0;
}
