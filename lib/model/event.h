/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_EVENT_H
#define FP_MODEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

/* What a message of a feed says: whom to ban, whom no longer.  fp-sync-amqp.5
 * describes the bodies:
 *   a JSON-RPC notification as OpenSIPS' event_rabbitmq 3.6 sends it,
 *   a JSON object, an array of either,
 *   lines of a list, each with '+' or '-' before it or with nothing. */

#define FP_EVENT_BODY_MAX (1u << 20) /* bytes */
#define FP_EVENT_BANS_MAX 1000
#define FP_EVENT_DEPTH_MAX 8
#define FP_EVENT_WHY_SIZE 201
#define FP_EVENT_BY_SIZE 65

/* Texts fit into a list's meta: cut to size, and what no list line may hold is
 * '?'.  "": not said. */
struct fp_event_ban {
	struct fp_prefix p; /* as it was said, of any length */
	bool is_del;
	int64_t for_s;   /* 0: not said */
	int64_t until_s; /* unix time; 0: not said */
	char why[FP_EVENT_WHY_SIZE];
	char by[FP_EVENT_BY_SIZE];
};

struct fp_event_body {
	struct fp_event_ban *v; /* in the order of the body */
	size_t n;
};

/* All of a body is understood or none of it.
 * 0: free with fp_event_fini.  -EINVAL: e says what is wrong and where ("line
 * 3: ...", "entry 3: ...").  -E2BIG: a limit of above.  -ENOMEM. */
int fp_event_parse(struct fp_event_body *out, const char *body, size_t n,
		   struct fp_err *e);
/* The same of one line, without its '\n', of a list or of JSON.  A blank line or
 * a comment is none: n is 0. */
int fp_event_parse_line(struct fp_event_body *out, const char *s, size_t n,
			struct fp_err *e);
void fp_event_fini(struct fp_event_body *ev);

/* Append a ban as a JSON object on one line, without '\n': fp_event_parse reads
 * the same from it. */
void fp_event_print(struct fp_buf *b, const struct fp_event_ban *ban);

/* s (n bytes) as a text that fits to[size] and a list's meta. */
void fp_event_text(char *to, size_t size, const char *s, size_t n);

#endif
