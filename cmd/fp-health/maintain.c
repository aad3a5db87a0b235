/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health maintain: nodes that are taken out for a while. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "health.h"
#include "verb/db.h"
#include "io/clock.h"
#include "model/pattern.h"

struct mark_rec {
	const char *node, *by, *why, *in, *action;
	int64_t since_s, until_s;
};

static const struct fp_field mark_fields[] = {
	{ "node", offsetof(struct mark_rec, node), FP_F_STR, NULL, "node" },
	{ "until", offsetof(struct mark_rec, until_s), FP_F_TIME, NULL,
	  "when it ends by itself" },
	{ "by", offsetof(struct mark_rec, by), FP_F_STR, NULL, "who wants it" },
	{ "why", offsetof(struct mark_rec, why), FP_F_STR, NULL, "the reason" },
	{ "since", offsetof(struct mark_rec, since_s), FP_F_TIME, NULL,
	  "when it began" },
	{ "in", offsetof(struct mark_rec, in), FP_F_STR, NULL,
	  "fp_db, or local: only this controller knows" },
	{ "action", offsetof(struct mark_rec, action), FP_F_STR, NULL,
	  "set, ended, or kept: it was so before" },
};
static const struct fp_type mark_type = { "mark", mark_fields,
					  FH_COUNT(mark_fields) };

struct maintain {
	struct fp_cli *c;
	struct fp_inventory *inv;
	const char **nodes; /* their names */
	size_t n;
	struct fp_mark now;   /* what each of them gets */
	int64_t for_s;        /* until then; 0: now.until_s */
	struct fp_pg *db;     /* NULL: away, and only the copy is written */
	struct fp_mark *mark; /* those that are there */
	size_t n_marks;
	struct fp_mark *copy; /* those of this controller's copy */
	size_t n_copy;
	uint64_t n_changed;
};

/* ---- what is wanted */

/* Into *to, whole; a record is one line. */
static int text(char *to, size_t size, const char *opt, const char *s,
		struct fp_err *e)
{
	if (strlen(s) >= size)
		return fp_err(e, -EINVAL, "--%s: at most %zu bytes", opt,
			      size - 1);
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fp_err(e, -EINVAL,
				      "--%s: a control character in it", opt);
	strcpy(to, s);
	return 0;
}

static int read_mark(struct maintain *m, struct fp_err *e)
{
	const char *by = fp_cli_get(m->c, "by");
	int r;

	fp_cli_who(m->now.by);
	if (fp_cli_get(m->c, "end"))
		return 0;
	r = fp_cli_end(m->c, &m->for_s, &m->now.until_s, e);
	if (!r && m->for_s)
		m->now.until_s = fp_clock_unix_s() + m->for_s;
	if (!r)
		r = text(m->now.why, sizeof(m->now.why), "why",
			 fp_cli_get(m->c, "why"), e);
	if (!r && by)
		r = text(m->now.by, sizeof(m->now.by), "by", by, e);
	return r;
}

static const struct fp_mark *among(const struct fp_mark *v, size_t n,
				   const char *node)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].node, node))
			return &v[i];
	return NULL;
}

static const struct fp_mark *find(const struct maintain *m, const char *node)
{
	return among(m->mark, m->n_marks, node);
}

static void put_node(struct maintain *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->nodes[i], name))
			return;
	m->nodes[m->n++] = name;
}

/* What patterns name; of --end also a node that has a mark and is in the cluster
 * file no more. */
static int add_nodes(struct maintain *m, const char *const *words, size_t n,
		     struct fp_err *e)
{
	const struct fp_host **hosts = NULL;
	size_t n_hosts, i;
	int r = fp_pattern_select(m->inv, words, n, &hosts, &n_hosts, e);

	if (r)
		return r;
	for (i = 0; i < n_hosts && !r; i++) {
		put_node(m, hosts[i]->name);
		if (strlen(hosts[i]->name) >= sizeof(m->now.node))
			r = fp_err(e, -EINVAL, "%.40s...: too long a name",
				   hosts[i]->name);
	}
	free(hosts);
	return r;
}

static int read_nodes(struct maintain *m, struct fp_err *e)
{
	const char **words =
		calloc((size_t)m->c->argc + m->c->n_nodes + 1, sizeof(*words));
	const struct fp_host *v;
	size_t n = 0;
	int r = 0;

	m->nodes =
		calloc(fp_inventory_hosts(m->inv, &v) + (size_t)m->c->argc + 1,
		       sizeof(*m->nodes));
	m->n = 0;
	if (!words || !m->nodes)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (int i = 0; i < m->c->argc && !r; i++)
		if (fp_cli_get(m->c, "end") && find(m, m->c->argv[i]))
			put_node(m, m->c->argv[i]);
		else
			words[n++] = m->c->argv[i];
	for (size_t i = 0; i < m->c->n_nodes && !r && !m->c->argc; i++)
		words[n++] = m->c->nodes[i];
	if (!r && n)
		r = add_nodes(m, words, n, e);
	free(words);
	return r;
}

