/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_TRUSTED_H
#define FP_CODEC_TRUSTED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

struct cJSON;

/* What tells whom OpenSIPS' routing trusts, beside opensips.h.
 * Source: OpenSIPS 3.6.8 dispatch.c ds_print_mi_list, drouting.c
 * mi_dr_reload_status. */

/* A destination of ds_list and one address that OpenSIPS resolved it to; address
 * NULL: it has none (yet), uri is all there is. */
struct fp_trusted_dest {
	const char *partition, *uri, *address; /* "192.0.2.7:5060" */
	int64_t set_id;
};
/* 0, or what each returned; -EBADMSG. */
int fp_trusted_dispatcher(const struct cJSON *result,
			  int (*each)(void *ctx,
				      const struct fp_trusted_dest *d),
			  void *ctx, struct fp_err *e);

/* dr_reload_status: the names of drouting's partitions.  None: it has no
 * partitions. */
int fp_trusted_partitions(const struct cJSON *result,
			  int (*each)(void *ctx, const char *name), void *ctx);

/* "192.0.2.7", "192.0.2.0/24", "[2001:db8::1]", "192.0.2.7:5060",
 * "[2001:DB8::1]:5060" to a prefix, its host bits cut off.  false: a name, or
 * nothing. */
bool fp_trusted_address(const char *s, struct fp_prefix *out);

#endif
