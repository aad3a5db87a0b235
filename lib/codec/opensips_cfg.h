/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_OPENSIPS_CFG_H
#define FP_CODEC_OPENSIPS_CFG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What matters to live calls in an OpenSIPS configuration: MI shows none of it.
 * The text is read as it stands, comments left out: what a preprocessor or an
 * include_file brings is not seen (has_include tells).
 * Source: OpenSIPS 3.6 cfg.lex (comments, strings), and facts/opensips-3nodes.md
 * 0.1-0.3 for why each of these loses calls. */

#define FP_OS_CFG_TAGS 64
struct fp_os_cfg {
	bool has_include;     /* include_file, import_file */
	bool has_dialog;      /* loadmodule dialog.so */
	bool has_replication; /* dialog_replication_cluster is set */
	int auto_sync; /* cluster_auto_sync: 0, 1 (the default), or as set */
	bool has_topology_hiding; /* a route calls topology_hiding() */
	/* an ACK in a dialog sets $DLG_timeout: copies learn of re-INVITEs.
	 * Where that, and the next one, is in a route that is called, it counts. */
	bool has_ack_rule;
	bool has_local_offer; /* local_route: rtpengine_offer, rtpengine_manage */
	bool has_rtpengine;
	bool has_socket_tag; /* a SIP socket with a tag: copies map to it */
	struct {
		char name[64];
		bool is_active; /* =active: steals or orphans tags that moved */
	} tag[FP_OS_CFG_TAGS];
	size_t n_tags; /* further ones are not kept */
	unsigned int line_auto_sync, line_active; /* 0: none */
};
/* Exactly n bytes.  0.  -EINVAL: not a configuration of OpenSIPS (no route, no
 * modparam): e says so.  Never fails on what it does not know. */
int fp_os_cfg_read(struct fp_os_cfg *out, const char *text, size_t n,
		   struct fp_err *e);

#endif
