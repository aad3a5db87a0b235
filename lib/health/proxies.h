/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_PROXIES_H
#define FP_HEALTH_PROXIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "health/opensips.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "model/inventory.h"
#include "peer/mi.h"

/* The management interfaces of all OpenSIPS, kept open between readings. */

struct fp_proxy {
	const struct fp_host *host;
	struct fp_endpoint to;
	/* where it is asked when a reply is too long for `to`: has_list */
	struct fp_endpoint list;
	bool has_list;
	bool is_off;          /* the next reading leaves it out, as it is */
	int64_t most_ms;      /* of a reading, for this one; 0: as for all */
	struct fp_mi *mi;     /* NULL: not there; err says why */
	struct fp_view *view; /* of the last reading, or NULL */
	int code;             /* of the last reading; err */
	struct fp_err err;
	struct fp_proxies *all;
	struct fp_lookup *lookup;
	struct fp_opensips_read *read;
};

struct fp_proxies {
	struct fp_loop *loop;
	struct fp_resolver *resolver;
	struct fp_proxy *v;
	size_t n, n_busy;
	int64_t timeout_ms;
	unsigned int parts; /* enum fp_opensips_part; 0: connect only */
	struct fp_timer end;
	void (*done)(void *ctx);
	void *ctx;
};

/* Those of hosts that have fp_mi; what is too long for it is asked of fp_mi_list.
 * is_listing: of fp_mi_list from the start, where there is one.
 * 0: fp_proxies_fini.  -EINVAL: a variable.  -ENOMEM. */
int fp_proxies_init(struct fp_proxies *out, struct fp_loop *l,
		    struct fp_resolver *r, const struct fp_host *const *hosts,
		    size_t n, bool is_listing, struct fp_err *e);
void fp_proxies_fini(struct fp_proxies *p);

/* Connect where need be and read parts (0: none) of all at once; done is called
 * from the loop, once.  Views of the reading before go away. */
void fp_proxies_read(struct fp_proxies *p, unsigned int parts,
		     int64_t timeout_ms, void (*done)(void *ctx), void *ctx);
/* done of a reading that is under way will not be called. */
void fp_proxies_drop(struct fp_proxies *p);
/* Connect anew the next time: it did not answer. */
void fp_proxy_drop(struct fp_proxy *x);

#endif
