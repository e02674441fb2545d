/* SPDX-License-Identifier: MIT */
/* The keeper executes its own program, and goes on with the table. */
#include "keeper/keeper_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "kept/table.h"

#define VARIABLE "WSD_KEPT_FD"

int
keeper_note_self(void)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (fd == -1)
		return wsd_errno();
	kept_add(fd, KEPT_SELF);
	return WSD_OK;
}

/* All that is kept is closed on exec, or is not. */
static void
set_cloexec(bool on)
{
	for (int fd = 0; (uint32_t)fd < kept_size(); fd++)
		if (kept_role_of(fd) != KEPT_NOTHING)
			fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

bool
keeper_was_reborn(void)
{
	const char *text = getenv(VARIABLE);
	int fd = text ? atoi(text) : -1;

	if (!text)
		return false;
	unsetenv(VARIABLE);
	if (kept_open(fd) != WSD_OK)
		return false;
	set_cloexec(true);
	prctl(PR_SET_NAME, program_invocation_short_name); /* the kernel knows it by the number of its descriptor */
	return true;
}

void
keeper_execute_self(char **argv)
{
	char number[16];
	int self = kept_find(KEPT_SELF, 0);

	snprintf(number, sizeof(number), "%d", kept_table_fd());
	if (self == -1 || setenv(VARIABLE, number, 1) != 0)
		return;
	set_cloexec(false);
	fexecve(self, argv, environ);
	set_cloexec(true);
	unsetenv(VARIABLE);
}
