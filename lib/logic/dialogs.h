/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_DIALOGS_H
#define FP_LOGIC_DIALOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/dialogs.h"

/* The dialogs of one node: a set by call-id, under 1 kB each.  Pure. */
struct fp_dialogs;

struct fp_dialog { /* texts are the set's */
	const char *callid, *from_uri, *to_uri, *tag;
	const char *caller_bind, *callee_bind;
	const char *caller_media, *callee_media, *caller_sent, *callee_sent;
	int64_t started_s;
	uint64_t sdp_hash;
	uint8_t state;
	uint8_t n_callees; /* 255: as many or more */
	uint8_t passes;    /* in how many passes of the listing it was seen */
	bool is_anchored;  /* media is relayed: see codec/dialogs.h */
};

struct fp_dialogs *fp_dialogs_new(void);    /* NULL: no memory */
void fp_dialogs_free(struct fp_dialogs *s); /* NULL is allowed */
/* A pass begins: what it does not see ended meanwhile. */
void fp_dialogs_pass(struct fp_dialogs *s);
/* Put in, or replace what was seen before (in this pass: a page that shifted).
 * 1: it is new to the set.  0.  -ENOMEM. */
int fp_dialogs_add(struct fp_dialogs *s, const struct fp_os_dialog *d);
/* Was it seen in this pass? */
bool fp_dialogs_is_seen(const struct fp_dialogs *s, const char *callid);
/* The passes are over: what the last one did not see is dropped; sorted by
 * call-id. */
void fp_dialogs_done(struct fp_dialogs *s);

size_t fp_dialogs_n(const struct fp_dialogs *s);
const struct fp_dialog *fp_dialogs_at(const struct fp_dialogs *s, size_t i);
/* NULL: not there. */
const struct fp_dialog *fp_dialogs_find(const struct fp_dialogs *s,
					const char *callid);
/* Bytes it takes. */
size_t fp_dialogs_bytes(const struct fp_dialogs *s);

/* Is it answered (state 3, 4)?  Is it still being set up (1, 2)? */
bool fp_dialog_is_up(const struct fp_dialog *d);
bool fp_dialog_is_early(const struct fp_dialog *d);
/* Have two copies another SDP?  Not where one does not know it: a fork. */
bool fp_dialog_is_other_sdp(const struct fp_dialog *a,
			    const struct fp_dialog *b);

/* What two nodes have that is not alike: in a alone (b NULL), in b alone (a NULL), or
 * in both with another state or SDP (where both know it).  Dialogs that end are left
 * out, and those that are being set up: they are copied when they are answered.
 * After fp_dialogs_done.  Stops at non-zero, and returns it. */
int fp_dialogs_compare(const struct fp_dialogs *a, const struct fp_dialogs *b,
		       int (*each)(void *ctx, const struct fp_dialog *a,
				   const struct fp_dialog *b),
		       void *ctx);

/* Which calls a command is about; what is not set is any. */
struct fp_select {
	const char *const *tags; /* n_tags 0: any */
	size_t n_tags;
	const char *const *callids;
	size_t n_callids;
	const char *from_prefix, *to_prefix; /* of the URIs, with or without
						"sip:" */
	const char *media;                   /* address: one of the four */
	/* 0: any; age at now_s: at least, below.  One that is not answered has
	 * no age: it is not older. */
	int64_t older_s, younger_s;
	size_t count; /* 0: all; the oldest first */
};
/* Does it match (but for count)? */
bool fp_select_matches(const struct fp_select *q, const struct fp_dialog *d,
		       int64_t now_s);
/* Those that match and are up, the oldest first, at most count.  0: *out, free(3); *n.  *n_early
 * (may be NULL): those that match but are still being set up: left alone.
 * -ENOMEM. */
int fp_select(const struct fp_select *q, const struct fp_dialogs *s,
	      int64_t now_s, const struct fp_dialog ***out, size_t *n,
	      size_t *n_early);

/* The body that keeps a call's media right: inbound where a media proxy anchors it
 * (what was sent on has another address than what came), else outbound.
 * Source: facts/freeswitch-2.md 3: the wrong one makes a loop in rtpengine, or
 * sends media past it. */
enum fp_body { FP_BODY_AUTO, FP_BODY_OUTBOUND, FP_BODY_INBOUND };
const char *fp_body_name(enum fp_body b); /* "auto" "outbound" "inbound" */
enum fp_body fp_dialog_body(const struct fp_dialog *d);

#endif
