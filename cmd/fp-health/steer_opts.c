/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health steer: what it is told and what it says. */
#include "steer.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#define LEASE_S 60
/* fr_timeout of tm (30 s by default) and a second */
#define SETTLE_S 31
#define MAX_DOWN 50.0

/* ---- records */

#define AT(M) offsetof(struct fh_steer_rec, M)
static const struct fp_field fields[] = {
	{ "at", AT(at_s), FP_F_TIME, NULL, "when" },
	{ "proxy", AT(proxy), FP_F_STR, NULL, "the OpenSIPS" },
	{ "kind", AT(kind), FP_F_STR, NULL,
	  "dispatcher, load_balancer or rtpengine" },
	{ "set", AT(set), FP_F_STR, NULL, "its set or group" },
	{ "uri", AT(uri), FP_F_STR, NULL, "the destination" },
	{ "node", AT(node), FP_F_STR, NULL, "the node it leads to" },
	{ "act", AT(act), FP_F_STR, NULL, "what was done" },
	{ "why", AT(why), FP_F_TEXT, NULL, "why" },
	{ "changed", AT(is_changed), FP_F_BOOL, NULL,
	  "routing is different now" },
};
static const struct fp_type type = { "steer", fields, FH_COUNT(fields) };

void fh_steer_record(struct fp_cli *c, const struct fh_steer_rec *rec)
{
	struct fp_err e = { .text = "" };

	if (fp_out_record(c->out, &type, rec, &e))
		fp_log(FP_LOG_ERR, "%s", e.text);
	fp_out_flush(c->out);
}

/* ---- what the command line says */

static int duration(const struct fp_cli *c, const char *option, int64_t min_s,
		    int64_t *out_s, struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	int64_t ms = 0;
	int r = s ? fp_parse_duration(s, &ms, e) : 0;

	if (r)
		return fp_err_prefix(e, r, "--%s", option);
	if (s && ms < min_s * 1000)
		return fp_err(e, -EINVAL, "--%s %s: at least %llds", option, s,
			      (long long)min_s);
	if (s)
		*out_s = ms / 1000;
	return 0;
}

static int percent(const struct fp_cli *c, double *out, struct fp_err *e)
{
	const char *s = fp_cli_get(c, "max-down");
	char *stop;
	double v;

	if (!s)
		return 0;
	v = strtod(s, &stop);
	if (*stop == '%')
		stop++;
	if (stop == s || *stop || !isfinite(v) || v < 0 || v > 100)
		return fp_err(e, -EINVAL, "--max-down %s: a percentage", s);
	*out = v;
	return 0;
}

int fh_steer_options(struct fh_steer_opts *out, const struct fp_cli *c,
		     struct fp_err *e)
{
	int r;

	*out = (struct fh_steer_opts){ .lease_s = LEASE_S,
				       .settle_s = SETTLE_S,
				       .max_down_percent = MAX_DOWN };
	r = duration(c, "lease", 3, &out->lease_s, e);
	if (!r)
		r = duration(c, "settle", 0, &out->settle_s, e);
	if (!r)
		r = percent(c, &out->max_down_percent, e);
	return r ? r : fp_out_check(c->out, &type, e);
}
