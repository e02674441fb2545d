/* SPDX-License-Identifier: MIT */
/*
 * Faults for tests/system/test_faults_*.py: a library to be preloaded, between the daemon and libc. What is to
 * fail stands in a file (FAULTS_CONTROL) that the test maps as well, so that it can be said while the daemon
 * runs; until then everything is passed on. Any thread. Allocates nothing itself, and asks the kernel without
 * libc's wrappers, which are what is replaced here.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

struct control *_Atomic faults_control;
_Thread_local bool faults_busy;

static __attribute__((constructor)) void
start(void)
{
	const char *path = getenv("FAULTS_CONTROL");
	void *frames[2];
	void *map;
	int fd;

	if (!path || strcmp(program_invocation_short_name, "wsd") != 0) /* the shell before it has this loaded, too */
		return;
	backtrace(frames, 2); /* the first call loads a library, and so allocates */
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return;
	map = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (map == MAP_FAILED)
		return;
	live_start(&((struct shared *)map)->live);
	atomic_store(&faults_control, &((struct shared *)map)->control);
}

bool
other_thread(const struct control *c)
{
	char name[16] = "";

	if (c->thread[0] == '\0' || prctl(PR_GET_NAME, name) != 0)
		return false;
	if (c->thread[0] == '!')
		return strncmp(name, c->thread + 1, strlen(c->thread + 1)) == 0;
	return strncmp(name, c->thread, strlen(c->thread)) != 0;
}

static void
note_place(struct control *c)
{
	void *frames[FAULTS_FRAMES];
	int n = backtrace(frames, FAULTS_FRAMES);

	for (int i = 0; i < n; i++)
		c->frames[i] = (uintptr_t)frames[i];
	c->n_frames = n > 0 ? (uint32_t)n : 0;
}

bool
fails(enum kind kind)
{
	struct control *c = faults_now();
	uint32_t n, first, every;
	int error;

	if (!c || faults_busy || !(c->kinds & 1u << kind))
		return false;
	faults_busy = true;
	if (other_thread(c)) {
		faults_busy = false;
		return false;
	}
	n = atomic_fetch_add(&c->calls, 1) + 1;
	first = c->first;
	every = c->every;
	error = (int)c->error;
	if (first == 0 || n < first || (n > first && (every == 0 || (n - first) % every != 0))) {
		faults_busy = false;
		return false;
	}
	note_place(c);
	atomic_fetch_add(&c->failed, 1);
	faults_busy = false;
	errno = error;
	return true;
}
