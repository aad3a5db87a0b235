/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync add, del: words that every node hears now. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "control/stay.h"
#include "io/clock.h"
#include "model/words.h"

#define STDIN_MAX (64u << 20)
#define ENTRIES_MAX 1000000
#define DEFAULT_LIST "bans"

struct change_rec {
	const char *node, *list, *state, *detail;
	uint64_t changed, refused, caught_up, learned;
	bool is_in_force;
	int64_t ms;
};

static const struct fp_field change_fields[] = {
	{ "node", offsetof(struct change_rec, node), FP_F_STR, NULL, "node" },
	{ "list", offsetof(struct change_rec, list), FP_F_STR, NULL, "list" },
	{ "state", offsetof(struct change_rec, state), FP_F_STR, NULL,
	  "ok, back, refused, busy, unreachable, unknown-key, changed-key, denied or failed" },
	{ "changed", offsetof(struct change_rec, changed), FP_F_U64, NULL,
	  "words that were news to it" },
	{ "refused", offsetof(struct change_rec, refused), FP_F_U64, NULL,
	  "words about addresses that it protects" },
	{ "caught_up", offsetof(struct change_rec, caught_up), FP_F_U64, NULL,
	  "earlier words that it had missed" },
	{ "learned", offsetof(struct change_rec, learned), FP_F_U64, NULL,
	  "words that we learned from it" },
	{ "force", offsetof(struct change_rec, is_in_force), FP_F_BOOL, NULL,
	  "a filter is attached there" },
	{ "ms", offsetof(struct change_rec, ms), FP_F_I64, "ms",
	  "how long it took" },
	{ "detail", offsetof(struct change_rec, detail), FP_F_STR, NULL,
	  "why not" },
};
static const struct fp_type change_type = { "change", change_fields,
					    FS_COUNT(change_fields) };

/* ---- what is said */

static int read_operands(struct change *x, struct fp_err *e)
{
	struct fp_cli *c = x->site.c;
	struct fp_parse_opts o = { .file = "-",
				   .now_s = fp_clock_unix_s(),
				   .max = ENTRIES_MAX };
	int r = 0;

	if (c->argc == 1 && !strcmp(c->argv[0], "-")) {
		r = fp_text_read(&x->text, "-", STDIN_MAX, e);
		return r ? r
			 : fp_entries_parse(&x->in, x->text.data, x->text.len,
					    &o, e);
	}
	for (int i = 0; i < c->argc && !r; i++) {
		struct fp_entry y = { 0 };

		r = fp_prefix_parse(&y.p, c->argv[i], strlen(c->argv[i]), e);
		if (!r)
			fp_entry_print(&x->line, &y);
	}
	return r ? r
		 : fp_entries_parse(&x->in, x->line.data, x->line.len, &o, e);
}

static int read_list(struct change *x, struct fp_err *e)
{
	const char *kind = fp_cli_get(x->site.c, "kind");
	const char *list = fp_cli_get(x->site.c, "list");
	int r = 0;

	x->plan.kind = FP_KIND_BLOCK;
	if (kind)
		r = fp_kind_parse(kind, &x->plan.kind, e);
	x->plan.list = list                            ? list
		       : x->plan.kind == FP_KIND_BLOCK ? DEFAULT_LIST
						       : NULL;
	if (!r && !x->plan.list)
		r = fp_err(e, -EINVAL,
			   "--kind %s: name the list too (--list NAME)", kind);
	return r ? r : fp_list_name_check(x->plan.list, e);
}

/* Was that said before?  "1h" a moment later is the same hour, an add never
 * shortens, and to lift what is lifted is nothing. */
static bool is_said(const struct change *x, const struct fp_entry *old,
		    int64_t until_s, const char *why)
{
	int64_t same_s = x->for_s / 100 > 5 ? x->for_s / 100 : 5;
	char was[FP_LINE_MAX] = "";

	if (fp_word_is_live(old, fp_clock_unix_s()) == x->is_del)
		return false;
	if (x->is_del)
		return true;
	fp_entry_get(old, "why", was, sizeof(was));
	if (why && strcmp(why, was))
		return false;
	return !old->until_s || (until_s && until_s <= old->until_s + same_s);
}

static int make_word(struct change *x, const struct fp_list *l,
		     const struct fp_entry *in, struct fp_entry *out,
		     struct fp_err *e)
{
	const char *why = fp_cli_get(x->site.c, "why");
	struct fp_entry store, *old = NULL;
	char own[FP_LINE_MAX];
	int64_t at_ms, until_s, lifted_s = fp_clock_unix_s();

