/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over files instead of what a fuzzer makes up: those given, or those in the folders
 * given, or the target's corpus in the source tree. Prints TAP.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "fuzz/fuzz.h"
#include "support/exact.h"

#define INPUT_MAX (1u << 20)

static unsigned done, failed;

static void
replay_file(const char *path)
{
	char *text, *exact;
	size_t len;
	int rc = fd_read_file(path, INPUT_MAX, &text, &len);

	done++;
	if (rc != WSD_OK) {
		printf("not ok %u - %s: %s\n", done, path, wsd_strerror(rc));
		failed++;
		return;
	}
	exact = exact_copy(text, len);
	LLVMFuzzerTestOneInput((const uint8_t *)exact, len);
	printf("ok %u - %s\n", done, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	free(exact);
	free(text);
}

static int
visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
replay(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, visible, alphasort);

	if (n < 0) {
		replay_file(path);
		return;
	}
	for (int i = 0; i < n; i++) {
		char *file;

		if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			abort();
		replay_file(file);
		free(file);
		free(entries[i]);
	}
	free(entries);
}

/* automake's tests run with srcdir set; the program fuzz_x has its corpus in the folder x. */
static void
replay_corpus(const char *program)
{
	const char *srcdir = getenv("srcdir"), *name = strstr(program, "fuzz_");
	char *folder;

	while (name && strstr(name + 1, "fuzz_"))
		name = strstr(name + 1, "fuzz_");
	if (!name || asprintf(&folder, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name + strlen("fuzz_")) < 0)
		abort();
	replay(folder);
	free(folder);
}

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_corpus(argv[0]);
	printf("1..%u\n", done);
	return failed > 0 || done == 0;
}
