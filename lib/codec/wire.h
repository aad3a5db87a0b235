/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_WIRE_H
#define FP_CODEC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Frames between fp-sync and fp-sync receive; fp-sync-protocol.5 is the source.
 *
 *   u32 big endian: length of the rest | u8 type | "key=value\n"... "\n" | body
 *
 * A frame of a type alone has no fields and no body. */

#define FP_WIRE_VERSION 1
#define FP_WIRE_FRAME_MAX (1u << 20) /* length of the rest */
#define FP_WIRE_FIELDS_MAX 48
#define FP_WIRE_VALUE_MAX 4096
#define FP_WIRE_BODY_MAX (FP_WIRE_FRAME_MAX - 16384) /* what a sender puts in */

enum fp_wire_type {
	FP_WIRE_CHANGE = 'A',
	FP_WIRE_BACK = 'B',
	FP_WIRE_COMMIT = 'C',
	FP_WIRE_DATA = 'D',
	FP_WIRE_END = 'E',
	FP_WIRE_FAIL = 'F',
	FP_WIRE_GET = 'G',
	FP_WIRE_HELLO = 'H',
	FP_WIRE_OK = 'K',
	FP_WIRE_LIST = 'L',
	FP_WIRE_MODE = 'M',
	FP_WIRE_NOTE = 'T',
	FP_WIRE_CONFIRM = 'U',
	FP_WIRE_WORDS = 'V',
	FP_WIRE_WANT = 'W',
	FP_WIRE_DROP = 'X',
	FP_WIRE_WHY = 'Y',
};

struct fp_wire_field {
	const char *key, *value; /* not NUL-terminated */
	uint32_t key_len, value_len;
};

/* A message; everything points into the bytes it was read from. */
struct fp_wire_msg {
	enum fp_wire_type type;
	size_t n_fields;
	struct fp_wire_field field[FP_WIRE_FIELDS_MAX];
	const char *body;
	size_t body_len;
};

/* Read one message from the start of buf.  1: *out filled, *used bytes consumed.
 * 0: more bytes are needed (never more than FP_WIRE_FRAME_MAX + 4).
 * -EBADMSG: not a message of ours (e says why; the session is over). */
int fp_wire_read(const char *buf, size_t n, size_t *used,
		 struct fp_wire_msg *out, struct fp_err *e);

/* The value of a field, NUL-terminated, into out.  false: absent, or longer
 * than size - 1. */
bool fp_wire_str(const struct fp_wire_msg *m, const char *key, char *out,
		 size_t size);
/* Decimal, 0..max; absent: *out = absent.  0; -EBADMSG: not such a number. */
int fp_wire_u64(const struct fp_wire_msg *m, const char *key, uint64_t max,
		uint64_t absent, uint64_t *out, struct fp_err *e);
/* As above, at least -max. */
int fp_wire_i64(const struct fp_wire_msg *m, const char *key, int64_t max,
		int64_t absent, int64_t *out, struct fp_err *e);

/* Write a message: begin, any fields, at most one body, end.  Values are made
 * fit: control characters and invalid UTF-8 become '?', what is too long is cut.
 * A failed allocation, or a frame longer than FP_WIRE_FRAME_MAX, stands in
 * b->is_failed. */
size_t fp_wire_begin(struct fp_buf *b, enum fp_wire_type type);
void fp_wire_put(struct fp_buf *b, const char *key, const char *value);
void fp_wire_put_u64(struct fp_buf *b, const char *key, uint64_t value);
void fp_wire_put_i64(struct fp_buf *b, const char *key, int64_t value);
/* NULL, 0: no body yet; more may follow by fp_buf_add until end. */
void fp_wire_body(struct fp_buf *b, const void *body, size_t n);
void fp_wire_end(struct fp_buf *b, size_t begin);

/* A FAIL in answer, the whole frame: code ("stale"), err (-errno, sent by its
 * name), *e's text and rule. */
void fp_wire_put_fail(struct fp_buf *b, const char *code, int err,
		      const struct fp_err *e);
/* And back: *code ("failed" when there is none) and *e are filled.  Returns the
 * -errno, -EREMOTEIO for a name that is none here. */
int fp_wire_fail(const struct fp_wire_msg *m, char *code, size_t size,
		 struct fp_err *e);

#endif