/* ---- what is there */

/* Those that only our copy has, behind those of the database. */
static int add_local(struct maintain *m, struct fp_err *e)
{
	struct fp_mark *all;
	int64_t at_s;

	/* a bad copy is written anew */
	if (fp_marks_copy_read(m->c->state_dir, &m->copy, &m->n_copy, &at_s,
			       NULL))
		return 0;
	all = reallocarray(m->mark, m->n_marks + m->n_copy + 1, sizeof(*all));
	if (!all)
		return fp_err(e, -ENOMEM, "out of memory");
	m->mark = all;
	for (size_t i = 0; i < m->n_copy; i++)
		if (m->copy[i].is_local && !find(m, m->copy[i].node))
			all[m->n_marks++] = m->copy[i];
	return 0;
}

static void write_copy(struct maintain *m)
{
	struct fp_mark *v = NULL;
	struct fp_err e;
	size_t n;

	if (m->c->is_dry_run)
		return;
	if (fp_db_marks(m->db, &v, &n, &e) ||
	    fp_marks_copy_write(m->c->state_dir, v, n, &e))
		fp_log(FP_LOG_WARN, "no copy of the marks is kept: %s", e.text);
	free(v);
}

static int read_db(struct maintain *m, const char *conninfo, struct fp_err *e)
{
	int r = fp_verb_db_open(&m->db, m->c, conninfo, e);

	if (!r)
		r = fp_db_marks(m->db, &m->mark, &m->n_marks, e);
	return r ? r : add_local(m, e);
}

/* With the database away, what we know of it. */
static int read_copy(struct maintain *m, int64_t *at_s, struct fp_err *e)
{
	fp_pg_close(m->db);
	m->db = NULL;
	free(m->mark);
	m->mark = NULL;
	m->n_marks = 0;
	return fp_marks_copy_read(m->c->state_dir, &m->mark, &m->n_marks, at_s,
				  e);
}

/* ---- listing */

static int print(struct maintain *m, const struct fp_mark *k,
		 const char *action, struct fp_err *e)
{
	struct mark_rec rec = { .node = k->node,
				.by = k->by,
				.why = k->why,
				.in = k->is_local ? "local" : "fp_db",
				.action = action,
				.since_s = k->since_s,
				.until_s = k->until_s };

	return fp_out_record(m->c->out, &mark_type, &rec, e);
}

static bool is_meant(const struct maintain *m, const char *node)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->nodes[i], node))
			return true;
	return !m->c->n_nodes;
}

static int list(struct maintain *m, const char *conninfo, struct fp_err *e)
{
	char at[FP_TIME_STRLEN] = "never";
	int status = FP_EXIT_OK, r;
	int64_t at_s = 0;

	r = read_db(m, conninfo, e);
	if (r && fp_verb_db_is_away(r)) {
		struct fp_err why = *e;

		r = read_copy(m, &at_s, e);
		if (at_s)
			fp_print_time(at_s, at);
		fp_log(FP_LOG_WARN,
		       "%s; these are the marks that are known here (fp_db was read last: %s)",
		       why.text, at);
		status = conninfo ? FP_EXIT_AGAIN : FP_EXIT_OK;
	} else if (!r) {
		write_copy(m);
	}
	if (!r)
		r = read_nodes(m, e);
	for (size_t i = 0; i < m->n_marks && !r; i++)
		if (is_meant(m, m->mark[i].node))
			r = print(m, &m->mark[i], NULL, e);
	if (!r)
		fp_out_counts(m->c->out, false, NULL, "marks",
			      (uint64_t)m->n_marks, NULL);
	return r ? r : status;
}

/* ---- changing */

/* The copy follows by itself, but for what is local. */
static int change_db(struct maintain *m, struct fp_mark *k, bool *is_changed,
		     struct fp_err *e)
{
	const struct fp_mark *ours = among(m->copy, m->n_copy, k->node);
	bool is_ended;
	int r;

	if (k->until_s)
		return fp_db_mark(m->db, k, m->for_s, is_changed, e);
	r = fp_db_unmark(m->db, k->node, is_changed, e);
	if (!r && ours && ours->is_local) {
		r = fp_marks_copy_mark(m->c->state_dir, k, &is_ended, e);
		*is_changed |= !r && is_ended;
	}
	return r;
}

static bool would_change(const struct fp_mark *old, const struct fp_mark *k)
{
	if (!k->until_s || !old)
		return !k->until_s == !!old;
	return old->until_s != k->until_s || strcmp(old->why, k->why) ||
	       strcmp(old->by, k->by);
}

