/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_FSROW_H
#define FP_CODEC_FSROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A row of FreeSWITCH's table recovery: the XML of one leg, read by expat, changed
 * at the bytes of single elements and nowhere else.  It holds SRTP keys: nothing of
 * it is printed but what the struct names.
 * Source: FreeSWITCH 1.10.12 switch_core_session.c, sofia_glue.c, switch_core_media.c;
 * captured rows. */

#define FP_FSROW_MAX (4u << 20) /* bytes; longer ones are refused: -EMSGSIZE */

/* Elements of <variables> that may be changed. */
enum fp_fsrow_place {
	FP_FSROW_LOCAL_MEDIA_IP,
	FP_FSROW_LOCAL_MEDIA_PORT,
	FP_FSROW_ADVERTISED_MEDIA_IP,
	FP_FSROW_LOCAL_VIDEO_IP,
	FP_FSROW_LOCAL_VIDEO_PORT,
	FP_FSROW_LOCAL_TEXT_IP,
	FP_FSROW_LOCAL_TEXT_PORT,
	FP_FSROW_RECOVER_VIA, /* sip_recover_via */
	FP_FSROW_PROFILE,     /* recovery_profile_name */
	FP_FSROW_SIGNAL_BOND,
	FP_FSROW_ORIGINATE_SIGNAL_BOND,
	/* what names the next hop: see struct fp_fsrow_hop */
	FP_FSROW_CONTACT,
	FP_FSROW_RECOVER_CONTACT,
	FP_FSROW_REQ_URI,
	FP_FSROW_ROUTE,
	FP_FSROW_RECORD_ROUTE,
	FP_FSROW_PROXY,
	FP_FSROW_NETWORK_IP,
	FP_FSROW_NETWORK_PORT,
	FP_FSROW_UUID, /* written decoded, since FreeSWITCH takes it as it stands
			* (switch_core_session.c, xml_find_var) */
	FP_FSROW_PLACES,
	/* and elsewhere: callflow/extension as a whole, its applications */
	FP_FSROW_EXTENSION = FP_FSROW_PLACES,
};

/* What keeps a leg from being recovered, or makes it worth a word. */
enum fp_fsrow_trait {
	FP_FSROW_HAS_DTLS = 1 << 0, /* or ICE: not restored */
	FP_FSROW_HAS_SDES = 1 << 1, /* SRTP keys are in the row */
	FP_FSROW_HAS_VIDEO = 1 << 2,
	FP_FSROW_HAS_T38 = 1 << 3,
	FP_FSROW_IS_HELD = 1 << 4,      /* by us or the far end */
	FP_FSROW_IS_BYPASS = 1 << 5,    /* bypass_media, proxy_media */
	FP_FSROW_IS_NAT = 1 << 6,       /* sip_nat_detected */
	FP_FSROW_IS_RECOVERED = 1 << 7, /* by an earlier recovery */
	FP_FSROW_IS_SWAPPED = 1 << 8,   /* dlg_req_swap_direction */
	FP_FSROW_HAS_SESSION_TIMER = 1 << 9,
	FP_FSROW_HAS_TEXT = 1 << 10,
};

enum fp_fsrow_transport {
	FP_FSROW_UDP,
	FP_FSROW_TCP,
	FP_FSROW_TLS,
	FP_FSROW_WS
};

struct fp_fsrow_app {
	const char *name, *data; /* decoded; data may be "" */
};

/* Texts are decoded (percent and XML) and the row's; what is not there is "".
 * Where a variable stands twice, the first one counts, as it does to FreeSWITCH
 * (switch_xml.c: a list of siblings holds the first of each name). */