	if (l && fp_list_find(l, &in->p, &store))
		old = &store;
	at_ms = fp_copy_at_ms(old);
	if (lifted_s > at_ms / 1000) /* else the last word is ahead of us */
		lifted_s = at_ms / 1000;
	until_s = in->until_s ? in->until_s
		  : x->for_s  ? at_ms / 1000 + x->for_s
			      : x->until_s;
	if (fp_entry_get(in, "why", own, sizeof(own)))
		why = own;
	if (old && is_said(x, old, until_s, why)) {
		*out = *old; /* nodes that missed it hear it again */
		fp_buf_add(&x->store, old->meta, old->meta_len);
		return 0;
	}
	x->n_news++;
	return fp_word_make(&x->store, out, &in->p,
			    x->is_del ? lifted_s : until_s, at_ms, why,
			    x->site.by, e);
}

static int make_words(struct change *x, struct fp_err *e)
{
	const struct fp_list *l = fp_copy_get(x->plan.copy, x->plan.list);
	size_t n = x->in.n, at = 0;
	int r = 0;

	x->is_new_list = !l;
	if (l && !fp_cli_get(x->site.c, "kind"))
		x->plan.kind = fp_list_about(l)->kind;
	x->word = calloc(n + 1, sizeof(*x->word));
	if (!x->word)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && !r; i++)
		r = make_word(x, l, &x->in.v[i], &x->word[i], e);
	if (!r && x->store.is_failed)
		r = fp_err(e, -ENOMEM, "out of memory");
	/* the store has moved as it grew */
	for (size_t i = 0; i < n && !r; i++) {
		x->word[i].meta = x->store.data + at;
		at += x->word[i].meta_len;
	}
	return r;
}

/* Ours first, durably: whoever misses it now hears it later from here. */
static int keep_words(struct change *x, struct fp_err *e)
{
	struct fp_plan *p = &x->plan;
	char first[FP_PREFIX_STRLEN];
	size_t changed = 0;
	int r = 0;

	if (x->site.c->is_dry_run)
		return 0;
	r = fp_copy_merge(p->copy, p->list, p->kind, x->word, x->in.n,
			  p->timeout_ms, &changed, e);
	if (r || !changed)
		return r;
	fp_prefix_print(&x->in.v[0].p, first);
	fp_log_change(p->why, "%s: %zu prefix%s on list %s, first %s",
		      x->is_del ? "del" : "add", changed,
		      changed == 1 ? "" : "es", p->list, first);
	return 0;
}

/* ---- nodes */

static int print_record(struct fp_cli *c, const char *list,
			const struct fs_node *n, struct fp_err *e)
{
	struct change_rec rec = {
		.node = n->host->name,
		.list = list,
		.state = n->out.state,
		.changed = n->out.said,
		.refused = n->out.refused,
		.caught_up = n->out.words_there,
		.learned = n->out.words_here,
		.is_in_force = n->out.is_in_force,
		.ms = n->ms,
		.detail = n->out.err.text,
	};

	return fp_out_record(c->out, &change_type, &rec, e);
}

static struct fs_node *node_named(struct change *x, const char *name)
{
	for (size_t i = 0; i < x->site.n_hosts; i++)
		if (!strcmp(x->site.hosts[i]->name, name)) {
			struct fs_node *n = &x->now[i];

			if (n->host)
				return NULL;
			n->host = x->site.hosts[i];
			return n;
		}
	return NULL;
}

/* The nodes of a push --stay that runs here have open channels. */
static void take_handed(void *ctx, const struct fp_handed *h)
{
	struct change *x = ctx;
	struct fs_node *n = node_named(x, h->node);

	if (!n)
		return;
	n->ms = fp_clock_ms() - x->start_ms;
	n->out = (struct fp_outcome){ .state = "ok" };
	if (!h->is_connected)
		fp_outcome_end(&n->out, h->ev.error, &h->ev.err);
	else if (!h->is_ok)
		fp_outcome_fail(&n->out, &h->ev);
	else
		fp_outcome_said(&n->out, &h->ev, NULL);
	if (n->out.refused)
		fs_change_refused(x, h->node, &h->ev);
}

static int hand_over(struct change *x, struct fp_err *e)
{
	struct fp_plan *p = &x->plan;
	int r;

	if (x->site.c->n_nodes || x->site.c->n_overrides)
		return 0; /* it does not know which we mean */
	x->start_ms = fp_clock_ms();
	r = fp_stay_hand(x->site.c->state_dir, p->list, p->kind, p->by, p->why,
			 p->words, p->n_words, p->timeout_ms, take_handed, x,
			 e);
	if (r < 0)
		fp_log(FP_LOG_WARN, "%s: nodes are asked from here", e->text);
	return 0;
}

