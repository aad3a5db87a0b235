/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/progress.h"
#include "io/clock.h"
#include "model/pattern.h"
#include "peer/remote.h"

#define PARALLEL 64
#define WHY_MAX 512
#define CLOCK_MATTERS_S 2
#define DIGEST_SHORT 12

/* ---- the site */

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return s && *s ? s : NULL;
}

static void who(struct fs_site *s)
{
	const char *user = env("SUDO_USER");

	if (gethostname(s->name, sizeof(s->name) - 1))
		strcpy(s->name, "controller");
	if (fp_cli_get(s->c, "by"))
		snprintf(s->by, sizeof(s->by), "%s", fp_cli_get(s->c, "by"));
	else
		snprintf(s->by, sizeof(s->by), "%s@%s",
			 user             ? user
			 : env("LOGNAME") ? env("LOGNAME")
					  : "root",
			 s->name);
}

static int parallel(const struct fp_cli *c, unsigned int *out, struct fp_err *e)
{
	const char *s = fp_cli_get(c, "parallel");
	unsigned long n = PARALLEL;
	char *end;

	if (s) {
		n = strtoul(s, &end, 10);
		if (*s < '0' || *s > '9' || *end || !n || n > 10000)
			return fp_err(e, -EINVAL,
				      "--parallel %s: a number from 1 to 10000",
				      s);
	}
	*out = (unsigned int)n;
	return 0;
}

static int read_cluster(struct fs_site *s, char **names, size_t n,
			struct fp_err *e)
{
	const char *const *patterns =
		n ? (const char *const *)names : s->c->nodes;
	int r = fp_inventory_read(&s->inv, s->c->cluster, e);

	if (r == -ENOENT)
		return fp_err(e, -EINVAL,
			      "no cluster file %s: which nodes are there?",
			      s->c->cluster);
	if (!r)
		r = fp_pattern_select(s->inv, patterns, n ? n : s->c->n_nodes,
				      &s->hosts, &s->n_hosts, e);
	if (!r && !s->n_hosts)
		r = fp_err(e, -EINVAL, "%s names no node", s->c->cluster);
	return r;
}

int fs_site_open(struct fs_site *out, struct fp_cli *c, char **names, size_t n,
		 struct fp_err *e)
{
	int r;

	*out = (struct fs_site){ .c = c, .reload = out->reload };
	who(out);
	out->opts = (struct fp_fleet_opts){
		.name = out->name,
		.transport = fp_cli_get(c, "ssh-command"),
		.ssh = fp_cli_get(c, "no-ssh-config") ? NULL : "ssh",
		.home = env("HOME"),
		.agent = env("SSH_AUTH_SOCK"),
		.timeout_ms = c->timeout_ms,
	};
	r = parallel(c, &out->opts.parallel, e);
	if (!r)
		r = read_cluster(out, names, n, e);
	if (!r)
		r = fp_loop_open(&out->loop, e);
	if (!r)
		r = fp_loop_signals(out->loop, out->reload, out, e);
	if (!r)
		r = fp_remote_init(e);
	if (r)
		fs_site_close(out);
	return r;
}

int fs_site_check(struct fs_site *s, struct fp_err *e)
{
	struct fs_site now = { .c = s->c };
	int r = read_cluster(&now, NULL, 0, e);

	fs_site_close(&now);
	return r;
}

void fs_site_close(struct fs_site *s)
{
	if (s->loop)
		fp_remote_exit();
	fp_loop_close(s->loop);
	free(s->hosts);
	fp_inventory_free(s->inv);
	s->loop = NULL;
	s->hosts = NULL;
	s->inv = NULL;
}

const char *fs_lists_dir(const struct fp_cli *c)
{
	const char *dir = fp_cli_get(c, "lists");

	return dir ? dir : FS_LISTS_DIR;
}

int fs_our_lists(const struct fp_cli *c, const char *const *names, size_t n,
		 struct fp_source **out, struct fp_err *e)
{
	struct fp_source_opts o = { .dir = fs_lists_dir(c),
				    .names = names,
				    .n_names = n,
				    .is_gone_ok = true,
				    .is_empty_ok = true,
				    .now_s = fp_clock_unix_s() };

