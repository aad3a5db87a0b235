/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync push: nodes' pushed lists become equal to the lists directory. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "control/stay.h"
#include "io/clock.h"
#include "push.h"

#define CONFIRM_MAX_MS (7 * 86400ll * 1000)

static const struct fp_field push_fields[] = {
	{ "node", offsetof(struct fs_push_rec, node), FP_F_STR, NULL, "node" },
	{ "state", offsetof(struct fs_push_rec, state), FP_F_STR, NULL,
	  "ok, pending, would-change, refused, busy, unreachable, unknown-key, changed-key, denied or failed" },
	{ "changed", offsetof(struct fs_push_rec, is_changed), FP_F_BOOL, NULL,
	  "its lists were changed" },
	{ "added", offsetof(struct fs_push_rec, added), FP_F_U64, NULL,
	  "entries that its lists did not have" },
	{ "removed", offsetof(struct fs_push_rec, removed), FP_F_U64, NULL,
	  "entries taken off" },
	{ "policy", offsetof(struct fs_push_rec, policy), FP_F_TEXT, NULL,
	  "its policy digest now" },
	{ "sent", offsetof(struct fs_push_rec, sent), FP_F_U64, "bytes",
	  "bytes sent" },
	{ "received", offsetof(struct fs_push_rec, received), FP_F_U64, "bytes",
	  "bytes received" },
	{ "ms", offsetof(struct fs_push_rec, ms), FP_F_I64, "ms",
	  "how long it took" },
	{ "detail", offsetof(struct fs_push_rec, detail), FP_F_STR, NULL,
	  "why not, or what should be known" },
	{ "force", offsetof(struct fs_push_rec, is_in_force), FP_F_BOOL, NULL,
	  "a filter is attached there" },
};
const struct fp_type fs_push_type = { "push", push_fields,
				      FS_COUNT(push_fields) };

void fs_push_judge(struct fp_outcome *o)
{
	char more[sizeof(o->err.text)];

	if (o->standing != FP_STANDS_WELL || o->is_in_force)
		return;
	snprintf(more, sizeof(more), "%s%s", o->err.text[0] ? "; " : "",
		 o->err.text);
	fp_err(&o->err, 0, FS_NOT_IN_FORCE "%.300s", more);
	o->is_partly = true;
}

int fs_push_record(struct fp_cli *c, const struct fs_node *n, struct fp_err *e)
{
	struct fs_push_rec rec = {
		.node = n->host->name,
		.state = n->out.state,
		.is_changed = n->out.is_changed,
		.is_in_force = n->out.is_in_force,
		.added = n->out.added,
		.removed = n->out.removed,
		.sent = n->sent,
		.received = n->received,
		.ms = n->ms,
		.detail = n->out.err.text,
	};

	fs_digest(c, n->out.policy, rec.policy);
	return fp_out_record(c->out, &fs_push_type, &rec, e);
}

int fs_read_source(struct fp_cli *c, struct fp_plan *p, struct fp_err *e)
{
	struct fp_source_opts o = {
		.dir = fs_lists_dir(c),
		.names = p->push.names,
		.n_names = p->push.n_names,
		.is_gone_ok = p->push.is_prune,
		.is_empty_ok = fp_cli_overrides(c, "empty"),
		.now_s = fp_clock_unix_s(),
	};
	int r = fp_source_read(&p->source, &o, p->history, e);

	if (!r && fp_source_expired(p->source))
		fp_log(FP_LOG_NOTICE,
		       "%llu lines left out: their until= has passed",
		       (unsigned long long)fp_source_expired(p->source));
	return r;
}

int fs_plan_push(struct fs_site *s, struct fp_plan *p, struct fp_err *e)
{
	struct fp_cli *c = s->c;
	int r = fp_history_open(&p->history, c->state_dir, e);

	if (!r)
		r = fp_copy_open(&p->copy, c->state_dir, e);
	if (!r)
		r = fs_read_source(c, p, e);
	return r ? r : fp_plan_begin(p, e);
}

static void log_change(const struct fp_plan *p, const struct fs_tally *t)
{
	if (t->is_changed && !p->push.is_dry_run)
		fp_log_change(p->push.why,
			      "push %.12s: policy %.12s on %zu nodes, %zu not",
			      p->id, fp_source_policy(p->source),
			      t->n[FP_STANDS_WELL],
			      t->n[FP_STANDS_AWAY] + t->n[FP_STANDS_REFUSED] +
				      t->n[FP_STANDS_FAILED]);
}

int fs_push_waits(struct fp_plan *p, const struct fs_node *node, size_t n,
		  struct fp_err *e)
{
	const char **name = calloc(n + 1, sizeof(*name));
	size_t n_waiting = 0;
	int r;

	if (!name)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (!strcmp(node[i].out.pending, p->id))
			name[n_waiting++] = node[i].host->name;
	r = fp_history_wait(p->history, p->id, name, n_waiting, p->timeout_ms,
			    e);
	free(name);
	return r;
}

