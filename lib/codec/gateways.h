/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_GATEWAYS_H
#define FP_CODEC_GATEWAYS_H

#include <stddef.h>

#include "base/err.h"

/* What FreeSWITCH says to `sofia xmlstatus gateway`: the gateways of all
 * profiles.  It is read as mod_sofia writes it, an element a line: proxy and name
 * are not escaped there, so that it need not be XML at all; and nothing else that
 * it says has the proxy of every gateway (jsonstatus has the realm).
 * Source: FreeSWITCH 1.10.12 mod_sofia.c, xml_gateway_status. */
struct fp_gateway {
	char name[128], profile[128];
	char proxy[256]; /* "sip:carrier.example.net" */
};

/* Exactly n bytes; each is called for every gateway and may end it by non-zero.
 * 0, or what each returned.  -EBADMSG: no such list, or not all of it. */
int fp_gateways_parse(const char *s, size_t n,
		      int (*each)(void *ctx, const struct fp_gateway *g),
		      void *ctx, struct fp_err *e);

#endif
