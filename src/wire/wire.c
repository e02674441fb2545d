/* SPDX-License-Identifier: MIT */
/* What a wire is made of, and what is known of its socket. Hub's thread, but for what wire.h says. */
#include "wire/wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/check.h"
#include "wire/wire_priv.h"

_Static_assert(WIRE_GONE < 8 && WIRE_GIVEN_AWAY < 4, "enough bits");
_Static_assert(sizeof(struct wire) <= 40, "ten thousand idle ones are the normal case");

void
wire_init(struct wire *wire)
{
	*wire = (struct wire){ .magic = WIRE_MAGIC, .state = WIRE_NEW };
}

void
wire_deinit(struct wire *wire)
{
	CHECK_MAGIC(wire, WIRE_MAGIC);
	CHECK(!wire->lws);
	send_free_queue(wire);
	wire->magic = 0;
}

int
wire_fd(const struct wire *wire)
{
	return lws_get_socket_fd(wire->lws);
}

uint32_t
wire_silent_ms(const struct wire *wire)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(wire_fd(wire), IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
	    len < offsetof(struct tcp_info, tcpi_last_data_recv) + sizeof(info.tcpi_last_data_recv))
		return UINT32_MAX;
	return info.tcpi_last_data_recv;
}
