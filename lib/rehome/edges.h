/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_EDGES_H
#define FP_REHOME_EDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "health/proxies.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "logic/dialogs.h"
#include "logic/health_view.h"
#include "model/inventory.h"
#include "peer/mi.h"

/* All OpenSIPS of a cluster: what each says of itself and of the others, its
 * dialogs, and questions to one or to all of them.  Functions of lib/rehome wait on
 * the loop until they are done (-EINTR: by a signal); what can go on at once does. */

/* What its reports tell of settings that MI does not show. */
struct fp_edge_signs {
	/* a tag went active without anybody's command: active in its
	 * configuration (facts/opensips-3nodes.md 0.2); "": none */
	char active_tag[64];
	/* after a node came back it synced by itself: cluster_auto_sync.
	 * 1: yes.  0: a node came back and it did not.  -1: none came back. */
	int auto_sync;
	int64_t synced_s; /* its last finished sync; 0: none is told */
	bool is_fallback; /* that found no donor: it calls itself synced */
};

/* What a node that may be dead says at its other addresses, by the last reading. */
struct fp_life {
	bool is_asked;  /* it has fp_sip */
	bool is_alive;  /* SIP: any final response, 503 too */
	bool is_list;   /* fp_mi_list answers */
	bool is_closed; /* SIP: nobody listens there, it said last */
	char said[160]; /* of SIP, when it was asked */
};

struct fp_edge {
	const struct fp_host *host;
	const char *name;       /* the host's */
	uint32_t node_id;       /* fp_node_id */
	struct fp_proxy *proxy; /* fp_mi */
	struct fp_mi *mi;       /* NULL: not there; err says why */
	const struct fp_view_opensips
		*view; /* of the last reading; NULL: silent */
	struct fp_edge_signs signs;
	int code; /* of the last reading, -ETIMEDOUT ...; err */
	struct fp_err err;
	struct fp_dialogs *dialogs; /* of the last listing, or NULL */
	struct fp_edges *all;
	struct fp_view *kept; /* what view is in */
	int64_t up_s, born_s; /* of the last view */
	/* it had all the time of a question, or nobody listens there, and was
	 * silent since */
	bool is_mute;
	/* nobody listened there when it was asked last that it was told: who would
	 * answer late is not there */
	bool is_closed;
	struct fp_life life; /* of fp_edges_suspect */
	/* how often it began anew since it was first read */
	unsigned int n_starts;
	/* fp_mi_list is that node, and answered; it did not: fp_mi lists */
	bool is_list_known, is_list_away;
};

struct fp_edges_opts {
	struct fp_loop *loop;
	struct fp_resolver *resolver;
	int64_t timeout_ms; /* of a question */
	/* what is done otherwise than the cluster file says; may be NULL */
	void (*say)(void *ctx, const char *text);
	void *ctx;
};
struct fp_edges {
	struct fp_edges_opts o;
	struct fp_edge *v;
	size_t n;
	struct fp_proxies proxies, lists; /* of fp_mi, of fp_mi_list */
	struct fp_edges_reading *reading; /* under way */
	struct fp_edge *suspect;          /* NULL: nobody */
	int64_t read_ms;                  /* when all had been asked last */
};

/* Those of inv that have fp_mi.  0: fp_edges_fini.  -EINVAL: none has; one without
 * fp_node_id, or two with the same: e names them. */
int fp_edges_init(struct fp_edges *out, const struct fp_edges_opts *o,
		  const struct fp_inventory *inv, struct fp_err *e);
void fp_edges_fini(struct fp_edges *s);

struct fp_edge *fp_edges_find(const struct fp_edges *s, const char *name);
struct fp_edge *fp_edges_of_id(const struct fp_edges *s, uint32_t node_id);

/* Read the views and signs of all, anew.  0 also when some are silent.  -EINVAL: what
 * answers at a node's fp_mi is not the node of its fp_node_id: e says so.  What was
 * read before is good until the new is there; mi of a node that was silent may be
 * another one then, if nobody waits for an answer of it.  One that is mute is waited
 * for a second; for a quarter where nobody listens: what is there answers at once. */
int fp_edges_read(struct fp_edges *s, struct fp_err *e);
/* From now on each such reading asks x at all its addresses at the same time, fp_sip and
 * fp_mi_list too: x->life.  x may be NULL. */
void fp_edges_suspect(struct fp_edges *s, struct fp_edge *x);
/* The same of views alone, and of those that are not mute: they stay so. */
int fp_edges_read_heard(struct fp_edges *s, struct fp_err *e);
/* The same without waiting, and of views alone: done is called once from the loop,
 * within a second, so that it can be begun every second whatever is silent.
 * 0; -EBUSY: one is under way, done is not called. */
int fp_edges_read_start(struct fp_edges *s, void (*done)(void *ctx), void *ctx);
/* done will not be called. */
void fp_edges_read_drop(struct fp_edges *s);
/* List the dialogs of some, at once, into x->dialogs; one that fails has code and
 * err, and dialogs NULL.  progress may be NULL; done and total are of all.  Where
 * fp_mi_list does not answer within two seconds, or fails later on, fp_mi is asked,
 * from then on.  -EINVAL: fp_mi_list is another node's. */
int fp_edges_list(struct fp_edges *s, struct fp_edge *const *which, size_t n,
		  void (*progress)(void *ctx, uint64_t done, uint64_t total),
		  void *ctx, struct fp_err *e);

/* Why it is silent, or was not listed, with its name in front, once: x->code. */
int fp_edge_why(const struct fp_edge *x, struct fp_err *e);

/* Ask one that was read, and wait.  take (may be NULL) gets the result during the
 * call; what it returns is returned.  -EREMOTEIO: the server said no, *rpc_code
 * (may be NULL) and e say what.  Errors of fp_mi_ask. */
int fp_edge_ask(struct fp_edge *x, const char *method, const char *params,
		int (*take)(void *ctx, const struct cJSON *result,
			    struct fp_err *e),
		void *ctx, int *rpc_code, struct fp_err *e);

/* Wait on the loop.  0; -EINTR. */
int fp_edges_pause(struct fp_edges *s, int64_t ms, struct fp_err *e);

/* The state of a tag by a node's own word: 1 active, 0 backup, -ENOENT: it does not
 * know it, -EAGAIN: silent. */
int fp_edge_tag(const struct fp_edge *x, const char *tag);
/* Who has it active, by everybody's own word: *owner NULL: nobody that answers.
 * -EBUSY: two have (owner, other).  -ENOENT: nobody knows it. */
int fp_edges_owner(const struct fp_edges *s, const char *tag,
		   struct fp_edge **owner, struct fp_edge **other);
/* Is x the only one that can have owned what nobody owns: do all others answer?  Not
 * while one that answers sees a node that is not in the cluster file and not Down:
 * *stranger (may be NULL) is its id, or 0. */
bool fp_edges_is_only_silent(const struct fp_edges *s, const struct fp_edge *x,
			     uint32_t *stranger);
/* What x thinks of the link to another: "Up" "Down" "Probe"; "": it knows none.
 * *next_hop may be NULL. */
const char *fp_edge_link(const struct fp_edge *x, const struct fp_edge *to,
			 uint32_t *next_hop);
/* fp_tags of the cluster file (words with ',' or space between them), else every
 * tag that some node knows and whose name is NODE or begins with "NODE.".
 * 0: *out is an array of *n texts, free(3) (one block).  -ENOENT: none. */
int fp_edge_own_tags(const struct fp_edge *x, char (**out)[64], size_t *n,
		     struct fp_err *e);

#endif
