/* SPDX-License-Identifier: MIT */
/* The file that names the instance for a proxy. */
#include "ctl/proxy_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/replace.h"
#include "ctl/why.h"

#define FILE_MAX 65536

int
proxy_file_replace(struct proxy_file *file, const char *path, const char *text, struct why *why)
{
	int rc;

	*file = (struct proxy_file){ .path = path };
	rc = fd_read_file(path, FILE_MAX, &file->before, &file->len);
	if (rc == -ENOENT)
		rc = WSD_OK;
	if (rc == WSD_OK)
		rc = replace_file(path, text, strlen(text), 0644);
	return rc == WSD_OK ? rc : why_set(why, rc, "%s: %s", path, wsd_strerror(rc));
}

int
proxy_file_restore(struct proxy_file *file, struct why *why)
{
	int rc;

	if (file->before)
		rc = replace_file(file->path, file->before, file->len, 0644);
	else
		rc = unlink(file->path) == 0 || errno == ENOENT ? WSD_OK : wsd_errno();
	return rc == WSD_OK ? rc : why_set(why, rc, "%s: %s", file->path, wsd_strerror(rc));
}

void
proxy_file_end(struct proxy_file *file)
{
	free(file->before);
	file->before = NULL;
}

/* In one line, without its comment. */
static bool
find_address(const char *line, size_t len, const char *word, char *out)
{
	const char *comment = memchr(line, '#', len), *end = comment ? comment : line + len;
	const char *at = memmem(line, (size_t)(end - line), word, strlen(word));
	size_t n = 0;

	if (!at || (at > line && !strchr(" \t{", at[-1])))
		return false;
	at += strlen(word);
	while (at < end && strchr(" \t\"'", *at))
		at++;
	if (end - at > 7 && memcmp(at, "http://", 7) == 0)
		at += 7;
	while (at + n < end && !strchr("; \t\r/\"'}", at[n]))
		n++;
	if (n == 0 || n >= PROXY_ADDRESS_MAX)
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	why_clean(out, false);
	return true;
}

int
proxy_file_address(const char *path, const char *word, char *out, struct why *why)
{
	char *text = NULL;
	size_t len;
	int rc = fd_read_file(path, FILE_MAX, &text, &len);

	if (rc != WSD_OK)
		return why_set(why, rc == -ENOENT ? WSD_E_UNKNOWN : rc, "%s: %s", path, wsd_strerror(rc));
	rc = why_set(why, WSD_E_UNKNOWN, "%s names no address", path);
	for (const char *line = text; *line && rc != WSD_OK; line += strcspn(line, "\n"), line += *line == '\n')
		if (find_address(line, strcspn(line, "\n"), word, out))
			rc = WSD_OK;
	free(text);
	return rc;
}