/* All nodes that nobody told yet. */
static int visit_rest(struct change *x, struct fp_err *e)
{
	struct fs_site *s = &x->site;
	const struct fp_host **rest = calloc(s->n_hosts + 1, sizeof(*rest));
	struct fs_node *node = calloc(s->n_hosts + 1, sizeof(*node));
	size_t n = 0, at = 0;
	int r = rest && node ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < s->n_hosts && !r; i++)
		if (!x->now[i].host)
			rest[n++] = s->hosts[i];
	if (!r && n)
		r = fs_visit_all(s, &x->plan, x->is_del ? "del" : "add", rest,
				 n, node, e);
	for (size_t i = 0; i < s->n_hosts && !r; i++)
		if (!x->now[i].host)
			x->now[i] = node[at++];
	free(node);
	free(rest);
	return r;
}

int fs_change_tell(struct change *x, const struct fp_entry *v, size_t n,
		   struct fs_node *node, struct fp_err *e)
{
	int r;

	x->plan.words = v;
	x->plan.n_words = n;
	x->now = node;
	r = hand_over(x, e);
	return r ? r : visit_rest(x, e);
}

static int tell_nodes(struct change *x, struct fp_err *e)
{
	struct fs_site *s = &x->site;
	struct fs_tally t = { .is_changed = false };
	int r;

	x->node = calloc(s->n_hosts + 1, sizeof(*x->node));
	r = x->node ? fs_change_tell(x, x->word, x->in.n, x->node, e)
		    : fp_err(e, -ENOMEM, "out of memory");
	if (!r && !x->is_del)
		r = fs_change_back(x, e);
	for (size_t i = 0; i < s->n_hosts && !r; i++) {
		fs_tally_add(&t, s->hosts[i]->name, &x->node[i].out);
		r = print_record(s->c, x->plan.list, &x->node[i], e);
	}
	free(x->node);
	if (r)
		return r;
	t.is_changed |= x->n_news > x->n_back && !x->is_withdrawn;
	fs_tally_summary(s->c, &t);
	return x->is_withdrawn ? FP_EXIT_FAIL : fs_tally_status(&t, false);
}

static int dry_run(struct change *x)
{
	fp_out_counts(x->site.c->out, x->n_news > 0, NULL, "words",
		      (uint64_t)x->n_news, NULL);
	return x->n_news ? FP_EXIT_NO : FP_EXIT_OK;
}

/* A name that is pushed from here would be the same list on no node. */
static int check_list(struct change *x, struct fp_err *e)
{
	const char *list = x->plan.list, *dir = fs_lists_dir(x->site.c);
	const struct fp_pushed *p;
	bool is_pushed = false;
	char path[4096];
	size_t n;
	int r = fp_history_open(&x->plan.history, x->site.c->state_dir, e);

	if (r)
		return r;
	p = fp_history_all(x->plan.history, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < p[i].n_lists; k++)
			if (!strcmp(p[i].list[k].name, list))
				is_pushed = p[i].list[k].kind != FP_KIND_NONE;
	snprintf(path, sizeof(path), "%s/%s.list", dir, list);
	if (!is_pushed && access(path, F_OK))
		return 0;
	return fp_err(
		e, -EINVAL,
		"list %s is pushed from here: change its file, then fp-sync push; or name another list (--list)",
		list);
}

static int prepare(struct change *x, struct fp_err *e)
{
	struct fp_cli *c = x->site.c;
	int r = fp_out_check(c->out, &change_type, e);

	if (!r)
		r = fp_cli_end(x->site.c, &x->for_s, &x->until_s, e);
	if (!r)
		r = read_operands(x, e);
	if (!r)
		r = fs_site_open(&x->site, c, NULL, 0, e);
	if (!r)
		r = fs_plan(&x->site, &x->plan, e);
	x->plan.refused = fs_change_refused;
	x->plan.ctx = x;
	if (!r)
		r = read_list(x, e);
	if (!r)
		r = check_list(x, e);
	if (!r)
		r = fp_copy_open(&x->plan.copy, c->state_dir, e);
	return r;
}

static int change(struct fp_cli *c, bool is_del)
{
	struct fp_err e = { .text = "" };
	struct change x = { .site.c = c, .is_del = is_del };
	int r;

	if (!c->argc)
		return fp_cli_usage(c, "%s needs a prefix", c->verb->name);
	r = prepare(&x, &e);
	if (!r)
		r = make_words(&x, &e);
	if (!r)
		r = keep_words(&x, &e);
	if (!r)
		r = c->is_dry_run ? dry_run(&x) : tell_nodes(&x, &e);
	if (r < 0)
		r = fp_cli_fail(c, r, &e);
	fs_change_fini(&x);
	free(x.word);
	fp_buf_fini(&x.store);
	fp_buf_fini(&x.line);
	fp_entries_fini(&x.in);
	fp_text_fini(&x.text);
	fp_plan_fini(&x.plan);
	fs_site_close(&x.site);
	return r;
}

int fs_add(struct fp_cli *c)
{
	return change(c, false);
}

int fs_del(struct fp_cli *c)
{
	return change(c, true);
}
