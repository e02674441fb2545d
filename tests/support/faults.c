/* SPDX-License-Identifier: MIT */
/*
 * Faults for tests/system/test_faults_memory.py: a library to be preloaded, between the daemon and libc. What is to
 * fail stands in a file (FAULTS_CONTROL) that the test maps as well, so that it can be said while the daemon
 * runs; until then everything is passed on. Any thread. Allocates nothing itself, and asks the kernel without
 * libc's wrappers, which are what is replaced here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

/* As faults.py has them, in this order. */
enum kind {
	MEMORY,	     /* malloc, calloc, realloc and their kin */
	ACCEPT,	     /* accept, accept4 */
	SOCKET,	     /* socket, socketpair */
	OPEN,	     /* open, openat */
	EVENTFD,
	EPOLL,	     /* epoll_ctl that adds */
	DUP,	     /* dup, dup2, dup3, fcntl(F_DUPFD) */
	MEMFD,
	SEND_INET,   /* any kind of writing to a TCP socket */
	SEND_UNIX,   /* to a unix-domain socket */
	RECEIVE,     /* any kind of reading from a TCP socket */
	MAP,	     /* mmap by others than libc, which has its own way for malloc() and threads */
	PIPE,	     /* pipe, pipe2 */
	TIMERFD,     /* timerfd_create */
	POLL,	     /* epoll_create, epoll_create1 */
	KINDS,
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);

static struct control *_Atomic control;
static int (*real_clock)(clockid_t id, struct timespec *ts); /* the vDSO's, by way of libc: a thousand a second */
static _Thread_local bool busy __attribute__((tls_model("initial-exec")));

static __attribute__((constructor)) void
start(void)
{
	const char *path = getenv("FAULTS_CONTROL");
	void *frames[2];
	void *map;
	int fd;

	real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
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
	atomic_store(&control, &((struct shared *)map)->control);
}

static bool
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

/* Whether this call is to fail; errno is set then. */
static bool
fails(enum kind kind)
{
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);
	uint32_t n, first, every;
	int error;

	if (!c || busy || !(c->kinds & 1u << kind))
		return false;
	busy = true;
	if (other_thread(c)) {
		busy = false;
		return false;
	}
	n = atomic_fetch_add(&c->calls, 1) + 1;
	first = c->first;
	every = c->every;
	error = (int)c->error;
	if (first == 0 || n < first || (n > first && (every == 0 || (n - first) % every != 0))) {
		busy = false;
		return false;
	}
	note_place(c);
	atomic_fetch_add(&c->failed, 1);
	busy = false;
	errno = error;
	return true;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void
count_bytes(int64_t bytes)
{
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);

	if (c)
		atomic_fetch_add_explicit(&c->in_use, bytes, memory_order_relaxed);
}

/* A block that is new; `birth`: what it was before realloc(), if that is known. */
static void *
counted(void *ptr, const struct block *birth)
{
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);
	bool within = busy;
	size_t size;

	if (!ptr || !c)
		return ptr;
	size = malloc_usable_size(ptr);
	count_bytes((int64_t)size);
	busy = true;
	if (birth && birth->address != 0)
		live_add_like(ptr, size, birth);
	else
		live_add(ptr, size, c->turn);
	busy = within;
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
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);

	if (!c || c->keep == 0 || busy || other_thread(c))
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
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);
	bool within = busy;
	void *ptr;

	if (fails(MAP))
		return MAP_FAILED;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is what the kernel returns */
	ptr = (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
	if (ptr == MAP_FAILED || !c)
		return ptr;
	busy = true;
	live_add(ptr, len, c->turn);
	busy = within;
	return ptr;
}

int
munmap(void *ptr, size_t len)
{
	struct block birth;

	live_remove(ptr, &birth);
	return (int)syscall(SYS_munmap, ptr, len);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

int
accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
	return fails(ACCEPT) ? -1 : (int)syscall(SYS_accept4, fd, peer, len, flags);
}

int
accept(int fd, struct sockaddr *peer, socklen_t *len)
{
	return accept4(fd, peer, len, 0);
}

int
socket(int domain, int type, int protocol)
{
	return fails(SOCKET) ? -1 : (int)syscall(SYS_socket, domain, type, protocol);
}

int
socketpair(int domain, int type, int protocol, int fds[2])
{
	return fails(SOCKET) ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}

static int
open_at(int at, const char *path, int flags, va_list args)
{
	mode_t mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;

	return fails(OPEN) ? -1 : (int)syscall(SYS_openat, at, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	int fd;

	va_start(args, flags);
	fd = open_at(AT_FDCWD, path, flags, args);
	va_end(args);
	return fd;
}

int
openat(int at, const char *path, int flags, ...)
{
	va_list args;
	int fd;

	va_start(args, flags);
	fd = open_at(at, path, flags, args);
	va_end(args);
	return fd;
}

int
eventfd(unsigned int count, int flags)
{
	return fails(EVENTFD) ? -1 : (int)syscall(SYS_eventfd2, count, flags);
}

/* What is watched already is no new watch: the kernel says EEXIST before it looks for room or memory. */
int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int rc = (int)syscall(SYS_epoll_ctl, epfd, op, fd, event), error;

	if (rc != 0 || op != EPOLL_CTL_ADD || !fails(EPOLL))
		return rc;
	error = errno;
	syscall(SYS_epoll_ctl, epfd, EPOLL_CTL_DEL, fd, event);
	errno = error;
	return -1;
}

