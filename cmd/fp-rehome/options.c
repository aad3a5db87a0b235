/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says of calls, pace and proof. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "options.h"

#define WINDOW 8
#define WINDOW_MAX 128 /* what fp_mi keeps under way over UDP */
#define RATE 50.0
#define RETRIES 3
#define CALL_TIMEOUT_MS 70000 /* two legs of 30 s, tm's fr_timeout, and some */
/* Measured: 4 transactions a call.  facts of OpenSIPS 3.6.8 */
#define COST_BYTES (31 * 1024)
#define FLOOR 0.25

static int number(const struct fr_env *v, const char *option, int64_t min,
		  int64_t max, int64_t *out, struct fp_err *e)
{
	return fp_nodes_number(v->c, option, min, max, out, e);
}

/* ---- what every verb has */

/* Those of lib/rehome, lib/db and our own; the manual page has them too, and
 * test/bats/man.bats holds all of them together. */
static const char *const rules[] = {
	"alive",  "link",        "in-sync",   "bind",    "tag",
	"active", "split",       "owner",     "version", "memory",
	"policy", "maintenance", "new-calls", "body",    "local-route",
	"last",   "sync",        "lock",      "pooler",
};

/* Nodes are named by operands, or by -N where a verb is of all. */
static int names(const struct fp_cli *c, struct fp_err *e)
{
	const char *verb = c->verb->name, *to = fp_cli_get(c, "to");

	if (to && !*to)
		return fp_err(e, -EINVAL, "--to: an empty name");
	if (!c->n_nodes)
		return 0;
	if (strcmp(verb, "list") != 0 && strcmp(verb, "balance") != 0 &&
	    !(!strcmp(verb, "preflight") && fp_cli_get(c, "all")))
		return fp_err(e, -EINVAL,
			      "-N is of list, balance and preflight --all: %s "
			      "has its words in its place",
			      verb);
	return c->argc ? fp_err(e, -EINVAL,
				"%s: nodes are named by -N or as operands",
				verb)
		       : 0;
}

/* ---- which calls */

/* 192.0.2.1, 2001:db8::1, either with a port, [2001:db8::1]: its address. */
static int media(struct fr_env *v, struct fp_err *e)
{
	const char *s = fp_cli_get(v->c, "media"), *end, *port;
	struct fp_prefix p;
	size_t skip;

	if (!s)
		return 0;
	skip = *s == '[';
	end = strchrnul(s, skip ? ']' : ':');
	port = end + (skip && *end);
	if (!skip && *end && strchr(end + 1, ':')) /* IPv6 */
		port = end = s + strlen(s);
	if (*port && (*port != ':' || !port[1] ||
		      port[1 + strspn(port + 1, "0123456789")]))
		end = s;
	if (end <= s + skip || (skip && *end != ']') ||
	    fp_prefix_parse(&p, s + skip, (size_t)(end - s) - skip, NULL) ||
	    !fp_prefix_is_host(&p))
		return fp_err(e, -EINVAL, "--media %s: no address", s);
	fp_prefix_print(&p, v->media);
	v->select.media = v->media;
	return 0;
}

static int ages(struct fr_env *v, struct fp_err *e)
{
	int64_t older_ms = 0, younger_ms = 0;
	int r = fp_verb_duration(v->c, "older", &older_ms, e);

	if (!r)
		r = fp_verb_duration(v->c, "younger", &younger_ms, e);
	if (!r && fp_cli_get(v->c, "younger") && older_ms >= younger_ms)
		return fp_err(e, -EINVAL,
			      "--older %s --younger %s: no call is both",
			      older_ms ? fp_cli_get(v->c, "older") : "0s",
			      fp_cli_get(v->c, "younger"));
	v->select.older_s = older_ms / 1000;
	v->select.younger_s = (younger_ms + 999) / 1000;
	return r;
}