int fs_push_nodes(struct fs_site *s, struct fp_plan *p,
		  const struct fp_host *const *hosts, size_t n,
		  struct fs_tally *t, struct fp_err *e)
{
	struct fs_node *node = calloc(n + 1, sizeof(*node));
	int r = node ? fs_visit_all(s, p, "push", hosts, n, node, e)
		     : fp_err(e, -ENOMEM, "out of memory");

	if (!r)
		r = fs_push_waits(p, node, n, e);
	for (size_t i = 0; i < n && !r; i++) {
		fs_push_judge(&node[i].out);
		fs_tally_add(t, node[i].host->name, &node[i].out);
		r = fs_push_record(s->c, &node[i], e);
	}
	free(node);
	if (!r)
		log_change(p, t);
	return r;
}

int fs_push_all(struct fs_site *s, struct fp_plan *p, struct fp_err *e)
{
	struct fs_tally t = { .is_changed = false };
	int r = fs_push_nodes(s, p, s->hosts, s->n_hosts, &t, e);

	if (r)
		return r;
	fs_tally_summary(s->c, &t);
	return fs_tally_status(&t, s->c->is_dry_run);
}

static int check_names(struct fp_cli *c, struct fp_err *e)
{
	int r = 0;

	for (int i = 0; i < c->argc && !r; i++) {
		r = fp_list_name_check(c->argv[i], e);
		if (!r && c->argv[i][0] == '_')
			r = fp_err(
				e, -EINVAL,
				"%s: names that begin with '_' are not pushed",
				c->argv[i]);
	}
	return r;
}

/* --stay has no end to confirm. */
static int check_usage(struct fp_cli *c)
{
	static const char *const not_with_stay[] = { "confirm", "canary" };

	if (fp_cli_get(c, "canary") && !fp_cli_get(c, "confirm") &&
	    !fp_cli_get(c, "stay"))
		return fp_cli_usage(
			c, "--canary needs --confirm: how long to wait");
	for (size_t i = 0; i < FS_COUNT(not_with_stay); i++)
		if (fp_cli_get(c, "stay") && fp_cli_get(c, not_with_stay[i]))
			return fp_cli_usage(c,
					    "--stay and --%s: only one of them",
					    not_with_stay[i]);
	if (fp_cli_get(c, "stay") && c->is_dry_run)
		return fp_cli_usage(c,
				    "--stay and --dry-run: only one of them");
	return 0;
}

/* What is to be confirmed must not be pushed for good by another of us. */
static int check_stay(struct fp_cli *c, struct fp_err *e)
{
	if (fp_cli_overrides(c, "stay") || !fp_stay_runs(c->state_dir))
		return 0;
	return fp_refuse(
		e, "stay",
		"a push --stay runs here, and pushes the same lists to all nodes for good: stop it first");
}

/* --confirm and --canary. */
static int read_confirm(struct fp_cli *c, int64_t *confirm_ms, size_t *canary,
			struct fp_err *e)
{
	const char *dur = fp_cli_get(c, "confirm");
	const char *n = fp_cli_get(c, "canary");
	char *end;
	int r;

	if (!dur)
		return 0;
	r = fp_parse_duration(dur, confirm_ms, e);
	if (r)
		return fp_err_prefix(e, r, "--confirm");
	if (*confirm_ms < 1000 || *confirm_ms > CONFIRM_MAX_MS)
		return fp_err(e, -EINVAL, "--confirm %s: from 1s to 7d", dur);
	if (!n)
		return 0;
	*canary = strtoul(n, &end, 10);
	if (*n < '0' || *n > '9' || *end || !*canary)
		return fp_err(e, -EINVAL, "--canary %s: how many nodes, from 1",
			      n);
	return 0;
}

static int push(struct fs_site *s, struct fp_plan *p, struct fp_err *e)
{
	struct fp_cli *c = s->c;
	size_t canary = 0;
	int r = fs_site_open(s, c, NULL, 0, e);

	if (!r)
		r = fs_plan(s, p, e);
	if (!r)
		r = read_confirm(c, &p->push.confirm_ms, &canary, e);
	if (!r && p->push.confirm_ms)
		r = check_stay(c, e);
	if (r)
		return r;
	p->push.names = (const char *const *)c->argv;
	p->push.n_names = (size_t)c->argc;
	r = fs_plan_push(s, p, e);
	if (r)
		return r;
	if (canary && !c->is_dry_run)
		return fs_push_canary(s, p, canary, e);
	return fs_push_all(s, p, e);
}

int fs_push(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fs_site s = { .c = c };
	struct fp_plan p = { .timeout_ms = 0 };
	int r = check_usage(c);

	if (r)
		return r;
	r = fp_out_check(c->out, &fs_push_type, &e);
	if (!r)
		r = check_names(c, &e);
	if (!r && fp_cli_get(c, "stay"))
		return fs_push_stay(c);
	if (!r)
		r = push(&s, &p, &e);
	if (r < 0)
		r = fp_cli_fail(c, r, &e);
	fp_plan_fini(&p);
	fs_site_close(&s);
	return r;
}
