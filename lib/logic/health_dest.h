/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEALTH_DEST_H
#define FP_LOGIC_HEALTH_DEST_H

#include <stdbool.h>
#include <stdint.h>

/* What a destination of OpenSIPS' routing says: how much it can bear, and whom it
 * leads to. */

/* OpenSIPS' own formulas.  Source: OpenSIPS 3.6.8 dispatch.c (weight of a
 * destination with a FreeSWITCH), load_balancer.c (max_load). */
int64_t fp_weight_dispatcher(int64_t max_weight, int64_t sessions,
			     int64_t max_sessions, double idle_percent);
/* psz: calls that OpenSIPS itself counts there. */
int64_t fp_weight_load_balancer(int64_t sessions, int64_t max_sessions,
				double idle_percent, int64_t psz);

/* Does a destination's URI lead to this address and port?  Ports that are not
 * said are 5060 (5061 for sips and transport=tls).  host: as text; names compare
 * without case. */
bool fp_uri_leads_to(const char *uri, const char *host, uint16_t port);
/* The host and port in a URI, "sip:[2001:db8::1]:5062;transport=tcp".
 * 0; -EINVAL. */
int fp_uri_host(const char *uri, char host[256], uint16_t *port);

#endif
