/* SPDX-License-Identifier: MIT */
/* What the kinds of proxy share. */
#ifndef WSD_CTL_PROXY_PRIV_H
#define WSD_CTL_PROXY_PRIV_H

#include <stddef.h>

#include "ctl/proxy.h"

struct proxy_kind {
	const char *name;
	const char *file; /* the default of PROXY_FILE; NULL: it has none */
	/* Is it in use on this machine? WSD_OK; WSD_E_UNKNOWN: no; -EINTR. NULL: it cannot be found out. */
	int (*found)(struct proxy *proxy);
	/* Would a switch be taken up? NULL: whenever its file can be written. */
	int (*check)(struct proxy *proxy, struct why *why);
	int (*current)(struct proxy *proxy, char *out, struct why *why);
	int (*change)(struct proxy *proxy, const char *instance, const char *address, struct why *why);
};

struct proxy {
	const struct proxy_kind *kind;
	const struct conf_ctl *conf;
	struct bus *bus;
	const char *file;
	char reason[256];
};

extern const struct proxy_kind proxy_nginx, proxy_traefik, proxy_script, proxy_none;

#define PROXY_FILE_HEAD \
	"# The instance that new connections go to. Written by wsctl(8); what is changed here by hand " \
	"lasts until the " \
	"next switch.\n"

/* A file that is replaced as a whole, and can be put back. */
struct proxy_file {
	const char *path;
	char *before; /* NULL: there was none */
	size_t len;
};

/* Keeps what is there and writes text in its place, in one step. WSD_OK, or why not; in both cases *file is
 * to be released with proxy_file_end(). */
int proxy_file_replace(struct proxy_file *file, const char *path, const char *text, struct why *why);
/* As it was before. */
int proxy_file_restore(struct proxy_file *file, struct why *why);
void proxy_file_end(struct proxy_file *file);

/* The address behind a word in a file ("server", "url:"), without quotes and http://. Comments do not count.
 */
int proxy_file_address(const char *path, const char *word, char *out, struct why *why);

#endif
