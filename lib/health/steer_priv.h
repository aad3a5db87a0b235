/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_STEER_PRIV_H
#define FP_HEALTH_STEER_PRIV_H

/* What the files of steer.h share; not for others. */

#include "health/proxies.h"
#include "health/steer.h"
#include "health/steer_match.h"
#include "health/steer_store.h"

/* One destination of one proxy, in a round. */
struct steer_dest {
	struct fp_proxy *proxy;
	const struct fp_view_dest *dest; /* NULL: gone, a lease is left */
	const struct fp_host *node;
	struct fp_lease lease; /* when has_lease */
	bool has_lease;
	bool is_unmapped; /* whom it leads to cannot be told now */
	char why[200];
	struct fp_steer_step step;
};

/* What was said of a destination that is held back, or could be two nodes. */
struct steer_heard {
	char *key, *text;
	bool is_new; /* said in this round */
};

/* A command whose answer was lost: what comes of it is told when it is seen. */
struct steer_doubt {
	struct fp_lease lease;
	enum fp_steer_act act;
	char why[240];
};

struct fp_steer {
	struct fp_steer_setup o;
	struct fp_steer_store *store;
	bool is_alone;         /* it is in memory, and fp_db is looked for */
	int64_t looked_ms;     /* for it */
	struct fp_lease *kept; /* of that memory, for fp_db */
	size_t n_kept;
	struct fp_proxies proxies;
	struct fp_names *names;
	struct fp_places places;
	struct fp_timer tick;
	bool is_round, is_again; /* under way; another one is due after it */
	/* of the round */
	int64_t now_s; /* the clock of leases */
	const struct fp_lease *lease;
	size_t n_leases;
	struct steer_dest *v;
	size_t n, at;
	int64_t look_until_ms; /* what was set may be undone until then */
	/* the last note of each kind */
	char said_store[600], said_stale[100], said_db[600];
	/* what we hold, as far as we know */
	struct fp_lease *held;
	size_t n_held;
	bool is_held_read, is_held_new;
	struct fp_lease *all; /* of fp_db, and those it lost */
	struct steer_doubt *doubt;
	size_t n_doubts;
	struct steer_heard *heard;
	size_t n_heard;
	struct fp_steer_counts counts;
};

/* ---- steer_plan.c */

/* Destinations of all proxies that were read, their leases, and the steps.
 * 0; -ENOMEM. */
int fp_steer_make_plan(struct fp_steer *s, struct fp_err *e);
/* Names of destinations are to be looked up. */
int fp_steer_add_names(struct fp_steer *s, struct fp_err *e);

/* ---- steer_held.c */

/* Of the same destination. */
bool fp_lease_same(const struct fp_lease *a, const struct fp_lease *b);
/* What we took or changed; what we ended. */
void fp_steer_held_add(struct fp_steer *s, const struct fp_lease *l);
void fp_steer_held_drop(struct fp_steer *s, const struct fp_lease *l);
/* lease and n_leases, with those of ours that fp_db lost: they are written to it
 * again.  0; -ENOMEM. */
int fp_steer_held_merge(struct fp_steer *s, struct fp_err *e);
/* Say which leases are of proxies that are not in the file. */
void fp_steer_held_gone(struct fp_steer *s);
/* To STATE, when there is news. */
void fp_steer_held_write(struct fp_steer *s);
void fp_steer_held_free(struct fp_steer *s);
/* The answer to x's command was lost; take: is there such a word of it? */
void fp_steer_doubt_add(struct fp_steer *s, const struct steer_dest *x);
bool fp_steer_doubt_take(struct fp_steer *s, const struct steer_dest *x,
			 struct steer_doubt *out);

/* ---- steer_act.c */

/* Take the steps; fp_steer_round_done is called at their end, from within or
 * later. */
void fp_steer_act_all(struct fp_steer *s);
/* Until the next reading, while what was set may be undone. */
int64_t fp_steer_look_ms(const struct fp_steer *s);
/* Say it once until it changes: key is what it is about, text what. */
bool fp_steer_is_news(struct fp_steer *s, const char *key, const char *text);
/* Forget what was not said in this round. */
void fp_steer_heard_sweep(struct fp_steer *s);

/* ---- steer_who.c */

/* The store as the setup wants it.  0; -ENOMEM. */
int fp_steer_open_store(struct fp_steer *s, struct fp_err *e);
void fp_steer_close_store(struct fp_steer *s);
/* Do we steer, this round?  Says why not. */
bool fp_steer_may_act(struct fp_steer *s);

/* ---- steer.c */

void fp_steer_round_done(struct fp_steer *s);
void fp_steer_note(struct fp_steer *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
