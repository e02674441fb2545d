/* SPDX-License-Identifier: MIT */
/*
 * Circular, doubly linked, intrusive list. A node that is in no list points at itself, so that unlinking twice is
 * harmless. Not locked: one thread at a time.
 */
#ifndef WSD_BASE_LIST_H
#define WSD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_ENTRY(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* Appends node, which must be in no list, at the end. */
static inline void
list_append(struct list *l, struct list *node)
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}

static inline void
list_unlink(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Moves all of from to the end of to. */
static inline void
list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	from->prev->next = to;
	to->prev->next = from->next;
	to->prev = from->prev;
	list_init(from);
}

/* The body may unlink or free n. */
#define list_foreach(n, l) \
	for (struct list *n = (l)->next, *n##_next_ = n->next; n != (l); n = n##_next_, n##_next_ = n->next)

#endif
