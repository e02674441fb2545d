/* SPDX-License-Identifier: MIT */
#include "ctl/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/replace.h"
#include "ctl/api.h"
#include "ctl/why.h"

#define FOLDER "/var/lib/ws"
#define FILE_  FOLDER "/deploy.json"
#define LOCK   "/run/wsctl.lock"

#define MEMBER(m) \
	{ \
#m, offsetof(struct record, m), sizeof(((struct record *)0)->m) \
	}

static const struct {
	const char *name;
	size_t offset, size;
} members[] = { MEMBER(from), MEMBER(to),      MEMBER(program), MEMBER(former),
		MEMBER(step), MEMBER(outcome), MEMBER(began),   MEMBER(ended) };

/* Who has the lock has written there what it does. */
static void
tell_holder(int fd, struct why *why)
{
	char text[200] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n > 0 && memchr(text, '\n', (size_t)n))
		text[strcspn(text, "\n")] = '\0';
	why_set(why, WSD_E_BUSY, "another wsctl is at work%s%s", text[0] ? ": " : "", text);
}

int
record_lock(const char *command, const char *instance, struct why *why)
{
	char now[CLOCK_ISO8601_LEN + 1] = "";
	/* Kept open until the process ends, which is what unlocks it. For root alone: whoever may read a file
	 * may lock it, and nobody else is to keep deploys away. */
	static bool ours;
	int fd = -1;

	if (ours)
		return WSD_OK;
	fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1 || fchmod(fd, 0600) != 0)
		return why_set(why, wsd_errno(), "%s: %s", LOCK, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		tell_holder(fd, why);
		fd_close(&fd);
		return WSD_E_BUSY;
	}
	ours = true;
	clock_iso8601(now, clock_real_ms());
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%s%s%s, process %d, since %s\n", command, instance[0] ? " " : "", instance, (int)getpid(),
			now);
	return WSD_OK;
}

bool
record_locked(struct why *why)
{
	int fd = open(LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool locked = fd != -1 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

	if (locked)
		tell_holder(fd, why);
	fd_close(&fd);
	return locked;
}

bool
record_hidden(void)
{
	return access(LOCK, R_OK) != 0 && errno == EACCES;
}

int
record_read(struct record *out, struct why *why)
{
	struct json_object *o;
	char *text;
	size_t len;
	int rc = fd_read_file(FILE_, 65536, &text, &len);

	*out = (struct record){ .from = "" };
	if (rc != WSD_OK)
		return why_set(why, rc == -ENOENT ? WSD_E_UNKNOWN : rc, "%s: %s", FILE_, wsd_strerror(rc));
	o = api_parse(text);
	free(text);
	for (unsigned i = 0; i < sizeof(members) / sizeof(*members); i++)
		snprintf((char *)out + members[i].offset, members[i].size, "%s", api_text(o, members[i].name));
	json_object_put(o);
	return out->to[0] ? WSD_OK : why_set(why, WSD_E_MALFORMED, "%s: not what wsctl has written", FILE_);
}

struct json_object *
record_json(const struct record *record)
{
	struct json_object *o = json_object_new_object();

	for (unsigned i = 0; o && i < sizeof(members) / sizeof(*members); i++)
		json_object_object_add(o, members[i].name,
				       json_object_new_string((const char *)record + members[i].offset));
	return o;
}

/* Anybody may ask for the status, whatever umask the one who deploys has. */
static int
make_folder(void)
{
	if (mkdir(FOLDER, 0755) != 0)
		return errno == EEXIST ? WSD_OK : wsd_errno();
	return chmod(FOLDER, 0755) == 0 ? WSD_OK : wsd_errno();
}

int
record_write(const struct record *record, struct why *why)
{
	struct json_object *o = record_json(record);
	const char *text = o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY) : NULL;
	int rc = text ? WSD_OK : -ENOMEM;

	if (rc == WSD_OK)
		rc = make_folder();
	if (rc == WSD_OK)
		rc = replace_file(FILE_, text, strlen(text), 0644);
	json_object_put(o);
	return rc == WSD_OK ? rc : why_set(why, rc, "%s: %s", FILE_, wsd_strerror(rc));
}

int
record_remove(struct why *why)
{
	if (unlink(FILE_) == 0 || errno == ENOENT)
		return WSD_OK;
	return why_set(why, wsd_errno(), "%s: %s", FILE_, strerror(errno));
}

int
record_check(struct why *why)
{
	int rc = replace_check(access(FOLDER, F_OK) == 0 ? FILE_ : FOLDER); /* which record_write() makes */

	return rc == WSD_OK ? rc : why_set(why, rc, "%s cannot be written: %s", FILE_, wsd_strerror(rc));
}

void
record_prune(void)
{
	struct record last;
	struct why ignored;

	program_prune(record_read(&last, &ignored) == WSD_OK ? last.former : "");
}
