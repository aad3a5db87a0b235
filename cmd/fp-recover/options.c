/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says of calls, proof and pace. */
#include <string.h>

#include "options.h"

#define BATCH 100
/* FreeSWITCH gives a far end 32 s (64 x T1): facts of 1.10.12, step 9. */
#define PROVE_MS 35000
#define PROVE_MAX_MS (24 * 3600000)

/* Those of lib/recover, lib/db, lib/peer and our own; the manual page has them too,
 * and test/bats/man.bats holds all of them together. */
static const char *const rules[] = {
	"alive", "ready",    "version", "clock",       "profile", "store",
	"ports", "capacity", "policy",  "maintenance", "old",     "lost",
	"fence", "lock",     "pooler",  "edge",
};

static int overrides(const struct fv_env *v, struct fp_err *e)
{
	return fp_verb_rules(v->c, rules, FV_COUNT(rules), e);
}

/* Nodes are operands; -N stands for them where a verb is of several. */
static int names(const struct fp_cli *c, struct fp_err *e)
{
	const char *verb = c->verb->name, *to = fp_cli_get(c, "to");

	if (to && !*to)
		return fp_err(e, -EINVAL, "--to: an empty name");
	if (!c->n_nodes)
		return 0;
	if (strcmp(verb, "list") != 0 &&
	    !(!strcmp(verb, "preflight") && fp_cli_get(c, "all")))
		return fp_err(e, -EINVAL,
			      "-N is of list and preflight --all: %s has its "
			      "words in its place",
			      verb);
	return c->argc ? fp_err(e, -EINVAL,
				"%s: nodes are named by -N or as operands",
				verb)
		       : 0;
}

static int orphans(struct fv_env *v, struct fp_err *e)
{
	const char *s = fp_cli_get(v->c, "orphans");

	v->calls.orphans = FP_FATE_BYE;
	if (s && fp_call_fate_parse(s, &v->calls.orphans))
		return fp_err(e, -EINVAL, "--orphans %s: bye, redial or skip",
			      s);
	return 0;
}

static int one_leg(struct fv_env *v, struct fp_err *e)
{
	const char *s = fp_cli_get(v->c, "one-leg");

	if (s && strcmp(s, "safe") != 0 && strcmp(s, "all") != 0)
		return fp_err(e, -EINVAL, "--one-leg %s: safe or all", s);
	v->calls.is_one_leg_all = s && !strcmp(s, "all");
	return 0;
}

static int pace(struct fv_env *v, struct fp_err *e)
{
	int64_t batch = BATCH;
	int r = fp_nodes_number(v->c, "batch", 1, 200, &batch, e);

	v->batch = (size_t)batch;
	v->prove_ms = PROVE_MS;
	v->wait_ms = -1;
	if (!r)
		r = fp_verb_duration(v->c, "prove", &v->prove_ms, e);
	if (!r && v->prove_ms < 1000)
		r = fp_err(e, -EINVAL, "--prove: at least 1s");
	if (!r && v->prove_ms > PROVE_MAX_MS)
		r = fp_err(e, -EINVAL, "--prove: at most 24h");
	return r ? r : fp_verb_duration(v->c, "wait", &v->wait_ms, e);
}

static int fence(struct fv_env *v, struct fp_err *e)
{
	const char *s;
	int r = fp_verb_fence(v->c, &s, &v->fence_ms, e);

	if (r)
		return r;
	if (!s && fp_cli_get(v->c, "fence-targets"))
		return fp_err(
			e, -EINVAL,
			"--fence-targets: of --fence COMMAND, which is not given");
	return 0;
}

int fv_options(struct fv_env *v, struct fp_err *e)
{
	int r = v->c->timeout_ms < 1
			? fp_err(e, -EINVAL, "--timeout: at least 1ms")
			: overrides(v, e);

	v->calls.too_old_us = (int64_t)FP_DEAD_TOO_LONG_S * 1000000;
	if (fp_cli_overrides(v->c, "old"))
		v->calls.too_old_us = 0;
	if (!r)
		r = names(v->c, e);
	if (!r)
		r = orphans(v, e);
	if (!r)
		r = one_leg(v, e);
	if (!r)
		r = pace(v, e);
	if (!r)
		r = fence(v, e);
	return r ? r : fp_verb_by(v->c, v->by, e);
}
