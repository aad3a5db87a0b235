/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_FSROW_PRIV_H
#define FP_CODEC_FSROW_PRIV_H

#include "codec/fsrow.h"

/* The texts that are taken out of a row.  Up to FSROW_PUBLIC they are the caller's;
 * the others, keys of SRTP among them, are looked at and wiped. */
enum fsrow_text {
	FSROW_UUID,
	FSROW_SIGNAL_BOND_TEXT,
	FSROW_ORIGINATE_BOND_TEXT,
	FSROW_BRIDGE_TO,
	FSROW_CALL_UUID,
	FSROW_CONFERENCE,
	FSROW_CONFERENCE_MEMBER,
	FSROW_CALL_ID,
	FSROW_FROM_TAG,
	FSROW_TO_TAG,
	FSROW_FULL_FROM,
	FSROW_FULL_TO,
	FSROW_CONTACT_URI,
	FSROW_REQ_URI,
	FSROW_NETWORK_IP,
	FSROW_VIA,
	FSROW_ROUTE,
	FSROW_PROFILE_TEXT,
	FSROW_MEDIA_IP,
	FSROW_ADVERTISED_IP,
	FSROW_REMOTE_IP,
	FSROW_VIDEO_IP,
	FSROW_TEXT_IP,
	FSROW_APP,
	FSROW_APP_DATA,
	FSROW_PROCESS_CDR,
	FSROW_SWITCHNAME,
	FSROW_CORE_UUID,
	FSROW_FROM_USER,
	FSROW_TO_USER,
	FSROW_CONTEXT,
	FSROW_RECORD_ROUTE,
	FSROW_RECOVER_CONTACT,
	FSROW_PROXY,
	FSROW_PUBLIC,
	FSROW_CSEQ = FSROW_PUBLIC,
	FSROW_MEDIA_PORT,
	FSROW_REMOTE_PORT,
	FSROW_VIDEO_PORT,
	FSROW_REMOTE_VIDEO_PORT,
	FSROW_TEXT_PORT,
	FSROW_DIRECTION,
	FSROW_FLAGS,
	FSROW_CREATED,
	FSROW_ANSWERED,
	FSROW_REMOTE_SDP,
	FSROW_LOCAL_SDP,
	FSROW_CRYPTO,
	FSROW_WEBRTC,
	FSROW_AUDIO_LOCAL_KEY,
	FSROW_AUDIO_REMOTE_KEY,
	FSROW_VIDEO_LOCAL_KEY,
	FSROW_VIDEO_REMOTE_KEY,
	FSROW_TEXT_LOCAL_KEY,
	FSROW_TEXT_REMOTE_KEY,
	FSROW_AUDIO_FLOW,
	FSROW_REMOTE_AUDIO_FLOW,
	FSROW_VIDEO_FLOW,
	FSROW_TEXT_FLOW,
	FSROW_T38,
	FSROW_BYPASS_MEDIA,
	FSROW_PROXY_MEDIA,
	FSROW_NAT,
	FSROW_RECOVERED,
	FSROW_SWAP,
	FSROW_SESSION_EXPIRES,
	FSROW_SESSION_TIMEOUT,
	FSROW_VIA_PROTOCOL,
	FSROW_FULL_VIA,
	FSROW_CONTACT_PARAMS,
	FSROW_PROFILE_URL,
	FSROW_TEXTS,
};

/* What reading leaves: NUL-terminated texts in one buffer, and where each starts.
 * At 0 there is "", so that a text that is not there reads as such. */
struct fsrow_raw {
	struct fp_buf texts;
	uint32_t at[FSROW_TEXTS];
	struct fp_buf apps;  /* of struct fsrow_raw_app */
	struct fp_buf spans; /* of struct fp_fsrow_span */
	bool has_variables, has_caller;
};
struct fsrow_raw_app {
	uint32_t name, data;
};

static inline const char *fp_fsrow_text(const struct fsrow_raw *raw,
					enum fsrow_text t)
{
	return raw->texts.data + raw->at[t];
}

/* By expat.  0; -EBADMSG; -EMSGSIZE; -ENOMEM.  is_repaired: again, with what
 * FreeSWITCH reads and XML forbids made harmless. */
int fp_fsrow_read(struct fsrow_raw *raw, const char *xml, size_t n,
		  bool is_repaired, struct fp_err *e);
/* Of FreeSWITCH's flags "1=1;4=1;...": is n set? */
bool fp_fsrow_flag(const struct fsrow_raw *raw, unsigned int n);
unsigned int fp_fsrow_traits(const struct fsrow_raw *raw);
enum fp_fsrow_transport fp_fsrow_transport_of(const struct fsrow_raw *raw);

/* Append s, where hosts of URIs that are one of h are what stands for them; NULL: only
 * counted.  How many there were. */
size_t fp_fsrow_rehop(struct fp_buf *to, const char *s,
		      const struct fp_fsrow_hop *h, size_t n);
/* The text that place shall have, appended, when it is one of a hop and another than
 * it has: else false. */
bool fp_fsrow_hop_text(struct fp_buf *to, const struct fp_fsrow *r,
		       enum fp_fsrow_place place,
		       const struct fp_fsrow_edit *edit);

#endif
