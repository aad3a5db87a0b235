/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_SITE_H
#define FP_HEALTH_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "control/fleet.h"
#include "db/db.h"
#include "health/engine.h"
#include "logic/health_state.h"

/* All nodes as one observer sees them: which checks there are, the engine that
 * asks, and what becomes of the answers. */
struct fp_site;
struct fp_site_node;

#define FP_VIEWS (FP_VIEW_STORE + 1)

struct fp_site_check {
	struct fp_site_node *node;
	char name[32];
	const struct fp_probe_kind *kind; /* NULL: of the filter or cluster */
	const struct fp_probe *probe;     /* NULL: it has none */
	bool is_hidden;  /* asked for the sake of others: not told */
	bool is_cluster; /* a comparison's */
	struct fp_judged judged;
	struct fp_reading last; /* no view; its state is that of this reading */
	/* Details of readings of judged.state, and of the row that may end it. */
	char why[240], why_next[240];
	/* What holds: judged.state, or what the observers agree on. */
	bool is_shown, is_refusing;
	enum fp_health state;
	int64_t since_ms; /* unix */
	/* The site's. */
	bool is_network, is_silent;
	bool is_read;            /* in this run */
	bool is_unasked;         /* the last reading could not even begin */
	bool is_fresh;           /* of a comparison: this one had it */
	bool is_fixed;           /* it cannot be asked: last says why */
	int64_t silent_ms;       /* monotonic: since when is_silent */
	int view_kind;           /* and 1, of its views; 0: it has none */
	struct fp_reading *held; /* while we may be cut off */
	void *data;              /* the caller's; free(3) */
};

struct fp_site_node {
	const char *name;           /* "": the cluster */
	const struct fp_host *host; /* NULL: the cluster */
	struct fp_site_check **check;
	size_t n_checks;
	/* Worst of its checks. */
	bool is_shown, is_refusing;
	enum fp_health state;
	int64_t since_ms;
	char run[40];     /* of its FreeSWITCH, when it has one */
	size_t n_askable; /* the site's: network checks that are asked */
	const struct fp_mark
		*mark; /* in maintenance; of the last fp_site_mark */
	struct fp_thresholds *thresholds;
	struct fp_view *view[FP_VIEWS], *before[FP_VIEWS];
	/* An OpenSIPS whose probes have been seen at work, by fp_dest_kind. */
	bool is_probing[FP_DEST_RTPENGINE + 1];
};

/* What belongs to its state: the detail of the last reading, or of one before
 * while that is not what holds. */
const char *fp_site_check_detail(const struct fp_site_check *c);

/* Would a new call be taken, as far as this check (all of this node's) can tell?
 * Not when it turns calls away, nor when a server of it is down. */
bool fp_check_takes_calls(const struct fp_site_check *c);
bool fp_node_takes_calls(const struct fp_site_node *n);

/* A state is another, or takes_calls; check NULL: the node's roll-up. */
struct fp_site_change {
	const struct fp_site_node *node;
	const struct fp_site_check *check;
	bool is_first;     /* the first state: from means nothing */
	bool is_changed;   /* state, or whether it takes calls */
	bool is_restarted; /* its run is another, whatever the state */
	bool is_gone;      /* a new cluster file has it no more; to: UNKNOWN */
	enum fp_health from, to;
};

struct fp_site_opts {
	struct fp_loop *loop;
	const struct fp_inventory *inv;
	const struct fp_host *const *hosts; /* kept by reference */
	size_t n_hosts;
	bool is_whole; /* these are all nodes: comparisons of all are made */
	bool is_named; /* somebody chose these: what they lack of only is told */
	const char *only;               /* "sip,tags", or NULL: all checks */
	const char *warning, *critical; /* thresholds, or NULL */
	const char *sip_fail, *app;     /* as struct fp_probe_env has them */
	int64_t interval_ms, timeout_ms;
	unsigned int parallel;
	struct fp_judge_opts judge;
	const char *lists_dir;
	const struct fp_fleet_opts *fleet; /* how filters are asked */
	void (*changed)(void *ctx, const struct fp_site_change *c);
	/* What holds of a check, in place of our own word; may be NULL. */
	enum fp_health (*opinion)(void *ctx, const struct fp_site_check *c);
	/* Something of ours that is worth a line of the log; may be NULL. */
	void (*note)(void *ctx, const char *text);
	/* An interval is over, or (interval_ms 0) the round, comparisons
	 * included. */
	void (*tick)(void *ctx);
	void *ctx;
};

/* 0: fp_site_close.  -EINVAL: only, a threshold, a variable.  -ENOMEM -errno.
 * What is wrong with one node's variables alone is an UNKNOWN check of it. */
int fp_site_open(struct fp_site **out, const struct fp_site_opts *o,
		 struct fp_err *e);
void fp_site_close(struct fp_site *s); /* NULL is allowed */

/* What is known of a check from before; before the start.  Other checks than
 * there are now are let be. */
void fp_site_remember(struct fp_site *s, const char *node, const char *check,
		      const struct fp_judged *j);
/* Take over what another site knew (a new cluster file): states, the callers'
 * data of checks, and which were told. */
void fp_site_inherit(struct fp_site *s, struct fp_site *from);
/* Who is in maintenance from now on; copied. */
void fp_site_mark(struct fp_site *s, const struct fp_mark *v, size_t n);

/* Watch, or begin a round.  tick follows. */
void fp_site_start(struct fp_site *s);

/* The nodes, the cluster's own (name "") last. */
size_t fp_site_nodes(const struct fp_site *s, struct fp_site_node **v);
struct fp_site_check *fp_site_find(const struct fp_site *s, const char *node,
				   const char *check);
/* The opinion of a check may be another. */
void fp_site_reconsider(struct fp_site *s, struct fp_site_check *c);
void fp_site_lateness(struct fp_site *s, struct fp_lateness *out);

/* Is it the name of a check? */
bool fp_check_is_known(const char *name, size_t n);

#endif
