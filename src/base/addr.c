/* SPDX-License-Identifier: MIT */
/* Client addresses and networks. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"

static void
set_v6(struct addr *a, const struct in6_addr *in6)
{
	if (IN6_IS_ADDR_V4MAPPED(in6)) {
		a->family = ADDR_V4;
		memcpy(a->bytes, in6->s6_addr + 12, 4);
	} else {
		a->family = ADDR_V6;
		memcpy(a->bytes, in6->s6_addr, 16);
	}
}

struct addr
addr_from_sockaddr(const struct sockaddr *sa, socklen_t len)
{
	struct addr a = { .family = ADDR_NONE };

	if (len < sizeof(sa->sa_family))
		return a;
	if (sa->sa_family == AF_UNIX) {
		a.family = ADDR_UNIX;
	} else if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		a.family = ADDR_V4;
		a.port = ntohs(in.sin_port);
		memcpy(a.bytes, &in.sin_addr, 4);
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		a.port = ntohs(in6.sin6_port);
		set_v6(&a, &in6.sin6_addr);
	}
	return a;
}

struct addr
addr_client(const struct addr *a)
{
	struct addr key = *a;

	key.port = 0;
	if (key.family == ADDR_V6)
		memset(key.bytes + 8, 0, 8);
	return key;
}

bool
addr_same_client(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

socklen_t
addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	*out = (struct sockaddr_storage){ .ss_family = a->family == ADDR_V4 ? AF_INET : AF_INET6 };
	if (a->family == ADDR_V4) {
		memcpy(&v4->sin_addr, a->bytes, sizeof(v4->sin_addr));
		v4->sin_port = htons(a->port);
		return sizeof(*v4);
	}
	memcpy(&v6->sin6_addr, a->bytes, sizeof(v6->sin6_addr));
	v6->sin6_port = htons(a->port);
	return sizeof(*v6);
}

/* Splits "host:port" and "[host]:port"; the port stays 0 where none is given. */
static int
split_port(char *host, const char **at, uint16_t *port)
{
	char *colon = NULL;

	*at = host;
	if (host[0] == '[') {
		char *end = strchr(host, ']');

		if (!end || (end[1] != '\0' && end[1] != ':'))
			return WSD_E_MALFORMED;
		*end = '\0';
		*at = host + 1;
		colon = end[1] == ':' ? end + 1 : NULL;
	} else if (strchr(host, ':') && strchr(host, ':') == strrchr(host, ':')) {
		colon = strchr(host, ':');
	}
	if (colon) {
		uint64_t value;

		if (decimal_parse(slice_of(colon + 1), 65535, &value) != WSD_OK)
			return WSD_E_MALFORMED;
		*port = (uint16_t)value;
		*colon = '\0';
	}
	return WSD_OK;
}

int
addr_parse(struct addr *out, const char *text, size_t len)
{
	struct addr a = { .family = ADDR_NONE };
	char host[ADDR_TEXT_MAX];
	struct in6_addr in6;
	const char *at;
	int rc;

	if (len == 0 || len >= sizeof(host) || memchr(text, '\0', len))
		return WSD_E_MALFORMED;
	memcpy(host, text, len);
	host[len] = '\0';
	rc = split_port(host, &at, &a.port);
	if (rc != WSD_OK)
		return rc;
	if (host[0] != '[' && inet_pton(AF_INET, at, a.bytes) == 1) {
		a.family = ADDR_V4;
	} else if (inet_pton(AF_INET6, at, &in6) == 1) {
		memset(a.bytes, 0, sizeof(a.bytes));
		set_v6(&a, &in6);
	} else {
		return WSD_E_MALFORMED;
	}
	*out = a;
	return WSD_OK;
}

const char *
addr_text(char *out, const struct addr *a)
{
	switch (a->family) {
	case ADDR_V4:
		return inet_ntop(AF_INET, a->bytes, out, ADDR_TEXT_MAX);
	case ADDR_V6:
		return inet_ntop(AF_INET6, a->bytes, out, ADDR_TEXT_MAX);
	case ADDR_UNIX:
		return strcpy(out, "unix");
	default:
		return strcpy(out, "-");
	}
}

const char *
addr_port_text(char *out, const struct addr *a)
{
	char host[INET6_ADDRSTRLEN];

	if (a->family == ADDR_V4)
		snprintf(out, ADDR_TEXT_MAX, "%s:%u", inet_ntop(AF_INET, a->bytes, host, sizeof(host)), a->port);
	else if (a->family == ADDR_V6)
		snprintf(out, ADDR_TEXT_MAX, "[%s]:%u", inet_ntop(AF_INET6, a->bytes, host, sizeof(host)), a->port);
	else
		addr_text(out, a);
	return out;
}

static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool
host_bits_clear(const struct addr_net *net)
{
	unsigned size = net->base.family == ADDR_V4 ? 4 : 16;

	for (unsigned bit = net->bits; bit < size * 8; bit++)
		if (net->base.bytes[bit / 8] & (0x80 >> (bit % 8)))
			return false;
	return true;
}

static int
net_parse(struct addr_net *net, struct slice text)
{
	bool whole = !memchr(text.at, '/', text.len);
	struct slice host;
	uint64_t most, bits;

	slice_cut(&text, '/', &host);
	if (addr_parse(&net->base, host.at, host.len) != WSD_OK || net->base.port != 0)
		return WSD_E_MALFORMED;
	most = net->base.family == ADDR_V4 ? 32 : 128;
	bits = most;
	if (!whole && decimal_parse(text, most, &bits) != WSD_OK)
		return WSD_E_MALFORMED;
	net->bits = (uint8_t)bits;
	return host_bits_clear(net) ? WSD_OK : WSD_E_MALFORMED;
}

int
addr_nets_parse(struct addr_nets *out, const char *text)
{
	struct slice rest = slice_of(text), one;
	struct addr_nets list = { NULL, 0 };
	size_t most = 1;
	int rc = WSD_OK;

	for (const char *c = text; *c; c++)
		most += *c == ',';
	list.nets = calloc(most, sizeof(*list.nets));
	if (!list.nets)
		return -ENOMEM;
	while (rc == WSD_OK && slice_cut(&rest, ',', &one))
		rc = net_parse(&list.nets[list.n++], slice_trim(one));
	if (rc != WSD_OK) {
		addr_nets_deinit(&list);
		return rc;
	}
	*out = list;
	return WSD_OK;
}

void
addr_nets_deinit(struct addr_nets *nets)
{
	free(nets->nets);
	*nets = (struct addr_nets){ NULL, 0 };
}

bool
addr_nets_match(const struct addr_nets *nets, const struct addr *a)
{
	static const struct addr loopback = { .family = ADDR_V4, .bytes = { 127, 0, 0, 1 } };
	static const struct addr loopback6 = { .family = ADDR_V6, .bytes = { [15] = 1 } };

	if (a->family == ADDR_UNIX)
		return addr_nets_match(nets, &loopback) || addr_nets_match(nets, &loopback6);
	for (unsigned i = 0; i < nets->n; i++) {
		const struct addr_net *net = &nets->nets[i];

		if (net->base.family == a->family && same_prefix(net->base.bytes, a->bytes, net->bits))
			return true;
	}
	return false;
}
