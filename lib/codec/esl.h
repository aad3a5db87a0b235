/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_ESL_H
#define FP_CODEC_ESL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* FreeSWITCH's event socket: blocks of "Name: value" lines that an empty line
 * ends, with a body when they have Content-Length.  Pieces may end at any byte.
 * Source: mod_event_socket of FreeSWITCH 1.10.12 and its captured bytes. */

enum fp_esl_kind {
	FP_ESL_AUTH,       /* auth/request */
	FP_ESL_REPLY,      /* command/reply: text is Reply-Text */
	FP_ESL_RESPONSE,   /* api/response: body */
	FP_ESL_EVENT,      /* text/event-plain, text/event-json: body */
	FP_ESL_DISCONNECT, /* text/disconnect-notice */
	FP_ESL_REJECTED,   /* text/rude-rejection: its ACL does not know us */
	FP_ESL_OTHER,
};
struct fp_esl_frame {
	enum fp_esl_kind kind;
	const char *text; /* Reply-Text or "" */
	const char *head; /* header lines, C string */
	const char *body; /* C string, may hold NUL only at its end */
	size_t body_len;
};

/* Takes bytes in, gives frames out. */
struct fp_esl_reader;
int fp_esl_reader_new(struct fp_esl_reader **out, size_t max_bytes);
void fp_esl_reader_free(struct fp_esl_reader *r);
/* 0; -ENOMEM. */
int fp_esl_feed(struct fp_esl_reader *r, const char *p, size_t n);
/* 1: *out, until the next call.  0: more bytes are needed.  -EBADMSG: this is no
 * event socket (e shows the start).  -EMSGSIZE: longer than max_bytes. */
int fp_esl_next(struct fp_esl_reader *r, struct fp_esl_frame *out,
		struct fp_err *e);
/* Is a frame begun and not whole? */
bool fp_esl_is_mid(const struct fp_esl_reader *r);

/* The value of a header in a block, percent-decoded when is_encoded.
 * false: it is not there, or longer than size - 1. */
bool fp_esl_header(const char *block, const char *name, bool is_encoded,
		   char *out, size_t size);
/* A number member of the JSON of `api json {"command":"status"}`; path with '.',
 * "sessions.count.active"; NaN when it is not there.  The same of text. */
double fp_esl_json_number(const char *body, const char *path);
bool fp_esl_json_text(const char *body, const char *path, char *out,
		      size_t size);

#endif
