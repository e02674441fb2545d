/* SPDX-License-Identifier: MIT */
/* Other programs: the proxy's own check, the load generator, an operator's script. */
#ifndef WSD_CTL_CHILD_H
#define WSD_CTL_CHILD_H

#include <stddef.h>
#include <stdint.h>

struct why;

/* What it wrote: standard output, and standard error behind or in between, each up to a limit. */
struct child_output {
	char *text; /* zero-terminated */
	size_t len;
};

/*
 * Runs argv[0] (looked for in PATH) in a process group of its own, without input, and waits. Its standard
 * error goes into *out too, or into *err if that is given. WSD_OK if it ended with status 0; WSD_E_UNKNOWN:
 * there is no such program; WSD_E_LIBRARY: another status; WSD_E_TIMEOUT; -EINTR. In the latter two cases it
 * was killed with its group. Then why has a line. *out and *err are set in every case; end them with
 * child_output_deinit().
 */
int child_run(const char *const *argv, uint32_t timeout_ms, struct child_output *out, struct child_output *err,
	      struct why *why);
void child_output_deinit(struct child_output *out);

#endif
