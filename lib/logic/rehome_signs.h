/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_REHOME_SIGNS_H
#define FP_LOGIC_REHOME_SIGNS_H

#include <stdbool.h>
#include <stdint.h>

/* What OpenSIPS' own reports (sr_list_reports, group clusterer) tell of settings
 * that MI does not show.  Each identifier keeps its last 200.  Pure.
 * Source: OpenSIPS 3.6 clusterer, sharing_tags.c report_shtag_change, clusterer.c
 * report_node_state, sync.c; dialog, dlg_replication.c rcv_cluster_event. */

#define FP_REPORTS_KEPT 200

enum fp_report_kind {
	FP_REPORT_OTHER,
	FP_REPORT_ACTIVE,    /* tag: by whom stands in the text */
	FP_REPORT_BACKUP,    /* tag; node: who claimed it, 0: not said */
	FP_REPORT_NODE_UP,   /* node */
	FP_REPORT_NODE_DOWN, /* node */
	FP_REPORT_POSTPONED, /* a sync that waits for a donor */
	FP_REPORT_REQUESTED, /* node.  It may stand after what it brought: the
			      * report is made when the request has gone out */
	FP_REPORT_STARTED,   /* node */
	FP_REPORT_COMPLETED, /* chunks */
	FP_REPORT_TIMED_OUT,
	FP_REPORT_FALLBACK, /* no donor in due time: it calls itself synced */
	FP_REPORT_DISABLED, /* the capability, by MI */
};
struct fp_report {
	enum fp_report_kind kind;
	char tag[64];
	uint32_t cluster, node;
	int64_t chunks;
};
void fp_report_read(const char *text, struct fp_report *out);

/* Was a tag active from the start, without anybody's command?  Told by its own
 * reports: none that it became active, and it is (or it stepped down without
 * having become active).  n: how many reports of tags there are: when the oldest
 * may be gone nothing is said. */
struct fp_tag_signs {
	char tag[64]; /* whose */
	bool is_told; /* there was a report of it */
	bool was_configured;
};
void fp_tag_signs_init(struct fp_tag_signs *s, const char *tag);
/* Oldest first, all identifiers' reports may come. */
void fp_tag_signs_add(struct fp_tag_signs *s, const struct fp_report *r);
bool fp_tag_signs_end(const struct fp_tag_signs *s, bool is_active, unsigned n);

/* Syncs: first all reports of cap:dialog-dlg-repl, oldest first, then those of
 * node_states. */
#define FP_SYNC_BEGINS 64
struct fp_sync_signs {
	/* when it was synced and nothing was under way: from, to (0: still) */
	struct {
		int64_t from_s, to_s;
	} calm[FP_SYNC_BEGINS];
	unsigned int n_calm; /* the last ones */
	int64_t begin_s
		[FP_SYNC_BEGINS]; /* a sync was asked for, or postponed */
	unsigned int n_begins;
	/* out */
	int64_t synced_s; /* its last finished sync, or fallback; 0: none */
	int64_t chunks;   /* of it; -1: fallback, or none */
	bool is_fallback;
	bool is_pending;
	/* 1: a node came up while it was calm, and a sync followed in 3 s.
	 * 0: none followed in 5 s.  -1: none came up. */
	int auto_sync;
};
void fp_sync_signs_init(struct fp_sync_signs *s);
void fp_sync_signs_sync(struct fp_sync_signs *s, int64_t at_s,
			const struct fp_report *r);
/* now_s: its clock; 0: not known. */
void fp_sync_signs_node(struct fp_sync_signs *s, int64_t at_s, int64_t now_s,
			const struct fp_report *r);

#endif