	return fp_source_read(out, &o, NULL, e);
}

/* ---- what a push is */

/* What nodes take of these (fp-sync-protocol.5). */
static int check_text(const struct fs_site *s, struct fp_err *e)
{
	const char *why = fp_cli_get(s->c, "why");

	if (why && strlen(why) > WHY_MAX)
		return fp_err(e, -EINVAL, "--why: at most %d bytes", WHY_MAX);
	if (strlen(s->by) >= sizeof(s->by) - 1)
		return fp_err(e, -EINVAL, "--by: at most %zu bytes",
			      sizeof(s->by) - 2);
	return 0;
}

static int max_change(const struct fp_cli *c, int *out, struct fp_err *e)
{
	const char *s = fp_cli_get(c, "max-change");
	unsigned long n;
	char *end;

	*out = -1;
	if (!s)
		return 0;
	n = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || (*end && strcmp(end, "%")) || n > 100)
		return fp_err(e, -EINVAL,
			      "--max-change %s: a number from 0 to 100", s);
	*out = (int)n;
	return 0;
}

static void note(void *ctx, const char *node, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_NOTICE, "%s: %s", node, text);
}

int fs_plan(struct fs_site *s, struct fp_plan *out, struct fp_err *e)
{
	struct fp_cli *c = s->c;
	int r = check_text(s, e);

	*out = (struct fp_plan){
		.timeout_ms = c->timeout_ms,
		.is_adopt =
			fp_cli_get(c, "adopt") || fp_cli_overrides(c, "adopt"),
		.push = { .is_prune = fp_cli_get(c, "prune"),
			  .by = s->by,
			  .why = fp_cli_get(c, "why"),
			  .is_dry_run = c->is_dry_run },
		.by = s->by,
		.why = fp_cli_get(c, "why"),
		.overrides = { .data = NULL },
		.notice = note,
	};
	for (size_t i = 0; i < c->n_overrides; i++)
		fp_buf_printf(&out->overrides, "%s%s", i ? "," : "",
			      c->overrides[i]);
	if (c->n_overrides)
		out->push.overrides = fp_buf_str(&out->overrides);
	return r ? r : max_change(c, &out->push.max_change, e);
}

/* ---- visits */

int64_t fs_clock_s(const struct fp_host *h, const struct fp_hello *hello)
{
	int64_t ms = hello->clock_ms - fp_clock_unix_ms();
	int64_t s = (ms + (ms < 0 ? -500 : 500)) / 1000;

	if (llabs(s) > CLOCK_MATTERS_S)
		fp_log(FP_LOG_WARN, "%s: its clock is %lld s %s ours", h->name,
		       (long long)llabs(s), s > 0 ? "ahead of" : "behind");
	return s;
}

struct visit_all {
	const struct fp_host *const *host;
	struct fs_node *node;
	struct fp_progress progress;
	uint64_t n_ended;
};

static void on_hello(void *ctx, size_t i, const struct fp_hello *h)
{
	const struct visit_all *all = ctx;

	all->node[i].has_hello = true;
	all->node[i].clock_s = fs_clock_s(all->host[i], h);
}

static void on_ended(void *ctx, size_t i, const struct fp_member *m,
		     const struct fp_outcome *out)
{
	struct visit_all *all = ctx;
	struct fs_node *n = &all->node[i];

	n->out = *out;
	n->sent = m->sent;
	n->received = m->received;
	n->ms = m->ended_ms - (m->started_ms ? m->started_ms : m->ended_ms);
	fp_progress_at(&all->progress, ++all->n_ended);
}

int fs_visit_all(struct fs_site *s, struct fp_plan *plan, const char *what,
		 const struct fp_host *const *hosts, size_t n,
		 struct fs_node *node, struct fp_err *e)
{
	struct visit_all all = { .host = hosts, .node = node };
	const struct fp_visits_ops ops = { on_hello, on_ended, &all };
	int r;

	for (size_t i = 0; i < n; i++)
		node[i].host = hosts[i];
	fp_progress_start(&all.progress, what, "nodes", n,
			  s->c->is_quiet || s->c->is_json);
	r = fp_visit_hosts(s->loop, &s->opts, plan, hosts, n, &ops, e);
	fp_progress_end(&all.progress);
	return r;
}

