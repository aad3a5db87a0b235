/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_CHECK_H
#define FP_CMD_HEALTH_CHECK_H

/* What check and status share: one round, and what came of it. */

#include "ask.h"

/* Open the site, ask once, with what is known from before; what was seen is kept.
 * 0: a->site has it.  -EINTR -errno. */
int fh_round(struct fh_ask *a, struct fp_err *e);

/* Every check that is told, the cluster's last; stops at non-zero. */
int fh_each_check(struct fp_site *s,
		  int (*each)(void *ctx, const struct fp_site_check *c),
		  void *ctx);

struct fh_tally {
	enum fp_health worst; /* UNKNOWN: there is none */
	size_t n, n_of[FP_N_HEALTH];
};
void fh_tally(struct fp_site *s, struct fh_tally *out);

/* Members of the last line of JSON. */
void fh_summary(char *out, size_t size, const struct fh_ask *a,
		const struct fh_tally *t);

struct fh_check_rec {
	const char *node, *check, *state, *detail, *figures, *run;
	int64_t since_s;
	double latency_ms;
	bool takes_calls;
};
extern const struct fp_type fh_check_type;
/* figures: where they are printed to. */
void fh_check_rec(struct fh_check_rec *out, const struct fp_site_check *c,
		  struct fp_buf *figures);

/* check_format.c */
int fh_nagios(struct fh_ask *a, const struct fh_tally *t, struct fp_err *e);
void fh_nagios_fail(const struct fp_err *e);
int fh_prometheus(struct fh_ask *a, const struct fh_tally *t, struct fp_err *e);

#endif
