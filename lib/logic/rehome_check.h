/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_REHOME_CHECK_H
#define FP_LOGIC_REHOME_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What speaks for and against a move: what nodes said goes in, one judgement comes
 * out.  Pure.  Rules are those of rehome/preflight.h.
 * Source: facts/opensips.md "ONE PAGE" 1, facts/opensips-3nodes.md 0 and 4. */

enum fp_check_state { FP_CHECK_OK, FP_CHECK_WARN, FP_CHECK_REFUSE };
struct fp_check {
	const char *name; /* static: capability, link, memory ... */
	const char *rule; /* static; "" unless REFUSE */
	enum fp_check_state state;
	char value[160], detail[280]; /* one line each; detail may be "" */
};

/* Replication of the target.  chunks: of its last finished sync, -1: none told. */
struct fp_check_capability {
	bool has, is_ok, is_enabled, is_sync_pending;
	bool is_fallback; /* it found no donor, and calls itself synced */
	int64_t chunks, peer_dialogs;
};
void fp_check_capability(struct fp_check *out,
			 const struct fp_check_capability *f);

/* A tag by everybody's own word. */
struct fp_check_tag {
	const char *tag, *to; /* to: the target's name */
	const char *owner,
		*other; /* who says active; NULL: nobody, no second */
	bool is_known, is_known_there; /* by anybody; by the target */
	bool is_from, is_to; /* is the owner the source, the target? */
	bool is_failover;
};
void fp_check_tag(struct fp_check *out, const struct fp_check_tag *f);

/* What a node thinks of its link to another, whose id is node_id. */
struct fp_check_link {
	const char *to;    /* the other's name */
	const char *state; /* Up, Down, Probe; "": it knows none */
	uint32_t next_hop, node_id;
};
/* Both live: not Up, or by way of another, is REFUSE when it is_needed. */
void fp_check_link(struct fp_check *out, const struct fp_check_link *f,
		   bool is_needed);
/* The other is said to be dead: Up, or Probe with a way there, says no, unless a fence
 * command is asked before anything is touched. */
void fp_check_link_dead(struct fp_check *out, const struct fp_check_link *f,
			bool is_fenced);
/* May it change by waiting? */
bool fp_check_link_wait(const struct fp_check_link *f);

/* The node to fail over.  Texts are why not; sip NULL: it was not asked. */
struct fp_check_alive {
	bool is_mi, is_sip; /* which answered */
	const char *mi, *sip;
};
void fp_check_alive(struct fp_check *out, const struct fp_check_alive *f);

/* other: the source's, or (is_source false) a peer's; NULL: nobody's is known. */
void fp_check_version(struct fp_check *out, const char *version,
		      const char *node, const char *other, bool is_source);
/* why NULL: not marked. */
void fp_check_maintenance(struct fp_check *out, const char *why,
			  const char *by);
void fp_check_active_tag(struct fp_check *out, const char *tag,
			 unsigned int line);
/* 1 on, 0 off, -1 not known. */
void fp_check_auto_sync(struct fp_check *out, int auto_sync, bool is_cfg);
void fp_check_topology(struct fp_check *out, int has, bool is_cfg);
void fp_check_transport(struct fp_check *out, bool is_http, const char *what);

void fp_check_uptime(struct fp_check *out, int64_t up_s);

/* The policy of a target.  is_known false: why says it. */
struct fp_check_policy {
	bool is_known, is_in_step, is_failover;
	const char *digest, *why;
};
void fp_check_policy(struct fp_check *out, const struct fp_check_policy *f);

#endif
