/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_DIALOGS_H
#define FP_CODEC_DIALOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cJSON;

/* Results of the MI commands of OpenSIPS' dialog module, as codec/opensips.h has
 * the rest.  Source: replies of OpenSIPS 3.6.8 as captured. */

/* The states of a dialog.  Source: OpenSIPS 3.6 dialog, dlg_hash.h. */
enum fp_dialog_state {
	FP_DLG_UNCONFIRMED = 1,
	FP_DLG_EARLY,
	FP_DLG_CONFIRMED_NA, /* 200 without its ACK, or of a copy that saw none */
	FP_DLG_CONFIRMED,
	FP_DLG_DELETED, /* lingers for about 5 s */
};
/* "unconfirmed" "early" "no-ack" "confirmed" "deleted"; "-": none of them. */
const char *fp_dialog_state_name(int state);

#define FP_MEDIA_STRLEN 48 /* an address of a c= line */
/* One as it is kept and compared here: IPv6 in its short form, names in small
 * letters, what is longer is cut. */
void fp_media_address(const char *s, size_t n, char out[FP_MEDIA_STRLEN]);

struct fp_os_dialog { /* of dlg_list, dlg_list_ctx; missing texts are "" */
	const char *callid, *from_uri, *to_uri;
	const char *tag; /* its sharing tag: only dlg_list_ctx has it */
	const char *caller_contact, *callee_contact;
	/* the sockets it is bound to here, "udp:192.0.2.12:5060": this node's
	 * own, or the socket tag does not map */
	const char *caller_bind, *callee_bind;
	int state;         /* enum fp_dialog_state */
	int64_t started_s; /* unix; 0: not answered */
	size_t n_callees;
	/* Where each end's SDP wants media (the c= of its first m= line that is
	 * not refused, or the session's), and what stands in what was sent on of
	 * it: "" when it was sent on unchanged.  OpenSIPS names that after whom
	 * it was sent to: caller_sent is of its callee_sent_sdp, callee_sent of
	 * caller_sent_sdp. */
	char caller_media[FP_MEDIA_STRLEN], callee_media[FP_MEDIA_STRLEN];
	char caller_sent[FP_MEDIA_STRLEN], callee_sent[FP_MEDIA_STRLEN];
	/* what was sent on has another address or port: media is relayed */
	bool is_anchored;
	/* of both ends' SDP: equal on two nodes that have the same.  Peers keep
	 * that of the call's set-up: facts/opensips-3nodes.md 0.3.
	 * 0: not known: several callees, and MI does not say who answered. */
	uint64_t sdp_hash;
};
/* Walk Dialogs[] (or the one Dialog{}).  count: the total, when the reply is of
 * index and counter; else -1.  0, or what each returned; -EBADMSG. */
int fp_os_dialogs(const struct cJSON *result, int64_t *count,
		  int (*each)(void *ctx, const struct fp_os_dialog *d),
		  void *ctx, struct fp_err *e);

/* dlg_send_sequential: "result" alone is no success: Code is what the SIP side
 * said.  0; -EBADMSG. */
int fp_os_sequential(const struct cJSON *result, int *code, char reason[64],
		     struct fp_err *e);

/* sr_list_reports of one identifier, oldest first. */
int fp_os_reports(const struct cJSON *result,
		  int (*each)(void *ctx, int64_t at_s, const char *text),
		  void *ctx, struct fp_err *e);

#endif
