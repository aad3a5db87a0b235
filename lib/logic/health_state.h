/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEALTH_STATE_H
#define FP_LOGIC_HEALTH_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "logic/health.h"

/* From readings to states that people and machines act on: rise and fall, flap
 * damping, maintenance, the observer that is cut off, one node's state from its
 * checks.  Time comes in as unix milliseconds. */

struct fp_judge_opts {
	unsigned int rise, fall; /* readings in a row; 1: at once (check) */
	/* More than flap_max changes of the raw state within flap_window_ms:
	 * the state stays at the worst of them until it was quiet that long.
	 * 0: no damping; more than 7 count as 7. */
	unsigned int flap_max;
	int64_t flap_window_ms;
};
#define FP_JUDGE_DEFAULT                                                       \
	{                                                                      \
		2, 2, 6, 60000                                                 \
	}

/* One check of one node.  All of it is plain data: it is kept between runs. */
struct fp_judged {
	enum fp_health state; /* what holds */
	int64_t since_ms;     /* ... since */
	bool is_known;        /* a reading has come */
	bool is_refusing, is_silent, is_flapping;
	int64_t silent_ms; /* since when readings are silent; 0: they are not */
	enum fp_health raw; /* the last reading's */
	/* The last reading that was not UNKNOWN: an observer that sees nothing
	 * says nothing of what it looks at. */
	enum fp_health seen;
	bool is_seen_refusing;
	/* Readings in a row that are worse than state, or better; pending: the
	 * least of them. */
	unsigned int n_same;
	enum fp_health pending;
	unsigned int n_unknown;  /* UNKNOWN ones in a row */
	unsigned int n_refusing; /* in a row that differ from is_refusing */
	/* Changes of seen, the newest first, and the worse of what was before
	 * and after each. */
	int64_t change_ms[8];
	enum fp_health change_worst[8];
	bool change_refusing[8];
	unsigned int n_changes;
	char run[40], run_before[40];
	int64_t read_ms; /* the last reading */
};

/* What became of it. */
struct fp_judged_change {
	bool is_changed;   /* state, or whether it takes calls */
	bool is_restarted; /* run is another: told at once */
	enum fp_health from, to;
};
/* The first reading counts at once: is_changed, from UNKNOWN.  So does MAINT, and
 * what comes after it.  UNKNOWN: a state holds until `fall` of them came in a row,
 * and they do not interrupt a row of others.  is_refusing: told after `fall`
 * readings, and at once in what brings a node back; taken back after `rise`
 * readings of a node that is there.  A clock that jumps back takes all times
 * with it. */
void fp_judge_feed(struct fp_judged *j, const struct fp_judge_opts *o,
		   const struct fp_reading *r, int64_t now_ms,
		   struct fp_judged_change *out);

/* A check as one line of the state file, and back.
 * Line: NODE CHECK STATE SINCE ... , TAB between. */
void fp_judged_print(const struct fp_judged *j, const char *node,
		     const char *check, struct fp_buf *to);
/* 0: node and check are filled.  -EINVAL: not such a line. */
int fp_judged_parse(struct fp_judged *j, char node[256], char check[32],
		    const char *line, size_t n);

/* ---- one observer, all nodes */

/* One node in one round. */
struct fp_node_round {
	size_t n_network,
		n_silent; /* checks over the network, and silent ones */
};
/* Are we cut off?  At least two nodes, and every network check of every node
 * silent. */
bool fp_observer_is_cut_off(const struct fp_node_round *v, size_t n);

/* ---- several observers */

/* The state that more than half of n_observers hold to be worse than WARNING or
 * not; observers without a word count as none.
 * CRITICAL only by a majority; OK or WARNING (the worse that a majority reaches)
 * by a majority; else UNKNOWN.  MAINT of any is MAINT. */
enum fp_health fp_quorum(const enum fp_health *v, size_t n, size_t n_observers);

/* ---- OpenSIPS' own eyes */

/* A SIP check is silent.  states: what proxies say of that address (ds_list,
 * lb_list) that are known to probe, n of them; others_silent: other checks of the node are silent or
 * CRITICAL too.  down_ms: for how long we have seen it silent; window_ms: how
 * long proxies take to see it.  Who is not known to probe has no word: its Active
 * stands for ever.  Contradicted: all proxies that know it call it
 * Active after the window, and no other check agrees with us: UNKNOWN.
 * Within the window, before any other check agrees: WARNING.  Else CRITICAL. */
enum fp_health fp_contradicted(const enum fp_dest_state *states, size_t n,
			       bool others_silent, int64_t down_ms,
			       int64_t window_ms);

#endif
