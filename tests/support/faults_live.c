/* SPDX-License-Identifier: MIT */
/*
 * The set of all blocks of memory that are allocated, with the call chain that made each, where blocks.py can
 * read it while the daemon runs and after it has ended. Any thread: there is one lock, and the chain is
 * walked outside.
 */
#include <execinfo.h>
#include <pthread.h>
#include <string.h>

#include "faults.h"

static struct live *set; /* const after start */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void
live_start(struct live *live)
{
	memset(live->heads, 0, sizeof(live->heads));
	memset(live->blocks, 0, sizeof(live->blocks[0]) * live->used);
	live->used = live->lost = live->spare = 0;
	set = live;
}

static uint32_t *
head_of(uint64_t address)
{
	return &set->heads[((address >> 4) * 0x9e3779b97f4a7c15u) >> 50]; /* 14 bits: FAULTS_HEADS */
}

/* 0: there is no room. */
static uint32_t
take_number_locked(void)
{
	uint32_t number = set->spare;

	if (number != 0)
		set->spare = set->blocks[number - 1].next;
	else if (set->used < FAULTS_BLOCKS)
		number = ++set->used;
	else
		set->lost++;
	return number;
}

static void
add_locked(const struct block *one)
{
	uint32_t number = take_number_locked(), *head = head_of(one->address);

	if (number == 0)
		return;
	set->blocks[number - 1] = *one;
	set->blocks[number - 1].next = *head;
	*head = number;
}

static void
add(const struct block *one)
{
	pthread_mutex_lock(&lock);
	add_locked(one);
	pthread_mutex_unlock(&lock);
}

void
live_add(const void *ptr, size_t size, uint32_t turn)
{
	struct block one = { .address = (uintptr_t)ptr, .size = size, .turn = turn };
	void *frames[FAULTS_BLOCK_FRAMES];
	int n;

	if (!set)
		return;
	n = backtrace(frames, FAULTS_BLOCK_FRAMES);
	for (int i = 0; i < n; i++)
		one.frames[i] = (uintptr_t)frames[i];
	add(&one);
}

void
live_add_like(const void *ptr, size_t size, const struct block *birth)
{
	struct block one = *birth;

	if (!set)
		return;
	one.address = (uintptr_t)ptr;
	one.size = size;
	add(&one);
}

void
live_remove(const void *ptr, struct block *birth)
{
	uint64_t address = (uintptr_t)ptr;

	memset(birth, 0, sizeof(*birth));
	if (!set)
		return;
	pthread_mutex_lock(&lock);
	for (uint32_t *link = head_of(address); *link != 0; link = &set->blocks[*link - 1].next) {
		struct block *one = &set->blocks[*link - 1];
		uint32_t number = *link;

		if (one->address != address)
			continue;
		*link = one->next;
		*birth = *one;
		one->address = 0;
		one->next = set->spare;
		set->spare = number;
		break;
	}
	pthread_mutex_unlock(&lock);
}
