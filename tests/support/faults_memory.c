/* SPDX-License-Identifier: MIT */
/* libfaults.so: memory that runs out, and what is allocated. */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);

static void
count_bytes(int64_t bytes)
{
	struct control *c = faults_now();

	if (c)
		atomic_fetch_add_explicit(&c->in_use, bytes, memory_order_relaxed);
}

/* A block that is new; `birth`: what it was before realloc(), if that is known. */
static void *
counted(void *ptr, const struct block *birth)
{
	struct control *c = faults_now();
	bool within = faults_busy;
	size_t size;

	if (!ptr || !c)
		return ptr;
	size = malloc_usable_size(ptr);
	count_bytes((int64_t)size);
	faults_busy = true;
	if (birth && birth->address != 0)
		live_add_like(ptr, size, birth);
	else
		live_add(ptr, size, c->turn);
	faults_busy = within;
	return ptr;
}

void *
malloc(size_t size)
{
	return fails(MEMORY) ? NULL : counted(__libc_malloc(size), NULL);
}

void *
calloc(size_t n, size_t size)
{
	return fails(MEMORY) ? NULL : counted(__libc_calloc(n, size), NULL);
}

/* The block is forgotten first: once it is freed, another thread may be given its address. */
void *
realloc(void *old, size_t size)
{
	size_t before = old ? malloc_usable_size(old) : 0;
	struct block birth = { .address = 0 };
	void *ptr;

	if (size > 0 && fails(MEMORY))
		return NULL;
	if (old)
		live_remove(old, &birth);
	ptr = __libc_realloc(old, size);
	if (ptr || size == 0)
		count_bytes(-(int64_t)before);
	else if (birth.address != 0)
		live_add_like(old, before, &birth);
	return counted(ptr, &birth);
}

/* Whether this free() is the one that a test wants left out. */
static bool
kept(void)
{
	struct control *c = faults_now();

	if (!c || c->keep == 0 || faults_busy || other_thread(c))
		return false;
	return atomic_fetch_add(&c->frees, 1) + 1 == c->keep;
}

void
free(void *ptr)
{
	struct block birth;

	if (ptr && kept())
		return;
	if (ptr) {
		count_bytes(-(int64_t)malloc_usable_size(ptr));
		live_remove(ptr, &birth);
	}
	__libc_free(ptr);
}

void *
memalign(size_t alignment, size_t size)
{
	return fails(MEMORY) ? NULL : counted(__libc_memalign(alignment, size), NULL);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int
posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = memalign(alignment, size);
	return *out ? 0 : ENOMEM;
}

void *
mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	struct control *c = faults_now();
	bool within = faults_busy;
	void *ptr;

	if (fails(MAP))
		return MAP_FAILED;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is what the kernel returns */
	ptr = (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
	if (ptr == MAP_FAILED || !c)
		return ptr;
	faults_busy = true;
	live_add(ptr, len, c->turn);
	faults_busy = within;
	return ptr;
}

int
munmap(void *ptr, size_t len)
{
	struct block birth;

	live_remove(ptr, &birth);
	return (int)syscall(SYS_munmap, ptr, len);
}

/* Who is built for large files calls this. */
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset) SAME_AS("mmap");