static int selection(struct fr_env *v, struct fp_err *e)
{
	struct fp_select *q = &v->select;
	int64_t count = 0;
	int r = fp_words_of(&v->tags, v->c, "tag", e);

	if (!r)
		r = fp_words_of(&v->callids, v->c, "calls", e);
	q->tags = v->tags.v;
	q->n_tags = v->tags.n;
	q->callids = v->callids.v;
	q->n_callids = v->callids.n;
	if (!r)
		r = media(v, e);
	if (!r)
		r = ages(v, e);
	if (!r)
		r = number(v, "count", 1, INT32_MAX, &count, e);
	q->from_prefix = fp_cli_get(v->c, "from-uri");
	q->to_prefix = fp_cli_get(v->c, "to-uri");
	q->count = (size_t)count;
	return r;
}

static int body(struct fr_env *v, struct fp_err *e)
{
	const char *s = fp_cli_get(v->c, "body");

	for (int b = FP_BODY_AUTO; s && b <= FP_BODY_INBOUND; b++)
		if (!strcmp(s, fp_body_name((enum fp_body)b))) {
			v->body = (enum fp_body)b;
			return 0;
		}
	return s ? fp_err(e, -EINVAL, "--body %s: auto, outbound or inbound", s)
		 : 0;
}

static int rate(const struct fr_env *v, double *out, struct fp_err *e)
{
	const char *s = fp_cli_get(v->c, "rate");
	char *end;

	*out = RATE;
	if (!s)
		return 0;
	if (!strcmp(s, "max")) {
		*out = 0;
		return 0;
	}
	*out = strtod(s, &end);
	if (!strcmp(end, "/s"))
		end += 2;
	if (end == s || *end || !isfinite(*out) || *out < 0.1 || *out > 1e6)
		return fp_err(e, -EINVAL,
			      "--rate %s: calls a second, at least 0.1, or max",
			      s);
	return 0;
}

static int verify(const struct fr_env *v, enum fp_verify *out, struct fp_err *e)
{
	static const char *const names[] = { [FP_VERIFY_NONE] = "none",
					     [FP_VERIFY_LIST] = "list",
					     [FP_VERIFY_TRAFFIC] = "traffic" };
	const char *s = fp_cli_get(v->c, "verify");

	*out = FP_VERIFY_LIST;
	for (size_t i = 0; s && i < FR_COUNT(names); i++)
		if (!strcmp(s, names[i])) {
			*out = (enum fp_verify)i;
			return 0;
		}
	return s ? fp_err(e, -EINVAL, "--verify %s: list, traffic or none", s)
		 : 0;
}

static int pace(struct fr_env *v, struct fp_err *e)
{
	int64_t window = WINDOW, retries = RETRIES, silent = 0;
	struct fp_mover_opts *m = &v->moving.mover;
	int r = number(v, "window", 1, WINDOW_MAX, &window, e);

	if (!r)
		r = number(v, "retries", 0, 100, &retries, e);
	if (!r)
		r = number(v, "silent-retries", 0, 10, &silent, e);
	if (!r)
		r = rate(v, &m->rate, e);
	v->moving.call_timeout_ms = CALL_TIMEOUT_MS;
	if (!r)
		r = fp_verb_duration(v->c, "call-timeout",
				     &v->moving.call_timeout_ms, e);
	if (!r && v->moving.call_timeout_ms < 1000)
		r = fp_err(e, -EINVAL, "--call-timeout: at least 1s");
	m->window = (unsigned int)window;
	m->retries = (unsigned int)retries;
	m->silent_retries = (unsigned int)silent;
	m->cost_bytes = COST_BYTES;
	m->floor = FLOOR;
	m->seed = (uint64_t)getpid() << 32 ^ (uint64_t)fp_clock_unix_ms();
	return r ? r : verify(v, &v->moving.verify, e);
}

int fr_options(struct fr_env *v, struct fp_err *e)
{
	int r = v->c->timeout_ms < 1
			? fp_err(e, -EINVAL, "--timeout: at least 1ms")
			: fp_verb_rules(v->c, rules, FR_COUNT(rules), e);

	v->wait_ms = -1;
	if (!r)
		r = names(v->c, e);
	if (!r)
		r = selection(v, e);
	if (!r)
		r = body(v, e);
	if (!r)
		r = pace(v, e);
	if (!r)
		r = fp_verb_duration(v->c, "wait", &v->wait_ms, e);
	if (!r)
		r = fp_verb_fence(v->c, &v->fence, &v->fence_ms, e);
	return r ? r : fp_verb_by(v->c, v->by, e);
}
