/* SPDX-License-Identifier: MIT */
#include "ctl/failure.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ctl/bus.h"
#include "ctl/why.h"

/* systemd.exec(5), PROCESS EXIT CODES: what went wrong before the program was there. */
static const struct {
	int status;
	const char *words;
} of_systemd[] = {
	{ 200, "its WorkingDirectory= is not there" },
	{ 203, "the program could not be executed: is it there, executable, and nowhere that the unit may not look "
	       "(/home, /root, /tmp)?" },
	{ 204, "memory is short" },
	{ 205, "a limit of its unit could not be set" },
	{ 209, "its standard output could not be opened" },
	{ 216, "its group is not known: Group=" },
	{ 217, "its user is not known: User=" },
	{ 226, "its sandbox could not be set up; a path that the unit names may not be there" },
	{ 243, "a credential could not be loaded: is the file of LoadCredential= there?" },
};

static const struct {
	const char *result, *words;
} of_result[] = {
	{ "protocol", "it ended before it was ready" },
	{ "resources", "systemd could not start it: a file that the unit names (EnvironmentFile=) may not be there" },
	{ "watchdog", "it was stuck, and the watchdog ended it" },
	{ "oom-kill", "the kernel ended it, since memory was short" },
	{ "start-limit-hit", "it was started too often" },
};

static void
exit_words(int status, struct why *out)
{
	for (unsigned i = 0; i < sizeof(of_systemd) / sizeof(*of_systemd); i++) {
		if (of_systemd[i].status == status) {
			why_set(out, 0, "%s", of_systemd[i].words);
			return;
		}
	}
	why_set(out, 0, "it ended with status %d", status);
}

static void
result_words(const struct bus_unit *unit, struct why *out)
{
	const char *name = sigabbrev_np(unit->exit_status);

	why_set(out, 0, "%s", unit->result); /* a word of systemd that we have no better one for */
	for (unsigned i = 0; i < sizeof(of_result) / sizeof(*of_result); i++)
		if (strcmp(unit->result, of_result[i].result) == 0)
			why_set(out, 0, "%s", of_result[i].words);
	if (strcmp(unit->result, "timeout") == 0)
		why_set(out, 0, "it was not ready within %" PRIu64 " s", unit->start_timeout_us / 1000000);
	else if (unit->exit_code == CLD_KILLED || unit->exit_code == CLD_DUMPED)
		why_set(out, 0, "it was ended by signal %s", name ? name : "?");
}

/* "success" is a start that is under way. After a crash the status is still what it said before. */
void
failure_words(const struct bus_unit *unit, struct why *out)
{
	out->text[0] = '\0';
	if (!unit->result[0] || strcmp(unit->result, "success") == 0)
		return;
	if (strcmp(unit->result, "exit-code") != 0)
		result_words(unit, out);
	else if (unit->status[0])
		why_set(out, 0, "%s", unit->status);
	else
		exit_words(unit->exit_status, out);
}
