/* SPDX-License-Identifier: MIT */
/* TCP_INFO; in a file of its own, since <linux/tcp.h>, which alone has all of it, and <netinet/tcp.h> clash. */
#include "base/tcp.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define STATE_ESTABLISHED 1 /* the kernel's numbers, which <netinet/tcp.h> names TCP_ESTABLISHED and so on */
#define STATE_CLOSE_WAIT  8

bool
tcp_state_of(int fd, struct tcp_state *out)
{
	struct tcp_info info = { 0 };
	int unread = 0, before = 0;

	/* Two calls, between which bytes may come: only what is framed by equal counts belongs together. As
	 * nobody reads meanwhile, that is so at the latest when the socket's buffer is full. */
	do {
		socklen_t len = sizeof(info);

		if (ioctl(fd, SIOCINQ, &before) != 0 || before < 0 ||
		    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
		    len < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof(info.tcpi_bytes_retrans) ||
		    ioctl(fd, SIOCINQ, &unread) != 0)
			return false;
	} while (unread != before);
	out->unread = (uint32_t)unread;
	out->consumed = info.tcpi_bytes_received - (uint64_t)unread;
	out->sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
	out->connected = info.tcpi_state == STATE_ESTABLISHED || info.tcpi_state == STATE_CLOSE_WAIT;
	return true;
}
