/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_REHOME_CALLS_H
#define FP_LOGIC_REHOME_CALLS_H

#include "base/endpoint.h"
#include "logic/rehome_check.h"

/* What dialogs and memory say for and against a move.  Pure. */

/* The sockets that dialogs are bound to at the target.  own: its fp_sip; others:
 * that of all others.  The rest is kept while sockets are added. */
struct fp_check_bind {
	const struct fp_endpoint *own, *others;
	size_t n_own, n_others;
	size_t n, n_own_hit, n_near, n_foreign, n_wrong;
	char first[2][72]; /* of the caller's and of the callee's side */
	char wrong[72];
};
/* side 0: the caller's, 1: the callee's; "" is passed over. */
void fp_check_bind_add(struct fp_check_bind *b, int side, const char *socket);
void fp_check_bind(struct fp_check *out, const struct fp_check_bind *b);

/* Dialogs: of the target, and of the peer that has most of them (peer NULL: nobody
 * else answers).  has_owner: the living owner was listed; lacking: dialogs that it
 * has up and the target has not. */
struct fp_check_counts {
	int64_t n, peer_n;
	const char *peer;
	bool has_owner;
	size_t n_lacking;
	const char *lacking; /* a call-id of them */
	int64_t up_s;        /* of the target */
};
void fp_check_counts(struct fp_check *out, const struct fp_check_counts *f);
/* Worth to read them again: calls come and go between two readings. */
bool fp_check_counts_again(const struct fp_check_counts *f);

/* Do peers learn what happens after a call's set-up?  cfg: -1: not known. */
struct fp_check_ack {
	int cfg;
	size_t n, n_state3; /* dialogs that are up; those in state 3 */
	int64_t create_recv, update_recv; /* -1 */
};
void fp_check_ack(struct fp_check *out, const struct fp_check_ack *f);
void fp_check_state3(struct fp_check *out, size_t n, size_t n_state3);
void fp_check_early(struct fp_check *out, size_t n_early, bool is_failover);
/* n_stale of n dialogs have another SDP at the target than at their owner. */
void fp_check_sdp(struct fp_check *out, size_t n, size_t n_stale,
		  bool is_failover);

struct fp_check_memory {
	int64_t total, free; /* -1 */
	double floor;        /* a share of total */
	size_t cost, dialog; /* bytes: of a move for wt_ms; of a dialog */
	int64_t wt_ms;
	size_t calls; /* that would move */
	double rate;  /* that is wanted; 0: any */
};
void fp_check_memory(struct fp_check *out, const struct fp_check_memory *f);
/* Moves a second that memory carries; 0: none. */
double fp_check_memory_rate(const struct fp_check_memory *f);

struct fp_check_body {
	const char *named;           /* auto, outbound, inbound */
	size_t n_anchored, n_direct; /* calls: by a media proxy, and not */
};
void fp_check_body(struct fp_check *out, const struct fp_check_body *f);
/* 1: local_route calls rtpengine_offer, 0: no, -1: not known. */
void fp_check_local_route(struct fp_check *out, int has, size_t n_anchored);

#endif
