/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_SIP_H
#define FP_CODEC_SIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* As much of SIP (RFC 3261) as probing takes: an OPTIONS request, a BYE, and the
 * parts of a response that say whose it is. */

struct fp_sip_options {
	const char *transport;     /* "UDP", "TCP", "TLS" */
	const char *sent_by;       /* host:port of Via and Contact */
	const char *uri;           /* Request-URI and To */
	const char *user, *domain; /* of From */
	const char *branch, *tag, *call_id;
	uint32_t cseq;
};
void fp_sip_print_options(struct fp_buf *to, const struct fp_sip_options *o);

/* A BYE within a dialog, as its far end would send it. */
struct fp_sip_bye {
	const char *transport, *sent_by; /* as above */
	const char *uri; /* Request-URI: of who is to drop the call */
	const char *from,
		*to; /* name-addrs with their tags, as they stand in the
				* dialog: from is the far end */
	const char *branch, *call_id;
	uint32_t cseq;
};
/* 0; -EINVAL: a control character in one of them. */
int fp_sip_print_bye(struct fp_buf *to, const struct fp_sip_bye *b,
		     struct fp_err *e);

struct fp_sip_response {
	int status;                                     /* 100 to 699 */
	char reason[64];                                /* printable */
	const char *branch, *call_id, *method, *to_tag; /* into the text */
	size_t branch_len, call_id_len, method_len, to_tag_len;
	uint32_t cseq;
	int64_t retry_after_s; /* -1: none */
	const char *warning;   /* the text of Warning, or "" (into the text) */
	size_t warning_len;
	size_t size; /* of the whole message, body included */
};
/* Exactly one datagram, or the start of a stream (is_stream: Content-Length is a
 * must).  1: *out is filled.  0: a stream with too few bytes yet.
 * -EBADMSG: no response of SIP (e shows the start).  Compact header forms,
 * folded lines and any case are understood. */
int fp_sip_parse_response(struct fp_sip_response *out, const char *p, size_t n,
			  bool is_stream, struct fp_err *e);

#endif
