/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "health.h"
#include "verb/db.h"
#include "model/pattern.h"
#include "peer/remote.h"

#define PARALLEL 1024
#define PARALLEL_SSH 64
#define PARALLEL_MAX 100000
#define DB_THREADS 2

/* ---- options */

int fh_number(const struct fp_cli *c, const char *option, unsigned int max,
	      unsigned int *out, struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	unsigned long n;
	char *end;

	if (!s)
		return 0;
	n = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || !n || n > max)
		return fp_err(e, -EINVAL, "--%s %s: a number from 1 to %u",
			      option, s, max);
	*out = (unsigned int)n;
	return 0;
}

int fh_duration(const struct fp_cli *c, const char *option, int64_t *out_ms,
		struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	int r;

	if (!s)
		return 0;
	r = fp_parse_duration(s, out_ms, e);
	return r ? fp_err_prefix(e, r, "--%s", option) : 0;
}

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return s && *s ? s : NULL;
}

static void on_note(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

static int read_opts(struct fh_ask *a, struct fp_err *e)
{
	struct fp_cli *c = a->c;
	const char *lists = fp_cli_get(c, "lists");
	int r;

	a->opts = (struct fp_site_opts){
		.is_named = c->argc,
		.only = fp_cli_get(c, "only"),
		.warning = fp_cli_get(c, "warning"),
		.critical = fp_cli_get(c, "critical"),
		.sip_fail = fp_cli_get(c, "sip-fail"),
		.app = "fp-health",
		.timeout_ms = c->timeout_ms,
		.parallel = PARALLEL,
		.judge = { .rise = 1, .fall = 1 },
		.lists_dir = lists ? lists : FH_LISTS_DIR,
		.fleet = &a->fleet,
		.note = on_note,
	};
	a->fleet = (struct fp_fleet_opts){
		.name = a->name,
		.transport = fp_cli_get(c, "ssh-command"),
		.ssh = fp_cli_get(c, "no-ssh-config") ? NULL : "ssh",
		.home = env("HOME"),
		.agent = env("SSH_AUTH_SOCK"),
		.timeout_ms = c->timeout_ms,
		.parallel = PARALLEL_SSH,
	};
	if (c->timeout_ms < 1)
		return fp_err(e, -EINVAL, "--timeout: at least 1ms");
	r = fh_number(c, "parallel", PARALLEL_MAX, &a->opts.parallel, e);
	if (!r && fp_cli_get(c, "parallel"))
		a->fleet.parallel = a->opts.parallel;
	if (!r)
		r = fh_number(c, "rise", 1000, &a->opts.judge.rise, e);
	return r ? r : fh_number(c, "fall", 1000, &a->opts.judge.fall, e);
}

/* ---- the cluster file */

static int read_cluster(struct fp_cli *c, struct fp_inventory **inv,
			const struct fp_host ***hosts, size_t *n,
			struct fp_err *e)
{
	const char *const *patterns =
		c->argc ? (const char *const *)c->argv : c->nodes;
	int r = fp_inventory_read(inv, c->cluster, e);

	if (r == -ENOENT)
		return fp_err(e, -EINVAL,
			      "no cluster file %s: which nodes are there?",
			      c->cluster);
	if (!r)
		r = fp_pattern_select(*inv, patterns,
				      c->argc ? (size_t)c->argc : c->n_nodes,
				      hosts, n, e);
	if (!r && !*n)
		r = fp_err(e, -EINVAL, "%s names no node", c->cluster);
	return r;
}

struct cluster {
	struct fp_inventory *inv;
	const struct fp_host **hosts;
	size_t n;
	const char *conninfo;
};

static void cluster_fini(struct cluster *k)
{
	free(k->hosts);
	fp_inventory_free(k->inv);
	*k = (struct cluster){ .n = 0 };
}

static int cluster_read(struct cluster *k, struct fp_cli *c, struct fp_err *e)
{
	int r;

	*k = (struct cluster){ .n = 0 };
	r = read_cluster(c, &k->inv, &k->hosts, &k->n, e);
	if (!r)
		r = fp_verb_db_conninfo(k->inv, &k->conninfo, e);
	if (r)
		cluster_fini(k);
	return r;
}

static void use(struct fp_site_opts *o, const struct cluster *k)
{
	const struct fp_host *all;

	o->inv = k->inv;
	o->hosts = k->hosts;
	o->n_hosts = k->n;
	o->is_whole = k->n == fp_inventory_hosts(k->inv, &all);
}

/* In place of what a has; no site is made of that any more. */
static void take(struct fh_ask *a, struct cluster *k)
{
	free(a->hosts);
	fp_inventory_free(a->inv);
	a->inv = k->inv;
	a->hosts = k->hosts;
	a->n_hosts = k->n;
	use(&a->opts, k);
	a->conninfo = k->conninfo;
}

int fh_ask_site(struct fh_ask *a, struct fp_err *e)
{
	return fp_site_open(&a->site, &a->opts, e);
}

int fh_ask_again(struct fh_ask *a, struct fp_err *e)
{
	struct fp_site_opts o = a->opts;
	struct fp_site *site;
	struct cluster k;
	int r = cluster_read(&k, a->c, e);

	if (r)
		return r;
	use(&o, &k);
	r = fp_site_open(&site, &o, e);
	if (r) {
		cluster_fini(&k);
		return r;
	}
	fp_site_inherit(site, a->site);
	fp_site_close(a->site);
	a->site = site;
	take(a, &k);
	return 0;
}

int fh_ask_open(struct fh_ask *a, struct fp_cli *c, void (*reload)(void *ctx),
		void *reload_ctx, struct fp_err *e)
{
	struct cluster k;
	int r;

	*a = (struct fh_ask){ .c = c };
	if (gethostname(a->name, sizeof(a->name) - 1))
		strcpy(a->name, "controller");
	r = read_opts(a, e);
	if (!r)
		r = cluster_read(&k, c, e);
	if (r)
		return r;
	take(a, &k);
	r = fp_loop_open(&a->loop, e);
	a->opts.loop = a->loop;
	if (!r)
		r = fp_loop_signals(a->loop, reload, reload_ctx, e);
	if (!r)
		r = fp_work_open(&a->work, a->loop, DB_THREADS, e);
	if (!r)
		r = fp_remote_init(e);
	a->is_ssh_open = !r;
	if (r)
		fh_ask_close(a);
	return r;
}

void fh_ask_close(struct fh_ask *a)
{
	if (a->marking)
		fp_work_cancel(a->marking);
	fp_site_close(a->site);
	if (a->work)
		fp_work_close(a->work);
	if (a->is_ssh_open)
		fp_remote_exit();
	fp_loop_close(a->loop);
	free(a->hosts);
	fp_inventory_free(a->inv);
	*a = (struct fh_ask){ .c = a->c };
}

/* ---- perfdata */

static void add_number(struct fp_buf *to, double v)
{
	char text[40];

	if (v == floor(v) && fabs(v) < 1e15)
		snprintf(text, sizeof(text), "%.0f", v);
	else
		snprintf(text, sizeof(text), "%.6g", v);
	fp_buf_str_add(to, text);
}

void fh_perfdata(struct fp_buf *to, const char *prefix,
		 const struct fp_reading *r)
{
	for (size_t i = 0; i < r->n_figures; i++) {
		const struct fp_figure *f = &r->figure[i];
		bool is_plain = !strpbrk(prefix, " '=");

		fp_buf_printf(to, "%s%s%s%s%s=", to->len ? " " : "",
			      is_plain ? "" : "'", prefix, f->name,
			      is_plain ? "" : "'");
		add_number(to, f->value);
		fp_buf_str_add(to, f->unit ? f->unit : "");
		if (!isnan(f->max)) {
			fp_buf_str_add(to, ";;;;");
			add_number(to, f->max);
		}
	}
}
