/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_MOVE_H
#define FP_CMD_REHOME_MOVE_H

/* What the verbs that move tags share: which tags there are, and a plan of where
 * they go. */

#include "logic/rehome_plan.h"
#include "rehome.h"

struct fr_tag_now { /* as the nodes' views have it */
	char name[64];
	struct fp_edge *owner; /* NULL: nobody that answers */
	size_t calls;          /* that are up, by the last count */
	size_t through;        /* of those, signalled through m->from */
};
struct fr_move {
	struct fr_env v;
	struct fp_campaign_opts o;
	struct fp_edge *from;
	struct fp_edge **to; /* targets */
	size_t n_to;
	struct fr_tag_now *now; /* every tag that some node knows */
	size_t n_now;
	struct fp_tag_move *plan;
	size_t n_plan;
	struct fp_fleet_opts fleet;
	bool is_partial;      /* something but calls was not done: exit 3 */
	int64_t new_calls;    /* of drain: the figure that grows with them */
	bool is_empty;        /* of drain */
	struct fp_past *past; /* NULL: not read */
	/* of failover: what jobs of the node that went on before did, and those of
	 * them that stay open */
	struct fp_campaign_sum before;
	char (*left)[40];
	size_t n_left;
	bool is_going_on; /* one that is not among these goes first */
	/* of drain: tags whose calls are signalled through it, and that --tag
	 * left out */
	size_t n_left_out;
};

/* Open everything, read all nodes, and set opts up; the node is argv[0] when
 * has_node.  0: fr_move_close. */
int fr_move_open(struct fr_move *m, struct fp_cli *c, enum fp_move_kind kind,
		 bool has_node, struct fp_err *e);
void fr_move_close(struct fr_move *m);
/* --to, auto by fp_preflight_auto.  -EINVAL: none is named, or the node itself. */
int fr_move_targets(struct fr_move *m, struct fp_err *e);
/* Is it one of --tag (all, without)? */
bool fr_move_is_meant(const struct fr_move *m, const char *tag);
struct fr_tag_now *fr_move_find(const struct fr_move *m, const char *tag);
/* List the targets (and the node, when it lives), and count calls by tag. */
int fr_move_count(struct fr_move *m, struct fp_err *e);
/* Into the plan; to may be NULL until fr_move_spread.  0; -ENOMEM. */
int fr_move_add(struct fr_move *m, const char *tag, struct fp_edge *from,
		struct fp_edge *to, struct fp_err *e);
/* Those of the plan without a target get one, by calls and free memory. */
int fr_move_spread(struct fr_move *m, struct fp_err *e);
/* Up calls of tags that x owns and that are not in the plan. */
size_t fr_move_load(const struct fr_move *m, const struct fp_edge *x);
/* A node's share: by free memory, in quarters, so that two controllers plan
 * alike. */
double fr_move_weight(const struct fr_move *m, const struct fp_edge *x);
bool fr_move_is_planned(const struct fr_move *m, const char *tag);
/* What the plan says of a tag's calls. */
void fr_move_calls(struct fr_move *m, const char *tag, size_t n);
/* Read the nodes again, but for one that is mute, and which tags there are. */
int fr_move_again(struct fr_move *m, struct fp_err *e);
/* resume.c: go on with a job as it was planned, and what is said of it is as of m's
 * verb.  m->to and m->o are as before.  Errors of fp_campaign_resume. */
int fr_move_resume(struct fr_move *m, const char *job,
		   struct fp_campaign_sum *out, struct fp_err *e);
/* Add s to m->before. */
void fr_move_before(struct fr_move *m, const struct fp_campaign_sum *s);
/* Do options select some of its calls or tags? */
bool fr_move_is_part(const struct fr_move *m);
/* Does the plan give a tag? */
bool fr_move_gives(const struct fr_move *m);
/* Run it, and end: the exit status. */
int fr_move_run(struct fr_move *m);
/* The end of a dry run. */
int fr_move_would(struct fr_move *m, const struct fp_campaign_sum *s);
/* Nothing is to be done: says so, 0. */
int fr_move_nothing(struct fr_move *m, const char *why);
/* Nothing but the loop.  0; -EINTR. */
int fr_move_pause(struct fr_move *m, int64_t ms, struct fp_err *e);
/* fp_log to stderr behind the progress bar. */
void fr_move_say(struct fr_move *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A record of a condition that is the verb's own. */
void fr_move_tell(struct fr_move *m, const char *name,
		  enum fp_condition_state state, const char *value,
		  const char *detail);

/* ---- paths.c */

/* Read m->past. */
int fr_move_past(struct fr_move *m, struct fp_err *e);
/* Count what is signalled through the node, into m->now; after fr_move_count. */
int fr_move_through(struct fr_move *m, struct fp_err *e);
/* Tags that others own, with calls that are signalled through the node: these calls
 * are to be re-INVITEd by the owner. */
int fr_move_add_through(struct fr_move *m, struct fp_err *e);
/* Tags that nobody owns and the node had last. */
int fr_move_add_owned(struct fr_move *m, struct fp_err *e);
/* Other tags that nobody owns, with calls: partial. */
void fr_move_say_ownerless(struct fr_move *m);
/* What an earlier job left. */
void fr_move_say_open(const struct fr_move *m);
/* Is it an open failover job of the node? */
bool fr_move_is_open(const struct fr_move *m, const struct fp_job_head *h);

/* When all calls have their verdicts: the policy of targets that have an old one. */
int fr_failover_worked(void *move, const struct fp_campaign_sum *s,
		       struct fp_journal *j, struct fp_err *e);
/* drain_calls.c: what drain does when its job has begun, and when all calls have
 * their verdicts; ctx is a struct fr_move. */
int fr_drain_begun(void *move, const char *job, struct fp_err *e);
int fr_drain_worked(void *move, const struct fp_campaign_sum *s,
		    struct fp_journal *j, struct fp_err *e);
/* What says that the node is not empty, of now; an empty text: it is.  s NULL: no job
 * did anything. */
int fr_drain_left(struct fr_move *m, const struct fp_campaign_sum *s, char *why,
		  size_t size, struct fp_err *e);

#endif
