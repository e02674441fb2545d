/* SPDX-License-Identifier: MIT */
/* The table of what is kept; one writer for each byte, so that no lock is needed that a dying process could hold. */
#include "kept/table.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define MAGIC     0x6b657074u
#define RECENT    16 /* deaths whose times are known */
#define MINUTE_MS 60000
#define FDS_MOST  (1u << 20)

struct table {
	uint32_t magic;
	uint32_t n;
	_Atomic uint32_t phase;
	_Atomic uint32_t duty;
	_Atomic uint32_t parking;
	_Atomic uint32_t stuck;     /* of the present server */
	_Atomic uint32_t was_stuck; /* of the one before */
	_Atomic uint32_t farewell;
	_Atomic uint32_t beats;
	int32_t last_signal;
	int32_t end_asked;
	uint32_t n_recent;
	uint64_t recent_ms[RECENT]; /* the newest at (n_recent - 1) % RECENT */
	uint64_t deaths[KEPT_SIGNALS];
	uint64_t deaths_stuck;
	_Atomic uint8_t roles[];
};

static struct table *table; /* [const after start] */
static uint32_t table_n;    /* [const after start] its own copy: what is shared may have been written over */
static int table_fd = -1;   /* [const after start] */

static size_t
bytes(uint32_t n)
{
	return sizeof(struct table) + n;
}

static int
map(int fd, uint32_t n)
{
	void *at = mmap(NULL, bytes(n), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return wsd_errno();
	table = at;
	table_n = n;
	table_fd = fd;
	return WSD_OK;
}

/* Sealed, so that nobody can take it away from under whoever has mapped it. -1 with errno. */
static int
make_memory(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd != -1 && (ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0))
		fd_close(&fd);
	return fd;
}

int
kept_create(void)
{
	struct rlimit limit = { .rlim_max = 0 };
	uint32_t n = FDS_MOST;
	int fd, rc;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < n)
		n = (uint32_t)limit.rlim_max;
	fd = make_memory("wsd-kept", bytes(n));
	if (fd == -1)
		return wsd_errno();
	rc = map(fd, n);
	if (rc != WSD_OK) {
		fd_close(&fd);
		return rc;
	}
	table->magic = MAGIC;
	table->n = n;
	kept_add(fd, KEPT_TABLE);
	return WSD_OK;
}

int
kept_open(int fd)
{
	struct stat st;
	uint32_t head[2];
	int rc = WSD_E_MALFORMED;

	if (fstat(fd, &st) == 0 && pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) && head[0] == MAGIC &&
	    head[1] <= FDS_MOST && st.st_size == (off_t)bytes(head[1]))
		rc = map(fd, head[1]);
	return rc; /* what is none stays open: somebody has named what is theirs, standard error perhaps */
}

int
kept_table_fd(void)
{
	return table_fd;
}

uint32_t
kept_size(void)
{
	return table ? table_n : 0;
}

bool
kept_on(void)
{
	return table != NULL;
}

/* ---- roles ----------------------------------------------------------------------------------- */

static void
set(int fd, enum kept_role role)
{
	if (table && fd >= 0 && (uint32_t)fd < table_n)
		atomic_store_explicit(&table->roles[fd], (uint8_t)role, memory_order_release);
}

void
kept_add(int fd, enum kept_role role)
{
	set(fd, role);
}

void
kept_remove(int fd)
{
	set(fd, KEPT_NOTHING);
}

enum kept_role
kept_role_of(int fd)
{
	if (!table || fd < 0 || (uint32_t)fd >= table_n)
		return KEPT_NOTHING;
	return (enum kept_role)atomic_load_explicit(&table->roles[fd], memory_order_acquire);
}

int
kept_find(enum kept_role role, int from)
{
	for (int fd = from; (uint32_t)fd < kept_size(); fd++)
		if (kept_role_of(fd) == role)
			return fd;
	return -1;
}

