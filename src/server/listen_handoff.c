/* SPDX-License-Identifier: MIT */
/*
 * The handoff socket where no service manager passes one in, as in a container: made here, if
 * HANDOFF_DIR/INSTANCE is a directory that this process may write to. In the units' case it is root's, and
 * nothing is made. Without the socket wsd serves as well, but takes no handoffs, so that failures are
 * warnings. Main thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "log/log.h"
#include "move/link.h"
#include "server/listen.h"

#define BACKLOG 8 /* one instance hands over at a time */

/* What an ended process left refuses connections; the socket of a living one must not be taken from it. */
static bool
is_alive(const char *path)
{
	int fd = link_connect(path), rc = fd;

	fd_close(&fd);
	return rc >= 0 || rc == -EAGAIN;
}

static int
bind_at(const struct sockaddr_un *at, int *out)
{
	int fd, rc = WSD_OK;

	if (is_alive(at->sun_path))
		return -EADDRINUSE;
	if (unlink(at->sun_path) != 0 && errno != ENOENT)
		return wsd_errno();
	fd = link_socket();
	if (fd == -1)
		return wsd_errno();
	/* bind() takes the first mode over, less what the umask takes away */
	if (fchmod(fd, 0660) != 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 ||
	    chmod(at->sun_path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
		rc = wsd_errno();
		fd_close(&fd);
	}
	*out = fd;
	return rc;
}

void
listen_handoff(struct sysd_listeners *l, const struct conf *conf)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[sizeof(at.sun_path)];
	struct stat st;
	int rc;

	snprintf(dir, sizeof(dir), "%s/%s", conf->handoff_dir, conf->instance);
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode) || access(dir, W_OK | X_OK) != 0)
		return;
	if ((size_t)snprintf(at.sun_path, sizeof(at.sun_path), LINK_PATH, conf->handoff_dir, conf->instance) >=
	    sizeof(at.sun_path))
		rc = -ENAMETOOLONG;
	else
		rc = bind_at(&at, &l->fds[SYSD_HANDOFF][0]);
	if (rc == WSD_OK)
		l->n[SYSD_HANDOFF] = 1;
	else
		log_warn("could not listen on %s (%s): nothing can be handed over to this instance", at.sun_path,
			 wsd_strerror(rc));
}
