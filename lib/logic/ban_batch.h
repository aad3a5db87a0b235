/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_BAN_BATCH_H
#define FP_LOGIC_BAN_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "logic/ban.h"
#include "model/list.h"

/* What bans that came together make of a dynamic list. */

enum fp_ban_action {
	FP_BAN_ADDED,
	FP_BAN_EXTENDED,
	FP_BAN_LIFTED,
	FP_BAN_KEPT,    /* already so, or an older word */
	FP_BAN_REFUSED, /* by a limit or a rule */
	FP_BAN_EXPIRED, /* had ended before it came */
	FP_BAN_ACTIONS,
};
const char *fp_ban_action_name(enum fp_ban_action a); /* "added" */

struct fp_ban_said {
	/* in */
	const struct fp_event_ban *said;
	int64_t said_ms;  /* unix time; 0: not known */
	const char *from; /* whose word it is when it does not say */
	/* out */
	enum fp_ban_action action;
	char by[sizeof(FP_BAN_BY) + FP_EVENT_BY_SIZE]; /* "amqp:honeypot" */
	struct fp_ban ban;  /* as it stands now, unless refused or expired */
	struct fp_err note; /* refused, expired, kept as somebody else's: why */
};

/* How many bans may be live.  live is never less than there are: counted when it
 * would be too many, but not twice a second. */
struct fp_ban_room {
	uint64_t max, live;
	int64_t counted_s;
};
void fp_ban_room_init(struct fp_ban_room *r, uint64_t max);

struct fp_ban_place {
	const struct fp_ban_limits *limits;
	struct fp_ban_room *room;
	const struct fp_list *list; /* the words that stand, or NULL: none */
	/* May it be banned here?  0.  -EPERM with a rule.  Another -errno: that
	 * cannot be told, and nothing is done. */
	int (*may)(void *ctx, const struct fp_prefix *p, struct fp_err *e);
	void *ctx;
};

/* Words to write: entries with at=, one a prefix, in order of prefix.  Start with
 * {0}. */
struct fp_ban_words {
	struct fp_entry *v;
	size_t n, n_new; /* n_new: of prefixes that were not banned */
	struct fp_buf metas;
};
void fp_ban_words_fini(struct fp_ban_words *w);

/* Bans v, in their order.  0: when *out is written, add out->n_new to
 * room->live.  -ENOMEM.  What may and the list say.  fp_ban_words_fini in any
 * case. */
int fp_ban_batch(const struct fp_ban_place *place, struct fp_ban_said *v,
		 size_t n, int64_t now_ms, struct fp_ban_words *out,
		 struct fp_err *e);

#endif
