/* SPDX-License-Identifier: MIT */
/* What the files of libfaults.so share with each other and, in a file that both map, with faults.py. */
#ifndef WSD_TESTS_SUPPORT_FAULTS_H
#define WSD_TESTS_SUPPORT_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAULTS_FRAMES       24
#define FAULTS_BLOCK_FRAMES 16
#define FAULTS_BLOCKS       65536
#define FAULTS_HEADS        16384

#define FAULTS_DEADLY "this message kills the server" /* not masked */

/* As faults.py has them, in this order. */
enum kind {
	MEMORY, /* malloc, calloc, realloc and their kin */
	ACCEPT, /* accept, accept4 */
	SOCKET, /* socket, socketpair */
	OPEN,   /* open, openat */
	EVENTFD,
	EPOLL, /* epoll_ctl that adds */
	DUP,   /* dup, dup2, dup3, fcntl(F_DUPFD) */
	MEMFD,
	SEND_INET, /* any kind of writing to a TCP socket */
	SEND_UNIX, /* to a unix-domain socket */
	RECEIVE,   /* any kind of reading from a TCP socket */
	MAP,       /* mmap by others than libc, which has its own way for malloc() and threads */
	PIPE,      /* pipe, pipe2 */
	TIMERFD,   /* timerfd_create */
	POLL,      /* epoll_create, epoll_create1 */
	KINDS,
};

/* All that is not const after start is one word, so that both sides see it whole. */
struct control {
	_Atomic uint32_t kinds; /* bits: which fail, and are counted in `calls` */
	_Atomic uint32_t first; /* the first that fails, from 1; 0: none */
	_Atomic uint32_t every; /* and each so many after that; 0: no other */
	_Atomic uint32_t error; /* errno */
	_Atomic uint32_t most;  /* bytes that a write to a TCP socket takes; 0: all */
	_Atomic uint32_t calls, failed;
	_Atomic uint32_t n_frames;        /* of the last failure */
	_Atomic uint32_t turn;            /* noted with each block of memory: which try it was made in */
	_Atomic uint32_t keep;            /* of the calls of free(), this one does nothing: a leak; 0: none */
	_Atomic uint32_t frees;           /* calls of free() that count for that */
	_Atomic uint32_t deadly;          /* who reads FAULTS_DEADLY dies of it, by this signal; 0: nobody does */
	_Atomic int64_t real_ms, mono_ms; /* added to the clocks */
	_Atomic int64_t in_use;           /* bytes allocated */
	_Atomic uint64_t frames[FAULTS_FRAMES];
	char thread[16]; /* only those whose name begins so; "!NAME": only others; "": all */
};

/* A block of memory that was allocated and not freed yet. */
struct block {
	uint64_t address; /* 0: there is none here */
	uint64_t size;
	uint32_t turn;
	uint32_t next;                        /* with the same hash, or free: a block's number, from 1 */
	uint64_t frames[FAULTS_BLOCK_FRAMES]; /* the call chain; 0 after the last */
};

struct live {
	uint32_t used;  /* all blocks are below this one */
	uint32_t lost;  /* blocks that there was no room for */
	uint32_t spare; /* the first that is free again */
	uint32_t unused;
	uint32_t heads[FAULTS_HEADS];
	struct block blocks[FAULTS_BLOCKS];
};

/* The file. */
struct shared {
	struct control control;
	struct live live;
};

/* The daemon is not to find these names. */
#pragma GCC visibility push(hidden)

/* faults.c: what the test says; NULL: there is no test. */
extern struct control *_Atomic faults_control;

static inline struct control *
faults_now(void)
{
	return atomic_load_explicit(&faults_control, memory_order_relaxed);
}

/* Whether this call is to fail; errno is set then. */
bool fails(enum kind kind);

/* This thread is in here, and what it calls is passed on. */
extern _Thread_local bool faults_busy __attribute__((tls_model("initial-exec")));

/* Whether this thread is none of those that the test means. */
bool other_thread(const struct control *c);

/* faults_live.c */

/* Forgets what was known, for the process that begins. */
void live_start(struct live *live);

/* Notes a block, with the call chain; like(): as `birth` says, which came from live_remove(). */
void live_add(const void *ptr, size_t size, uint32_t turn);
void live_add_like(const void *ptr, size_t size, const struct block *birth);

/* Forgets a block; *birth tells what was known. */
void live_remove(const void *ptr, struct block *birth);

#pragma GCC visibility pop

/* Who is built for large files calls others, which are the same here. */
_Static_assert(sizeof(off_t) == 8, "off_t");
#define SAME_AS(name) __attribute__((alias(name)))

#endif
