/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_SENDER_HELLO_H
#define FP_LOGIC_SENDER_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/wire.h"
#include "model/list.h"

/* What a node says of itself in answer to HELLO; fp-sync-protocol.5. */

#define FP_HELLO_LISTS_MAX 4096 /* a node may have no more */
#define FP_PUSH_ID_SIZE 65      /* of a push id, with its NUL */

struct fp_hello_list {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	enum fp_owner owner;
	uint64_t entries;
	char digest[65]; /* "": not pushed, or not readable */
};

/* Strings are "" and numbers 0 when the node did not say. */
struct fp_hello {
	char name[256], version[32];
	int64_t clock_ms; /* unix time there */
	char policy[65];
	/* the push it accepted last; "": none yet */
	char accepted[FP_PUSH_ID_SIZE], accepted_by[256], accepted_policy[65];
	int64_t accepted_at_s; /* unix time */
	/* a push that is taken back unless it is confirmed; "": none */
	char pending[FP_PUSH_ID_SIZE];
	int64_t pending_s; /* from now */
	char filter[16];   /* attached, loaded, none */
	char mode[16];     /* of the lists: enforce, observe, off */
	char tables[16];   /* ok, behind */
	int64_t bypass_s;  /* 0: not bypassed */
	uint64_t nics, n_words, broken;
	char words[65];             /* digest of all dynamic words */
	struct fp_hello_list *list; /* in order of name */
	size_t n_lists;
};

/* m: the answer to a HELLO.  0: *out is the caller's (fp_hello_fini).
 * -EBADMSG: not such an answer.  -EPROTO: a version that we do not speak. */
int fp_hello_read(struct fp_hello *out, const struct fp_wire_msg *m,
		  struct fp_err *e);
void fp_hello_fini(struct fp_hello *h);
/* A list of the node, or NULL. */
const struct fp_hello_list *fp_hello_find(const struct fp_hello *h,
					  const char *name);
/* Its filter is not what its lists say; the next writer there mends that. */
bool fp_hello_is_behind(const struct fp_hello *h);

#endif
