/* SPDX-License-Identifier: MIT */
/*
 * A page with the head, then the circle. The circle is mapped twice, one behind the other, so that a record that goes
 * on at its beginning is in one piece for us.
 */
#include "broker/records.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"

#define MAGIC     0x31676f6c20647377u /* "wsd log1"; to be changed with the layout of records */
#define HEAD_SIZE 4096u               /* a page, or some */
#define SUMMED    offsetof(struct record, size)

struct records_head {
	uint64_t magic;
	uint64_t bytes;
	_Atomic uint64_t first;
	_Atomic uint64_t end;
};

struct records {
	int fd;
	size_t bytes;
	size_t head_bytes; /* what the head takes: pages, whose size is the machine's */
	struct records_head *head;
	char *circle;
	size_t begun; /* of records_begin() */
	uint64_t first, end;
};

/* Finds damage, not malice; with the place, so that what was written there a lap ago is no record. Four sums side by
 * side, since each waits for its multiplication. */
static uint64_t
sum_of(const struct record *r, uint64_t place, size_t size)
{
	const uint64_t *words = (const uint64_t *)((const char *)r + SUMMED);
	size_t n = (size - SUMMED) / 8, i = 0;
	uint64_t sum[4] = { place, size, 1, 2 };

	for (; i + 4 <= n; i += 4)
		for (size_t j = 0; j < 4; j++) {
			sum[j] = (sum[j] ^ words[i + j]) * 0x9e3779b97f4a7c15u;
			sum[j] ^= sum[j] >> 32;
		}
	for (; i < n; i++) {
		sum[0] = (sum[0] ^ words[i]) * 0x9e3779b97f4a7c15u;
		sum[0] ^= sum[0] >> 32;
	}
	for (size_t j = 1; j < 4; j++)
		sum[0] = ((sum[0] >> 29 | sum[0] << 35) ^ sum[j]) * 0x9e3779b97f4a7c15u;
	return sum[0] ^ sum[0] >> 32;
}

/* ---- mapping --------------------------------------------------------------------------------- */

static size_t
head_bytes(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return page > HEAD_SIZE ? page : HEAD_SIZE;
}

static bool
map_at(void *where, size_t bytes, int fd, size_t from)
{
	return mmap(where, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)from) != MAP_FAILED;
}

static int
map_all(struct records *records)
{
	size_t all = records->head_bytes + 2 * records->bytes;
	char *at = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return wsd_errno();
	records->head = (struct records_head *)at;
	records->circle = at + records->head_bytes;
	if (map_at(at, records->head_bytes + records->bytes, records->fd, 0) &&
	    map_at(records->circle + records->bytes, records->bytes, records->fd, records->head_bytes))
		return WSD_OK;
	return wsd_errno();
}

