/* SPDX-License-Identifier: MIT */
/*
 * The message that every connection sends, as a whole frame made once: masked with one mask, with room for an
 * id of fixed width that is written in at each sending. One load process.
 */
#ifndef WSLOAD_PAYLOAD_H
#define WSLOAD_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

struct options;

#define PAYLOAD_ID_DIGITS 10

struct payload {
	uint8_t *frame;
	size_t len;
	size_t id_at;                       /* of the id's first digit in frame */
	uint8_t id_mask[PAYLOAD_ID_DIGITS]; /* '0' xored with the mask there */
};

/* WSD_OK, or a negative errno if the payload file cannot be read. */
int payload_init(struct payload *p, const struct options *o, const uint8_t mask[4]);
void payload_deinit(struct payload *p);

/* Writes the frame with this id; out has p->len bytes. */
void payload_write(const struct payload *p, uint8_t *out, uint32_t id);

#endif
