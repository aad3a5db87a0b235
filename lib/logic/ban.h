/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_BAN_H
#define FP_LOGIC_BAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/event.h"
#include "model/list.h"

/* What a feed may do.  Its bans come from spoofable packets and from programs
 * of others, so they are hints within limits: single addresses, for a short
 * time, and nothing that somebody else said is undone.  Pure: the caller reads
 * lists and clocks. */

/* The longest time a ban of a feed may be given. */
#define FP_BAN_TTL_MAX_S 86400
/* Words of feeds are said by= this and the feed's name. */
#define FP_BAN_BY "amqp:"

struct fp_ban_limits {
	int64_t ttl_s;     /* of a ban that says none */
	int64_t max_ttl_s; /* longer ones are cut; at most FP_BAN_TTL_MAX_S */
	bool is_del_ok;
};

struct fp_ban {
	struct fp_prefix p; /* an IPv4 host or an IPv6 /64 */
	bool is_del;
	int64_t at_ms;   /* when it was said; unix time */
	int64_t until_s; /* is_del: not later than at_ms */
};

/* What the limits make of a ban said at said_ms (0, or in the future: now).
 * An IPv6 address becomes its /64; an end beyond max_ttl_s is cut.
 * 0.  -EPERM, rule host: more than an address; rule del: not is_del_ok.
 * -ETIME: it has ended. */
int fp_ban_limit(struct fp_ban *out, const struct fp_ban_limits *l,
		 const struct fp_event_ban *said, int64_t said_ms,
		 int64_t now_ms, struct fp_err *e);

enum fp_ban_step {
	FP_BAN_NEW,    /* was not banned */
	FP_BAN_LONGER, /* was, and now has a later word */
	FP_BAN_LIFT,
	FP_BAN_KEEP,   /* nothing to do: so already, or an older word */
	FP_BAN_THEIRS, /* banned by somebody who is no feed: stays as it is */
};

/* What b does to the word that stands: until_s 0 with at_ms 0 and is_there false
 * when there is none. */
struct fp_ban_word {
	bool is_there, is_feed;
	int64_t at_ms, until_s; /* until_s 0: for ever */
};
/* x NULL: none. */
struct fp_ban_word fp_ban_word(const struct fp_entry *x);

/* Join *b to what stands: a live ban is never shortened, the later of two ends
 * and of two at= count, so that in whatever order bans arrive the same is left.
 * A ban and a lift of the same second (a broker's clock has no finer one) count
 * in the order they come.  Not for FP_BAN_KEEP and _THEIRS: *b is what to
 * write. */
enum fp_ban_step fp_ban_join(struct fp_ban *b, const struct fp_ban_word *old,
			     int64_t now_s);

/* A token bucket that holds a second's worth and can be overdrawn once. */
struct fp_ban_rate {
	int64_t per_s, left; /* left: thousandths */
	int64_t at_ms;       /* CLOCK_MONOTONIC */
};
void fp_ban_rate_init(struct fp_ban_rate *r, int64_t per_s, int64_t now_ms);
/* How long to wait until there is one: 0, go ahead. */
int64_t fp_ban_rate_wait_ms(struct fp_ban_rate *r, int64_t now_ms);
/* After that: how many there are, rounded up. */
uint64_t fp_ban_rate_left(const struct fp_ban_rate *r);
void fp_ban_rate_take(struct fp_ban_rate *r, uint64_t n);

#endif