static int
make_file(struct records *records)
{
	records->fd = memfd_create("wsd-channels", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (records->fd < 0 || ftruncate(records->fd, (off_t)(records->head_bytes + records->bytes)) ||
	    fcntl(records->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return wsd_errno();
	return WSD_OK;
}

/* Only what cannot be cut off is mapped: to read behind a file's end is deadly. */
static int
look_at_file(struct records *records)
{
	struct stat st;
	int seals = fcntl(records->fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(records->fd, &st))
		return WSD_E_MALFORMED;
	if (st.st_size <= (off_t)records->head_bytes || (size_t)st.st_size % records->head_bytes)
		return WSD_E_MALFORMED;
	records->bytes = (size_t)st.st_size - records->head_bytes;
	return WSD_OK;
}

int
records_create(struct records **out, size_t bytes)
{
	struct records *records = calloc(1, sizeof(*records));
	int rc;

	*out = NULL;
	if (!records)
		return -ENOMEM;
	records->head_bytes = head_bytes();
	records->bytes = (bytes + records->head_bytes - 1) / records->head_bytes * records->head_bytes;
	rc = make_file(records);
	if (rc == WSD_OK)
		rc = map_all(records);
	if (rc != WSD_OK) {
		records_destroy(&records);
		return rc;
	}
	records->head->bytes = records->bytes;
	records->head->magic = MAGIC;
	*out = records;
	return WSD_OK;
}

void
records_destroy(struct records **records)
{
	if (!*records)
		return;
	if ((*records)->head)
		munmap((*records)->head, (*records)->head_bytes + 2 * (*records)->bytes);
	fd_close(&(*records)->fd);
	free(*records);
	*records = NULL;
}

/* ---- what another process has left ----------------------------------------------------------- */

static bool
is_whole(const struct records *records, uint64_t place)
{
	size_t most = records->bytes - (place - records->first);
	const struct record *r = (const struct record *)(records->circle + place % records->bytes);
	struct slice texts[RECORD_TEXTS];
	size_t size;

	if (most < sizeof(*r))
		return false;
	size = r->size;
	if (size < sizeof(*r) || size > most || size % 8 || r->kind > RECORD_POSITION || r->name_len == 0)
		return false;
	if (r->kind == RECORD_POSITION)
		return size == record_size(NULL, r->name_len) && r->sum == sum_of(r, place, size);
	if (size < sizeof(struct record_event) || r->sum != sum_of(r, place, size))
		return false;
	record_texts((const struct record_event *)r, texts);
	return size == record_size(texts, r->name_len);
}

/* From the first one as far as there are records: the last of them may have been written whole, and the end not moved
 * yet. If they do not even reach the end, there is damage. */
static int
find_all(struct records *records)
{
	struct records_head *head = records->head;
	uint64_t end = atomic_load_explicit(&head->end, memory_order_acquire);

	records->first = atomic_load_explicit(&head->first, memory_order_acquire);
	if (head->magic != MAGIC || head->bytes != records->bytes || records->first % 8 || end < records->first ||
	    end - records->first > records->bytes)
		return WSD_E_MALFORMED;
	for (records->end = records->first; is_whole(records, records->end);)
		records->end += ((const struct record *)(records->circle + records->end % records->bytes))->size;
	if (records->end < end)
		return WSD_E_MALFORMED;
	atomic_store_explicit(&head->end, records->end, memory_order_release);
	return WSD_OK;
}

int
records_open(struct records **out, int fd)
{
	struct records *records = calloc(1, sizeof(*records));
	int rc;

	*out = NULL;
	if (!records) {
		fd_close(&fd);
		return -ENOMEM;
	}
	records->fd = fd;
	records->head_bytes = head_bytes();
	rc = look_at_file(records);
	if (rc == WSD_OK)
		rc = map_all(records);
	if (rc == WSD_OK)
		rc = find_all(records);
	if (rc != WSD_OK)
		records_destroy(&records);
	*out = records;
	return rc;
}

/* ---- records --------------------------------------------------------------------------------- */

int
records_fd(const struct records *records)
{
	return records->fd;
}

size_t
records_bytes(const struct records *records)
{
	return records->bytes;
}

size_t
records_room(const struct records *records)
{
	return records->bytes - (records->end - records->first);
}

uint64_t
records_first(const struct records *records)
{
	return records->first;
}

uint64_t
records_end(const struct records *records)
{
	return records->end;
}

struct record *
records_at(const struct records *records, uint64_t place)
{
	CHECK(place >= records->first && place < records->end);
	return (struct record *)(records->circle + place % records->bytes);
}

struct record *
records_begin(struct records *records, size_t size)
{
	char *at = records->circle + records->end % records->bytes;

	CHECK(size % 8 == 0 && size <= records_room(records));
	memset(at + size - 8, 0, 8); /* what is behind the last text */
	records->begun = size;
	return (struct record *)at;
}

uint64_t
records_commit(struct records *records)
{
	uint64_t place = records->end;
	struct record *r = (struct record *)(records->circle + place % records->bytes);

	r->size = (uint32_t)records->begun;
	memset(r->unused, 0, sizeof(r->unused));
	r->sum = sum_of(r, place, records->begun);
	records->end += records->begun;
	atomic_store_explicit(&records->head->end, records->end, memory_order_release);
	return place;
}

void
records_drop_first(struct records *records)
{
	records->first += records_at(records, records->first)->size;
	atomic_store_explicit(&records->head->first, records->first, memory_order_release);
	/* nothing that is written from now on may be seen before that */
	atomic_thread_fence(memory_order_seq_cst);
}

/* ---- their insides --------------------------------------------------------------------------- */

size_t
record_size(const struct slice *texts, uint8_t name_len)
{
	size_t size = (texts ? sizeof(struct record_event) : sizeof(struct record)) + name_len;

	for (size_t i = 0; texts && i < RECORD_TEXTS; i++) {
		if (texts[i].len > UINT32_MAX / 2 - size)
			return SIZE_MAX;
		size += texts[i].len;
	}
	return (size + 7) / 8 * 8;
}

void
record_texts(const struct record_event *e, struct slice texts[RECORD_TEXTS])
{
	const char *at = (const char *)(e + 1) + e->head.name_len;

	for (size_t i = 0; i < RECORD_TEXTS; i++) {
		texts[i] = (struct slice){ at, e->lens[i] };
		at += e->lens[i];
	}
}