void
kept_close_others(void)
{
	DIR *dir = table ? opendir("/proc/self/fd") : NULL;
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO && fd != dirfd(dir) && kept_role_of(fd) == KEPT_NOTHING)
			close(fd);
	}
	closedir(dir);
	/* whoever gets one of these numbers next is not what it was */
	for (int fd = 0; (uint32_t)fd < table_n; fd++)
		if (kept_role_of(fd) != KEPT_NOTHING && fcntl(fd, F_GETFD) == -1)
			kept_remove(fd);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int
find_memory(enum kept_role role, size_t size)
{
	int fd = kept_find(role, 0);
	struct stat st;

	if (fd == -1 || (fstat(fd, &st) == 0 && st.st_size == (off_t)size))
		return fd;
	kept_remove(fd);
	fd_close(&fd);
	return -1;
}

int
kept_map(enum kept_role role, size_t size, void **out)
{
	int fd;

	if (!table)
		return WSD_E_UNSUPPORTED;
	fd = find_memory(role, size);
	if (fd == -1)
		fd = make_memory("wsd-memory", size);
	if (fd == -1)
		return wsd_errno();
	*out = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*out == MAP_FAILED)
		return wsd_errno();
	kept_add(fd, role);
	return WSD_OK;
}

/* ---- deaths ---------------------------------------------------------------------------------- */

uint32_t
kept_died(int signal, uint64_t now_ms)
{
	uint32_t n = 0;

	table->last_signal = signal;
	if (signal > 0 && signal < KEPT_SIGNALS)
		table->deaths[signal]++;
	table->was_stuck = table->stuck;
	table->deaths_stuck += table->stuck != 0;
	table->stuck = 0;
	table->recent_ms[table->n_recent++ % RECENT] = now_ms;
	for (uint32_t i = 0; i < RECENT && i < table->n_recent; i++)
		n += now_ms - table->recent_ms[i] < MINUTE_MS;
	return n;
}

void
kept_set_farewell(void)
{
	atomic_store(&table->farewell, 1);
}

void
kept_ask_end(int signo)
{
	table->end_asked = signo;
}

int
kept_end_asked(void)
{
	return table->end_asked;
}

enum kept_phase
kept_phase(void)
{
	return table ? (enum kept_phase)atomic_load(&table->phase) : KEPT_STARTING;
}

void
kept_set_phase(enum kept_phase phase)
{
	if (table)
		atomic_store(&table->phase, (uint32_t)phase);
}

void
kept_set_duty(enum kept_duty duty)
{
	if (table)
		atomic_store(&table->duty, (uint32_t)duty);
}

enum kept_duty
kept_duty(void)
{
	return table ? (enum kept_duty)atomic_load(&table->duty) : KEPT_RUNNING;
}

void
kept_set_parking(bool parking)
{
	if (table)
		atomic_store(&table->parking, parking);
}

bool
kept_parking(void)
{
	return table && atomic_load(&table->parking);
}

void
kept_beat(void)
{
	if (table)
		atomic_fetch_add_explicit(&table->beats, 1, memory_order_relaxed);
}

uint32_t
kept_beats(void)
{
	return table ? atomic_load_explicit(&table->beats, memory_order_relaxed) : 0;
}

void
kept_set_stuck(void)
{
	if (table)
		atomic_store(&table->stuck, 1);
}

struct kept_death
kept_last_death(void)
{
	struct kept_death d = { .signal = 0 };

	if (!table || table->n_recent == 0)
		return d;
	d.signal = table->last_signal;
	d.count = table->n_recent;
	d.stuck = table->was_stuck != 0;
	d.farewell = table->farewell != 0;
	d.at_ms = table->recent_ms[(table->n_recent - 1) % RECENT];
	return d;
}

uint64_t
kept_deaths(int signal)
{
	return table && signal > 0 && signal < KEPT_SIGNALS ? table->deaths[signal] : 0;
}

uint64_t
kept_deaths_stuck(void)
{
	return table ? table->deaths_stuck : 0;
}
