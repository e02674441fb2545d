/* SPDX-License-Identifier: MIT */
/* Addresses and networks: what was parsed and printed is parsed to the same again, and a network holds its
 * own base. */
#include "base/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz.h"

static void
check_same(const struct addr *a, const struct addr *b)
{
	CHECK(a->family == b->family && a->port == b->port && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0);
}

static void
check_address(const char *text, size_t len)
{
	struct addr a, again;
	char printed[ADDR_TEXT_MAX];

	if (addr_parse(&a, text, len) != WSD_OK)
		return;
	CHECK(a.family == ADDR_V4 || a.family == ADDR_V6);
	addr_port_text(printed, &a);
	CHECK(addr_parse(&again, printed, strlen(printed)) == WSD_OK);
	check_same(&a, &again);
	addr_text(printed, &a);
	CHECK(addr_parse(&again, printed, strlen(printed)) == WSD_OK);
	CHECK(again.port == 0);
	again.port = a.port;
	check_same(&a, &again);
}

static void
check_net(const struct addr_nets *all, const struct addr_net *net)
{
	char printed[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 4];
	struct addr_nets alone = { NULL, 0 };

	CHECK(addr_nets_match(all, &net->base));
	snprintf(text, sizeof(text), "%s/%u", addr_text(printed, &net->base), net->bits);
	CHECK(addr_nets_parse(&alone, text) == WSD_OK && alone.n == 1);
	check_same(&alone.nets[0].base, &net->base);
	CHECK(alone.nets[0].bits == net->bits);
	addr_nets_deinit(&alone);
}

static void
check_networks(const uint8_t *data, size_t size)
{
	struct addr_nets nets = { NULL, 0 };
	char *text = malloc(size + 1);

	CHECK(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (addr_nets_parse(&nets, text) == WSD_OK)
		for (unsigned i = 0; i < nets.n; i++)
			check_net(&nets, &nets.nets[i]);
	else
		CHECK(nets.nets == NULL);
	addr_nets_deinit(&nets);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_address((const char *)data, size);
	check_networks(data, size);
	return 0;
}
