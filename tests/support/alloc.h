/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out when a test says so, and is counted. For programs linked with
 * -Wl,--wrap=malloc,--wrap=calloc,
 * --wrap=realloc,--wrap=free (alloc_ldflags in tests/support/Makefile.inc), so that it holds for our own code
 * alone. One thread at a time.
 */
#ifndef WSD_SUPPORT_ALLOC_H
#define WSD_SUPPORT_ALLOC_H

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *ptr);

static struct {
	int until_failure; /* this many succeed, the rest fails; INT_MAX: none fails */
	size_t bytes;      /* in use */
} alloc = { .until_failure = INT_MAX };

static inline int
alloc_fails(void)
{
	if (alloc.until_failure == INT_MAX || alloc.until_failure-- > 0)
		return 0;
	alloc.until_failure = 0;
	errno = ENOMEM;
	return 1;
}

static inline void *
alloc_count(void *ptr)
{
	alloc.bytes += ptr ? malloc_usable_size(ptr) : 0;
	return ptr;
}

void *
__wrap_malloc(size_t size)
{
	return alloc_fails() ? NULL : alloc_count(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : alloc_count(__real_calloc(n, size));
}

void *
__wrap_realloc(void *old, size_t size)
{
	size_t before = old ? malloc_usable_size(old) : 0;
	void *ptr;

	if (alloc_fails())
		return NULL;
	ptr = __real_realloc(old, size);
	if (ptr)
		alloc.bytes -= before;
	return alloc_count(ptr);
}

void
__wrap_free(void *ptr)
{
	if (ptr)
		alloc.bytes -= malloc_usable_size(ptr);
	__real_free(ptr);
}

#endif
