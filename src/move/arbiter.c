/* SPDX-License-Identifier: MIT */
/* Ownership words in a shared memfd. */
#include "move/arbiter.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

enum word { OFFERED, TAKEN, KEPT };

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int
map(struct arbiter *a)
{
	void *at = mmap(NULL, a->n * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);

	if (at == MAP_FAILED)
		return wsd_errno();
	a->words = at;
	return WSD_OK;
}

int
arbiter_create(struct arbiter *a, uint32_t n)
{
	int rc;

	*a = (struct arbiter){ .n = n ? n : 1, .fd = memfd_create("wsd-arbiter", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
	if (a->fd == -1)
		return wsd_errno();
	if (ftruncate(a->fd, (off_t)(a->n * sizeof(uint32_t))) != 0 || fcntl(a->fd, F_ADD_SEALS, SEALS) != 0) {
		rc = wsd_errno();
		arbiter_close(a);
		return rc;
	}
	rc = map(a);
	if (rc != WSD_OK)
		arbiter_close(a);
	return rc;
}

int
arbiter_open(struct arbiter *a, int fd)
{
	struct stat st;
	int rc = WSD_E_MALFORMED;

	*a = (struct arbiter){ .fd = fd };
	/* unsealed, the other side could take the memory away from under us */
	if (fcntl(fd, F_GET_SEALS) == -1 || (fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) == 0 || fstat(fd, &st) != 0 ||
	    st.st_size < (off_t)sizeof(uint32_t) || st.st_size > (off_t)(ARBITER_MOST * sizeof(uint32_t)))
		goto fail;
	a->n = (uint32_t)((size_t)st.st_size / sizeof(uint32_t));
	rc = map(a);
	if (rc == WSD_OK)
		return rc;
fail:
	arbiter_close(a);
	return rc;
}

void
arbiter_close(struct arbiter *a)
{
	if (a->words)
		munmap((void *)a->words, a->n * sizeof(uint32_t));
	a->words = NULL;
	fd_close(&a->fd);
}

static bool
claim(struct arbiter *a, uint32_t index, enum word as)
{
	uint32_t expected = OFFERED;

	if (!a->words || index >= a->n)
		return false;
	return atomic_compare_exchange_strong(&a->words[index], &expected, as);
}

bool
arbiter_take(struct arbiter *a, uint32_t index)
{
	return claim(a, index, TAKEN);
}

bool
arbiter_keep(struct arbiter *a, uint32_t index)
{
	return claim(a, index, KEPT);
}

bool
arbiter_is_taken(const struct arbiter *a, uint32_t index)
{
	return a->words && index < a->n && atomic_load(&a->words[index]) == TAKEN;
}
