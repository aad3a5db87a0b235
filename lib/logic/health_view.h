/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEALTH_VIEW_H
#define FP_LOGIC_HEALTH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one server said of itself and of the others, once: what checks that
 * compare nodes are made of.  A view is of one kind. */

enum fp_view_kind {
	FP_VIEW_OPENSIPS,
	FP_VIEW_FREESWITCH,
	FP_VIEW_RTPENGINE,
	FP_VIEW_FILTER,
	FP_VIEW_STORE, /* the database of recovery rows */
};

/* ---- OpenSIPS */

struct fp_view_tag { /* clusterer_list_shtags */
	char name[64];
	uint32_t cluster;
	bool is_active;
};
struct fp_view_link { /* clusterer_list */
	uint32_t cluster, node_id;
	char state[16];    /* Up, Down, Probe */
	uint32_t next_hop; /* 0: none */
	bool is_enabled;
};
struct fp_view_cap { /* clusterer_list_cap */
	uint32_t cluster;
	char name[64];
	bool is_ok, is_enabled;
};
enum fp_dest_kind {
	FP_DEST_DISPATCHER,
	FP_DEST_LOAD_BALANCER,
	FP_DEST_RTPENGINE
};
enum fp_dest_state {
	FP_DEST_ACTIVE,
	FP_DEST_INACTIVE, /* by hand, or by us */
	FP_DEST_PROBING,  /* OpenSIPS itself found it dead */
};
struct fp_view_dest { /* ds_list, lb_list, rtpengine_show */
	enum fp_dest_kind kind;
	char set[64];  /* dispatcher: [PARTITION:]SET; else group, or set id */
	char uri[256]; /* sip:192.0.2.21:5060, udp:10.0.0.31:2223 */
	int64_t id;    /* of load_balancer; else -1 */
	enum fp_dest_state state;
	bool is_forever;   /* rtpengine: disabled by hand; load_balancer: no
			  * auto-reenable */
	char resource[64]; /* load_balancer's first; "" */
	int64_t max, load; /* of it; -1 */
	/* load_balancer: all that it has capacity for, ",calls,pstn,"; "": for
	 * none */
	char capacities[160];
	int64_t weight; /* dispatcher; -1: not known */
};

struct fp_view_opensips {
	uint32_t node_id; /* of the cluster file; 0: not said */
	char version[64];
	int64_t up_s, now_s; /* now_s: its clock, unix; 0: not known */
	struct fp_view_tag *tag;
	size_t n_tags;
	struct fp_view_link *link;
	size_t n_links;
	struct fp_view_cap *cap;
	size_t n_caps;
	struct fp_view_dest *dest;
	size_t n_dests;
	bool has_clusterer, has_dialog, has_dests;
	int64_t dialogs;           /* dialog:active_dialogs; -1 */
	int64_t processed_dialogs; /* since its start, copies of peers' too; -1 */
	/* dialog:create_sent: those it made itself and told to a peer; -1 */
	int64_t create_sent;
	int64_t shm_total_bytes, shm_free_bytes; /* -1 */
	int64_t sync_chunks;  /* of its last finished sync; -1: none is known */
	bool is_sync_pending; /* the last report is of a sync that goes on */
};

/* ---- FreeSWITCH */

struct fp_view_freeswitch {
	char run[40]; /* Core-UUID */
	char switchname[64], version[64];
	bool is_ready, is_paused;
	int64_t up_s;
	int64_t sessions, max_sessions;
	double rate, max_rate, idle_percent, min_idle_percent;
	int64_t now_s;   /* its clock, unix; 0: not known */
	int64_t skew_ms; /* its clock minus ours, within half the round trip */
	uint16_t rtp_first, rtp_last; /* of the cluster file; 0: not said */
};

/* ---- rtpengine */

struct fp_view_rtpengine {
	int64_t sessions, up_s;
};

/* ---- the filter, by fp-sync's HELLO */

struct fp_view_filter {
	char filter[16], mode[64], policy[65];
	bool is_in_step;
	int64_t skew_ms;
};

/* ---- recovery rows: how many each run has */

struct fp_view_rows {
	char switchname[64], run[40];
	int64_t rows;
};
struct fp_view_store {
	struct fp_view_rows *run;
	size_t n_runs;
};

struct fp_view {
	enum fp_view_kind kind;
	/* It is of some moment between them, monotonic; 0: not known. */
	int64_t asked_ms, told_ms;
	union {
		struct fp_view_opensips opensips;
		struct fp_view_freeswitch freeswitch;
		struct fp_view_rtpengine rtpengine;
		struct fp_view_filter filter;
		struct fp_view_store store;
	};
};

/* Zeroed, but -1 where that means "not known"; NULL: no memory. */
struct fp_view *fp_view_new(enum fp_view_kind kind);
void fp_view_free(struct fp_view *v); /* NULL is allowed */

#endif
