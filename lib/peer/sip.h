/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_SIP_H
#define FP_PEER_SIP_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "codec/sip.h"
#include "io/loop.h"
#include "io/stream.h"

/* SIP client transactions for OPTIONS and BYE, any number at once.  UDP: one socket a
 * family, timers A, E and F of RFC 3261 17.1.2 (T1 500 ms, T2 4 s), up to the
 * caller's deadline.  TCP and TLS: a connection a request.  A response counts when
 * branch, Call-ID, CSeq and (UDP) the address it came from are ours; a provisional
 * one only stops the growth of the timer. */
struct fp_sip;
struct fp_sip_opts {
	const char *from_user, *from_domain; /* NULL: fastpath, our address */
	const struct fp_tls *tls;            /* for tls: endpoints */
};
/* o: of questions that have none of their own; kept by reference. */
int fp_sip_open(struct fp_sip **out, struct fp_loop *l,
		const struct fp_sip_opts *o, struct fp_err *e);
void fp_sip_close(struct fp_sip *s);
/* Settings of TLS as fp_tls_open has them, read once and shared by all that name
 * the same files; they are of s. */
int fp_sip_tls(struct fp_sip *s, const struct fp_tls_opts *o,
	       const struct fp_tls **out, struct fp_err *e);

struct fp_sip_call;
/* to: transport and host (names the certificate); sa: where.  o: NULL for those of
 * fp_sip_open.
 * done once from the loop: code 0: r is the final response, during the call.
 * -ETIMEDOUT: silence.  -ECONNREFUSED -EHOSTUNREACH -ENETUNREACH -EKEYREJECTED
 * -EPROTO -EBADMSG -ECONNRESET.  cert_days: of TLS, else -1. */
int fp_sip_ask(struct fp_sip *s, const struct fp_endpoint *to,
	       const struct sockaddr *sa, socklen_t len,
	       const struct fp_sip_opts *o, int64_t timeout_ms,
	       void (*done)(void *ctx, int code,
			    const struct fp_sip_response *r, int cert_days,
			    const struct fp_err *e),
	       void *ctx, struct fp_sip_call **out, struct fp_err *e);
/* A BYE within somebody else's dialog, the rest as above.  bye: transport, sent_by and
 * branch are set here, uri too when it is NULL; the rest is the dialog's.
 * -EINVAL: a control character in one of them. */
int fp_sip_ask_bye(struct fp_sip *s, const struct fp_endpoint *to,
		   const struct sockaddr *sa, socklen_t len,
		   const struct fp_sip_opts *o, const struct fp_sip_bye *bye,
		   int64_t timeout_ms,
		   void (*done)(void *ctx, int code,
				const struct fp_sip_response *r, int cert_days,
				const struct fp_err *e),
		   void *ctx, struct fp_sip_call **out, struct fp_err *e);
void fp_sip_drop(struct fp_sip_call *c);
/* How far it has come, as the text of -ETIMEDOUT. */
void fp_sip_far(const struct fp_sip_call *c, struct fp_err *e);

#endif