int fs_ask_all(struct fs_site *s, const struct fp_fleet_ops *ops, void *data,
	       size_t size, struct fp_err *e)
{
	struct fp_fleet *f;
	int r = fp_fleet_open(&f, s->loop, &s->opts, s->hosts, s->n_hosts, ops,
			      e);

	if (r)
		return r;
	for (size_t i = 0; i < s->n_hosts; i++)
		fp_fleet_member(f, i)->data = (char *)data + i * size;
	r = fp_fleet_run(f);
	fp_fleet_close(f);
	return r < 0 ? fp_err_sys(e, r, "event loop") : 0;
}

void fs_opened(void *ctx, struct fp_member *m)
{
	(void)ctx;
	(void)m;
}

bool fs_is_note(const struct fp_member *m, const struct fp_event *ev)
{
	if (ev->kind == FP_EVENT_NOTE)
		fp_log(FP_LOG_NOTICE, "%s: %s", m->host->name, ev->err.text);
	return ev->kind == FP_EVENT_NOTE;
}

/* ---- how it went */

void fs_tally_add(struct fs_tally *t, const char *node,
		  const struct fp_outcome *o)
{
	bool is_rule = o->standing == FP_STANDS_REFUSED && o->err.rule[0];

	/* what was changed there is done, whatever came after */
	bool is_done =
		o->standing == FP_STANDS_WELL || o->is_changed || o->is_partly;

	t->n[is_done ? FP_STANDS_WELL : o->standing]++;
	t->n_partly +=
		o->is_partly || (is_done && o->standing != FP_STANDS_WELL);
	t->is_changed |= o->is_changed;
	if (o->standing == FP_STANDS_WELL) {
		if (o->is_partly)
			fp_log(FP_LOG_WARN, "%s: %s", node, o->err.text);
		return;
	}
	if (is_rule)
		fp_log(FP_LOG_ERR,
		       "%s: refused by rule %s: %s; --override %s lifts it",
		       node, o->err.rule, o->err.text, o->err.rule);
	else
		fp_log(FP_LOG_ERR, "%s: %s", node, o->err.text);
}

int fs_tally_status(const struct fs_tally *t, bool is_dry_run)
{
	size_t away = t->n[FP_STANDS_AWAY], failed = t->n[FP_STANDS_FAILED];
	size_t refused = t->n[FP_STANDS_REFUSED];

	if (!away && !failed && !refused && is_dry_run && t->is_changed)
		return FP_EXIT_NO;
	if (!away && !failed && !refused)
		return t->n_partly ? FP_EXIT_PARTIAL : FP_EXIT_OK;
	if (t->n[FP_STANDS_WELL])
		return FP_EXIT_PARTIAL;
	if (refused)
		return FP_EXIT_REFUSED;
	if (away && failed)
		return FP_EXIT_PARTIAL;
	return away ? FP_EXIT_AGAIN : FP_EXIT_FAIL;
}

void fs_tally_summary(struct fp_cli *c, const struct fs_tally *t)
{
	uint64_t n = 0;
	char line[128];

	for (int i = 0; i <= FP_STANDS_FAILED; i++)
		n += t->n[i];
	snprintf(
		line, sizeof(line),
		"%llu nodes: %zu done, %zu unreachable, %zu refused, %zu failed",
		(unsigned long long)n, t->n[FP_STANDS_WELL],
		t->n[FP_STANDS_AWAY], t->n[FP_STANDS_REFUSED],
		t->n[FP_STANDS_FAILED]);
	fp_out_counts(c->out, t->is_changed,
		      t->n[FP_STANDS_WELL] == n ? NULL : line, "nodes", n,
		      "done", (uint64_t)t->n[FP_STANDS_WELL], "unreachable",
		      (uint64_t)t->n[FP_STANDS_AWAY], "refused",
		      (uint64_t)t->n[FP_STANDS_REFUSED], "failed",
		      (uint64_t)t->n[FP_STANDS_FAILED], NULL);
}

void fs_digest(const struct fp_cli *c, const char *hex, char out[65])
{
	snprintf(out, 65, "%.*s", c->is_json ? 64 : DIGEST_SHORT, hex);
}
