/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_ENDPOINT_H
#define FP_BASE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* Where something listens, as the cluster file has it:
 *   udp:192.0.2.11:5060  tcp:[2001:db8::1]:5060  tls:sip1.example.net  10.0.0.21:8021
 *   http://10.0.0.11:8888/mi  https://...  unix:/run/opensips/mi.sock
 *   fifo:/run/opensips/fifo */
enum fp_transport {
	FP_T_NONE, /* not said */
	FP_T_UDP,
	FP_T_TCP,
	FP_T_TLS,
	FP_T_SCTP,
	FP_T_WS,
	FP_T_WSS,
	FP_T_HTTP,
	FP_T_HTTPS,
	FP_T_UNIX,
	FP_T_FIFO,
};

struct fp_endpoint {
	enum fp_transport transport;
	char host[256]; /* address without [], or a name; "" for a path */
	struct fp_prefix addr; /* of host; len 0: it is a name, or a path */
	uint16_t port;         /* 0: not said */
	char path[256];        /* of http: "/mi", of unix and fifo; or "" */
};

/* Exactly n bytes of s.  0.  -EINVAL: the word and what is wrong with it. */
int fp_endpoint_parse(struct fp_endpoint *out, const char *s, size_t n,
		      struct fp_err *e);
/* The i-th of several with ',' between them.  1: *out is filled.  0: there are
 * fewer.  -EINVAL. */
int fp_endpoint_list(const char *s, size_t i, struct fp_endpoint *out,
		     struct fp_err *e);
/* As it is written; returns the length without the NUL. */
#define FP_ENDPOINT_STRLEN 560
size_t fp_endpoint_print(const struct fp_endpoint *p,
			 char out[FP_ENDPOINT_STRLEN]);

#endif