int
epoll_create1(int flags)
{
	return fails(POLL) ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int
epoll_create(int size)
{
	(void)size;
	return epoll_create1(0);
}

int
dup(int fd)
{
	return fails(DUP) ? -1 : (int)syscall(SYS_dup, fd);
}

/* The third argument is passed on as the word that it is, whatever it means. */
int
fcntl(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && fails(DUP))
		return -1;
	return (int)syscall(SYS_fcntl, fd, command, arg);
}

/* A number that is in use already needs no room in the table, so that this cannot fail. */
static bool
taken(int fd)
{
	return syscall(SYS_fcntl, fd, F_GETFD) != -1;
}

int
dup3(int fd, int number, int flags)
{
	return !taken(number) && fails(DUP) ? -1 : (int)syscall(SYS_dup3, fd, number, flags);
}

int
dup2(int fd, int number)
{
	if (!taken(number) && fails(DUP))
		return -1;
	return fd == number ? (taken(fd) ? fd : -1) : (int)syscall(SYS_dup3, fd, number, 0);
}

int
memfd_create(const char *name, unsigned int flags)
{
	return fails(MEMFD) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

int
pipe2(int fds[2], int flags)
{
	return fails(PIPE) ? -1 : (int)syscall(SYS_pipe2, fds, flags);
}

int
pipe(int fds[2])
{
	return pipe2(fds, 0);
}

int
timerfd_create(int id, int flags)
{
	return fails(TIMERFD) ? -1 : (int)syscall(SYS_timerfd_create, id, flags);
}

/* Who is built for large files calls these; here they are the same. */
_Static_assert(sizeof(off_t) == 8, "off_t");
#define SAME_AS(name) __attribute__((alias(name)))
int open64(const char *path, int flags, ...) SAME_AS("open");
int openat64(int at, const char *path, int flags, ...) SAME_AS("openat");
int fcntl64(int fd, int command, ...) SAME_AS("fcntl");
void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset) SAME_AS("mmap");

/* ---- sockets --------------------------------------------------------------------------------- */

static bool
armed(enum kind kind)
{
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);

	return c && !busy && ((c->kinds & 1u << kind) || c->most != 0);
}

static int
family(int fd)
{
	int domain = AF_UNSPEC, saved = errno;
	socklen_t len = sizeof(domain);

	if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0)
		domain = AF_UNSPEC;
	errno = saved;
	return domain;
}

static bool
send_fails(int fd)
{
	int domain;

	if (!armed(SEND_INET) && !armed(SEND_UNIX))
		return false;
	domain = family(fd);
	if (domain == AF_UNIX)
		return fails(SEND_UNIX);
	return (domain == AF_INET || domain == AF_INET6) && fails(SEND_INET);
}

static bool
receive_fails(int fd)
{
	int domain;

	if (!armed(RECEIVE))
		return false;
	domain = family(fd);
	return (domain == AF_INET || domain == AF_INET6) && fails(RECEIVE);
}

/* Of so many bytes, as many as are to be taken. */
static size_t
cut(int fd, size_t len)
{
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);
	uint32_t most = c ? c->most : 0;
	int domain;

	if (most == 0 || len <= most)
		return len;
	domain = family(fd);
	return domain == AF_INET || domain == AF_INET6 ? most : len;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	return send_fails(fd) ? -1 : syscall(SYS_write, fd, data, cut(fd, len));
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	if (send_fails(fd))
		return -1;
	if (n > 0 && cut(fd, SIZE_MAX) != SIZE_MAX)
		return syscall(SYS_write, fd, iov[0].iov_base, cut(fd, iov[0].iov_len));
	return syscall(SYS_writev, fd, iov, n);
}

ssize_t
sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	return send_fails(fd) ? -1 : syscall(SYS_sendto, fd, data, cut(fd, len), flags, to, to_len);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	return sendto(fd, data, len, flags, NULL, 0);
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct iovec one;
	struct msghdr less = *msg;

	if (send_fails(fd))
		return -1;
	if (msg->msg_iovlen > 0 && cut(fd, SIZE_MAX) != SIZE_MAX) {
		one = (struct iovec){ msg->msg_iov[0].iov_base, cut(fd, msg->msg_iov[0].iov_len) };
		less.msg_iov = &one;
		less.msg_iovlen = 1;
		msg = &less;
	}
	return syscall(SYS_sendmsg, fd, msg, flags);
}

ssize_t
read(int fd, void *data, size_t len)
{
	return receive_fails(fd) ? -1 : syscall(SYS_read, fd, data, len);
}

ssize_t
recvfrom(int fd, void *restrict data, size_t len, int flags, struct sockaddr *restrict from,
	 socklen_t *restrict from_len)
{
	return receive_fails(fd) ? -1 : syscall(SYS_recvfrom, fd, data, len, flags, from, from_len);
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	return recvfrom(fd, data, len, flags, NULL, NULL);
}

/* ---- clocks ---------------------------------------------------------------------------------- */

static void
add_ms(struct timespec *ts, int64_t ms)
{
	int64_t ns = ts->tv_nsec + ms % 1000 * 1000000;

	ts->tv_sec += ms / 1000;
	if (ns >= 1000000000) {
		ts->tv_sec++;
		ns -= 1000000000;
	} else if (ns < 0) {
		ts->tv_sec--;
		ns += 1000000000;
	}
	ts->tv_nsec = ns;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	struct control *c = atomic_load_explicit(&control, memory_order_relaxed);
	int rc = real_clock ? real_clock(id, ts) : (int)syscall(SYS_clock_gettime, id, ts);

	if (rc != 0 || !c)
		return rc;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		add_ms(ts, c->real_ms);
	else if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME)
		add_ms(ts, c->mono_ms);
	return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