struct fp_fsrow {
	const char *uuid;       /* the variable: the session's */
	const char *switchname; /* of the document's head: who wrote it */
	const char *core_uuid;
	bool is_inbound;
	bool is_answered;   /* flag 1 */
	bool is_originator; /* flag 4: re-bridges */
	/* who belongs to whom */
	const char *signal_bond, *originate_signal_bond, *bridge_to, *call_uuid;
	const char *conference, *conference_member_id;
	/* the dialog */
	const char *call_id, *from_tag, *to_tag; /* sip_call_id ... */
	const char *full_from, *full_to;
	const char *contact_uri;     /* of the far end */
	const char *recover_contact; /* the same, of an outbound leg */
	const char *req_uri, *network_ip;
	const char *via;   /* sip_recover_via */
	const char *route; /* sip_invite_route_uri or record_route */
	const char *record_route, *proxy; /* proxy: sip_route_uri */
	uint32_t cseq;
	bool has_cseq;
	enum fp_fsrow_transport transport;
	const char *profile; /* recovery_profile_name */
	/* media */
	const char *media_ip, *advertised_ip, *remote_ip, *video_ip, *text_ip;
	uint16_t media_port, remote_port, video_port, text_port; /* 0: none */
	/* the call */
	const char *from_user,
		*to_user; /* caller_id_number, destination_number */
	const char *context, *app, *app_data; /* current_application */
	const char *process_cdr;              /* "": not set */
	int64_t created_us, answered_us;      /* 0: not known */
	unsigned int traits;                  /* enum fp_fsrow_trait */
	struct fp_fsrow_app
		*apps; /* of callflow/extension: run again from the first */
	size_t n_apps;
	/* where the places stand in the XML: content, and the whole element; at 0:
	 * not there.  The first of its name counts, and all are changed. */
	struct fp_fsrow_span {
		uint32_t at, len, whole_at, whole_len;
		enum fp_fsrow_place place;
	} * spans;
	size_t n_spans;
	void *store; /* of the texts */
};

/* Exactly n bytes.  0: fp_fsrow_fini.  -EBADMSG: no such document (e: where and what,
 * never content).  -EMSGSIZE: above FP_FSROW_MAX, or more elements or nesting than
 * any call has.  Entities beyond XML's five and DTDs are refused. */
int fp_fsrow_parse(struct fp_fsrow *out, const char *xml, size_t n,
		   struct fp_err *e);
void fp_fsrow_fini(struct fp_fsrow *r);

/* An address that the next hop has, and what stands for it; a port of 0 is SIP's own.
 * It is replaced where it is the host of a URI, with that port or without one (5060 or
 * 5061 then), and in sip_network_ip, whatever the port.  All else of a URI stays.
 * Where the re-INVITE of a recovery goes, in FreeSWITCH 1.10.12: its R-URI is
 * sip_contact_uri (inbound), sip_recover_contact, else sip_req_uri (outbound); its Route
 * sip_invite_route_uri, which an inbound leg without Record-Route gets from
 * sip_network_ip and _port; sip_route_uri is a proxy for all of it, which one behind NAT
 * gets from these, too.  Source: sofia_glue.c, sofia_recover_callback and
 * sofia_glue_do_invite.  A re-INVITE of an edge that has taken over changes none of
 * these but sip_network_port: sofia.c, sofia_handle_sip_i_reinvite. */
struct fp_fsrow_hop {
	const char *host, *to_host; /* addresses without [], or names */
	uint16_t port, to_port;
};
/* Is it named by the row?  By its R-URI? */
bool fp_fsrow_names(const struct fp_fsrow *r, const struct fp_fsrow_hop *h);
bool fp_fsrow_goes_to(const struct fp_fsrow *r, const struct fp_fsrow_hop *h);

/* What is to be written; NULL, 0: left as it is. */
struct fp_fsrow_edit {
	const char *media_ip;      /* all of local_{media,video,text}_ip */
	const char *advertised_ip; /* advertised_media_ip */
	const char *profile;
	uint16_t media_port, video_port, text_port;
	bool drop_via; /* delete sip_recover_via: FreeSWITCH writes its own */
	bool drop_bond; /* delete signal_bond, originate_signal_bond: an orphan */
	/* Delete callflow/extension: with no bond and no application FreeSWITCH sends
	 * its re-INVITE, has "executed the last dialplan instruction" and says BYE.
	 * switch_core_sqldb.c recover_callback, switch_core_state_machine.c. */
	bool drop_apps;
	const struct fp_fsrow_hop
		*hop; /* n_hops of them; of each place the first */
	size_t n_hops;
};
/* Append xml with the edit done: every other byte stays.  A place that is not there
 * is not made.  0; -ENOMEM; -EINVAL: a text that no such element may hold. */
int fp_fsrow_rewrite(struct fp_buf *to, const struct fp_fsrow *r,
		     const char *xml, size_t n,
		     const struct fp_fsrow_edit *edit, struct fp_err *e);

#endif
