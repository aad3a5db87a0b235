/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_NG_H
#define FP_PEER_NG_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "codec/bencode.h"
#include "io/loop.h"

/* rtpengine's control protocol, "COOKIE DICTIONARY" a datagram: one socket a
 * family for any number of rtpengines; replies are matched by cookie and address.
 * A request is sent again after 500 ms and then every second until its deadline:
 * the cookie makes that harmless.   Source: rtpengine, ng_control_protocol. */
struct fp_ng;
int fp_ng_open(struct fp_ng **out, struct fp_loop *l, struct fp_err *e);
void fp_ng_close(struct fp_ng *g);

struct fp_ng_call;
/* dict: a whole bencoded dictionary with "command".  done once from the loop:
 * code 0: r during the call (its "result" may be "error"); -ETIMEDOUT;
 * -ECONNREFUSED; -EBADMSG.  *out may be NULL. */
int fp_ng_ask(struct fp_ng *g, const struct sockaddr *to, socklen_t len,
	      const char *dict, size_t n, int64_t timeout_ms,
	      void (*done)(void *ctx, int code, const struct fp_bencode *r,
			   const struct fp_err *e),
	      void *ctx, struct fp_ng_call **out, struct fp_err *e);
void fp_ng_drop(struct fp_ng_call *c);

#endif