static int change(struct maintain *m, const char *node, struct fp_err *e)
{
	const struct fp_mark *old = find(m, node);
	struct fp_mark k = m->now, shown;
	char until[FP_TIME_STRLEN];
	bool is_changed = false;
	int r = 0;

	snprintf(k.node, sizeof(k.node), "%s", node);
	k.is_local = !m->db;
	k.since_s = old ? old->since_s : fp_clock_unix_s();
	if (m->c->is_dry_run)
		is_changed = would_change(old, &k);
	else if (m->db)
		r = change_db(m, &k, &is_changed, e);
	else
		r = fp_marks_copy_mark(m->c->state_dir, &k, &is_changed, e);
	if (r)
		return fp_err_prefix(e, r, "%s", node);
	m->n_changed += is_changed;
	shown = k.until_s ? k : old ? *old : k;
	fp_print_time(k.until_s, until);
	if (is_changed && !m->c->is_dry_run)
		fp_log_change(k.until_s ? k.why : NULL, "maintain: %s %s%s",
			      node, k.until_s ? "until " : "ended",
			      k.until_s ? until : "");
	return print(m, &shown,
		     !is_changed ? "kept"
		     : k.until_s ? "set"
				 : "ended",
		     e);
}

/* Without the database others do not know. */
static int alone(struct maintain *m, int code, struct fp_err *e)
{
	struct fp_err why = *e;
	int64_t at_s;

	if (!fp_verb_db_is_away(code))
		return code;
	if (!fp_cli_overrides(m->c, "lock"))
		return fp_refuse(e, "lock",
				 "%s; other controllers would not know",
				 why.text);
	fp_log(FP_LOG_WARN,
	       "%s; only this controller's copy is written, others do not know",
	       why.text);
	return read_copy(m, &at_s, e);
}

/* Marks end by the clock of fp_db. */
static int set_end(struct maintain *m, struct fp_err *e)
{
	char until[FP_TIME_STRLEN], now[FP_TIME_STRLEN];
	int64_t now_s;
	int r = fp_db_clock(m->db, &now_s, e);

	if (r)
		return r;
	if (m->for_s)
		m->now.until_s = now_s + m->for_s;
	if (m->now.until_s > now_s)
		return 0;
	fp_print_time(m->now.until_s, until);
	fp_print_time(now_s, now);
	return fp_err(e, -EINVAL,
		      "--until %s: that has passed, in fp_db it is %s", until,
		      now);
}

static int change_all(struct maintain *m, const char *conninfo,
		      struct fp_err *e)
{
	/* of --end they may be in the marks alone */
	bool is_end = fp_cli_get(m->c, "end");
	int r = is_end ? 0 : read_nodes(m, e);

	if (r)
		return r;
	r = read_db(m, conninfo, e);
	if (r)
		r = alone(m, r, e);
	if (!r && m->db && !is_end)
		r = set_end(m, e);
	if (!r && is_end)
		r = read_nodes(m, e);
	for (size_t i = 0; i < m->n && !r; i++)
		r = change(m, m->nodes[i], e);
	if (m->db)
		write_copy(m);
	if (r)
		return r;
	fp_out_counts(m->c->out, m->n_changed > 0, NULL, "nodes",
		      (uint64_t)m->n, "changed_nodes", m->n_changed, NULL);
	return m->c->is_dry_run && m->n_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

/* ---- usage */

static const char *wrong(const struct fp_cli *c)
{
	bool is_end = fp_cli_get(c, "end"), has_why = fp_cli_get(c, "why");
	bool has_time = fp_cli_get(c, "for") || fp_cli_get(c, "until");
	bool has_nodes = c->argc || c->n_nodes;

	if (is_end && (has_time || has_why || fp_cli_get(c, "by")))
		return "maintain --end takes nodes alone";
	if ((is_end || has_time || has_why) && !has_nodes)
		return "maintain needs a node";
	if (!is_end && (c->argc || has_why || fp_cli_get(c, "by")) && !has_time)
		return "maintain needs --for DUR or --until TIME: it ends by itself";
	if (has_time && !has_why)
		return "maintain needs --why TEXT";
	return NULL;
}

int fh_maintain(struct fp_cli *c)
{
	bool is_list = !fp_cli_get(c, "end") && !fp_cli_get(c, "why");
	struct maintain m = { .c = c };
	struct fp_err e = { .text = "" };
	const char *conninfo = NULL, *word = wrong(c);
	int r;

	if (word)
		return fp_cli_usage(c, "%s", word);
	r = fp_out_check(c->out, &mark_type, &e);
	if (!r && !is_list)
		r = read_mark(&m, &e);
	if (!r)
		r = fp_verb_db_cluster(&m.inv, c, &e);
	if (!r)
		r = fp_verb_db_conninfo(m.inv, &conninfo, &e);
	if (!r)
		r = is_list ? list(&m, conninfo, &e)
			    : change_all(&m, conninfo, &e);
	fp_pg_close(m.db);
	free(m.mark);
	free(m.copy);
	free(m.nodes);
	fp_inventory_free(m.inv);
	return r < 0 ? fp_verb_db_fail(c, r, &e) : r;
}
