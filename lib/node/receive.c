/* SPDX-License-Identifier: Apache-2.0 */
#include "node/receive.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/wire.h"
#include "io/clock.h"
#include "model/words.h"
#include "node/facts.h"
#include "node/filter.h"
#include "node/receive_priv.h"
#include "node/words.h"

#define REFUSALS_SAID 10 /* words of one frame */

/* ---- the node */

static void say(void *ctx, const char *text)
{
	struct fp_receive *r = ctx;

	fp_receiver_note(r->receiver, text, NULL);
}

/* Whoever waits for the lock says so before the controller gives up. */
static int64_t lock_ms(const struct fp_receive *r)
{
	int64_t their_ms = fp_receiver_timeout_ms(r->receiver);
	int64_t ms = their_ms / 4 * 3;

	return their_ms && ms < r->o.timeout_ms ? ms : r->o.timeout_ms;
}

int fp_receive_node(struct fp_receive *r, enum fp_node_access access,
		    bool is_raw, bool is_broken_ok, struct fp_node *out,
		    struct fp_err *e)
{
	const struct fp_node_opts o = {
		.state_dir = r->o.state_dir,
		.pins = r->o.pins,
		.access = access,
		.timeout_ms = lock_ms(r),
		.is_raw = is_raw,
		.is_broken_ok = is_broken_ok,
		.notice = say,
		.ctx = r,
	};
	bool is_changed;
	int rc = fp_node_open(out, &o, e);

	if (rc || access != FP_NODE_WRITE)
		return rc;
	if (*out->recovered)
		r->o.changed(r->o.ctx, "", "", out->recovered);
	rc = fp_facts_cluster_list(out, r->o.cluster, r->o.is_cluster_named,
				   &is_changed, e);
	if (rc)
		fp_node_close(out);
	else if (is_changed)
		say(r,
		    "the allow list _cluster now follows this node's cluster file");
	return rc;
}

bool fp_receive_names(const char *rules, const char *rule)
{
	size_t n = strlen(rule);

	for (; *rules; rules += strcspn(rules, ","), rules += *rules == ',')
		if (!strncmp(rules, rule, n) && (!rules[n] || rules[n] == ','))
			return true;
	return false;
}

static int op_send(void *ctx, const char *data, size_t n)
{
	struct fp_receive *r = ctx;

	return r->o.send(r->o.ctx, data, n);
}

static int64_t op_clock_ms(void *ctx)
{
	(void)ctx;
	return fp_clock_unix_ms();
}

/* ---- reading a list: whole in itself, without the lock */

static void op_close_list(void *ctx)
{
	struct fp_receive *r = ctx;

	fp_list_close(r->list);
	r->list = NULL;
	if (r->lists_fd >= 0)
		close(r->lists_fd);
	r->lists_fd = -1;
}

static int list_next(void *it, struct fp_entry *out, struct fp_err *e)
{
	return fp_list_next(it, out, e);
}

static int op_open_list(void *ctx, const char *name, struct fp_list_head *about,
			struct fp_stream *s, struct fp_err *e)
{
	struct fp_receive *r = ctx;
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/lists", r->o.state_dir);
	r->lists_fd =
		open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->lists_fd < 0)
		return fp_err_sys(e, -errno, "%s", path);
	rc = fp_list_open(&r->list, r->lists_fd, name, e);
	if (rc) {
		r->list = NULL;
		op_close_list(r);
		return rc;
	}
	*about = *fp_list_head(r->list);
	fp_list_seek(r->list, &r->it, NULL);
	*s = (struct fp_stream){ list_next, &r->it };
	return 0;
}

static int op_digest(void *ctx, char hex[65], struct fp_err *e)
{
	struct fp_receive *r = ctx;

	return fp_list_digest(r->list, hex, e);
}

/* ---- a push */

static int op_stage_begin(void *ctx, const struct fp_receiver_list *l,
			  struct fp_err *e)
{
	return fp_push_begin(((struct fp_receive *)ctx)->push, l, e);
}

static int op_stage_data(void *ctx, const char *text, size_t n,
			 struct fp_err *e)
{
	return fp_push_data(((struct fp_receive *)ctx)->push, text, n, e);
}

static int op_stage_end(void *ctx, struct fp_err *e)
{
	return fp_push_end(((struct fp_receive *)ctx)->push, e);
}

static void op_stage_abort(void *ctx)
{
	fp_push_abort(((struct fp_receive *)ctx)->push);
}

static int op_stage_drop(void *ctx, const char *name, struct fp_err *e)
{
	return fp_push_drop(((struct fp_receive *)ctx)->push, name, e);
}

static void op_forget(void *ctx)
{
	fp_push_forget(((struct fp_receive *)ctx)->push);
}

static bool is_overridden(void *rules, const char *rule)
{
	return fp_receive_names(rules, rule);
}

/* Open even where a list cannot be read: it may be the one that comes. */
static int open_to_push(struct fp_receive *r, const char *rules,
			struct fp_node *n, struct fp_err *e)
{
	bool is_broken_ok = fp_receive_names(rules, "broken");
	int rc = fp_receive_node(r, FP_NODE_WRITE, false, is_broken_ok, n, e);

	if (rc != -EPERM || strcmp(e->rule, "broken") != 0)
		return rc;
	*e = (struct fp_err){ .text = "" };
	return fp_receive_node(r, FP_NODE_WRITE, true, is_broken_ok, n, e);
}

static void log_push(struct fp_receive *r, const struct fp_receiver_commit *c,
		     const struct fp_receiver_done *d)
{
	char text[512], pending[64] = "";

	if (d->is_changed && d->pending_s)
		snprintf(pending, sizeof(pending),
			 ", taken back in %llu s unless confirmed",
			 (unsigned long long)d->pending_s);
	snprintf(text, sizeof(text),
		 "push %s of %s accepted: %llu lists, +%llu -%llu%s", c->push,
		 c->controller, (unsigned long long)d->lists,
		 (unsigned long long)d->added, (unsigned long long)d->removed,
		 pending);
	r->o.changed(r->o.ctx, c->by, c->why, text);
}

static int op_commit(void *ctx, const struct fp_receiver_commit *c,
		     struct fp_receiver_done *out, struct fp_err *e)
{
	struct fp_receive *r = ctx;
	const struct fp_judge_opts guard = {
		.cluster = r->o.cluster,
		.is_cluster_named = r->o.is_cluster_named,
		.is_overridden = is_overridden,
		.ctx = (void *)c->overrides,
	};
	struct fp_node n;
	bool is_accepted;
	int rc = open_to_push(r, c->overrides, &n, e);

	if (rc)
		return rc;
	rc = fp_push_commit(r->push, &n, &guard, c, out, &is_accepted, e);
	if (!rc && is_accepted)
		log_push(r, c, out);
	if (!rc && out->is_changed && !c->is_dry_run)
		r->has_pending = out->pending_s > 0;
	fp_node_close(&n);
	return rc;
}

static int op_settle(void *ctx, const char *push, bool is_back,
		     bool *is_changed, struct fp_err *e)
{
	struct fp_receive *r = ctx;
	struct fp_node n;
	char text[256];
	int rc = fp_receive_node(r, FP_NODE_WRITE, false, true, &n, e);

	if (rc)
		return rc;
	rc = fp_push_settle(&n, push, is_back, is_changed, e);
	fp_node_close(&n);
	if (rc || !*is_changed)
		return rc;
	snprintf(text, sizeof(text), "push %s %s", push,
		 is_back ? "taken back" : "confirmed");
	r->o.changed(r->o.ctx, fp_receiver_peer(r->receiver), "", text);
	return 0;
}

/* ---- words */

static bool is_lifted_for_words(void *rules, const char *rule)
{
	/* an allow list beats the ban: no harm, and lists stay alike */
	return !strcmp(rule, "allowed") || fp_receive_names(rules, rule);
}

static void refuse_word(struct fp_receive *r, struct fp_receiver_words *w,
			const struct fp_prefix *p, const struct fp_err *why)
{
	char prefix[FP_PREFIX_STRLEN];

	fp_prefix_print(p, prefix);
	fp_buf_printf(&w->named, "%s %s\n", prefix, why->rule);
	if (w->refused++ < REFUSALS_SAID)
		fp_receiver_note(r->receiver, why->text, why->rule);
}

/* Keep what the guards let through: what lifts harms nobody (what has ended may,
 * when the clock is set back). */
static int guard_words(struct fp_receive *r, struct fp_node *n,
		       struct fp_receiver_words *w, struct fp_entry *kept,
		       size_t *n_kept, struct fp_err *e)
{
	const struct fp_judge_opts o = {
		.cluster = r->o.cluster,
		.is_cluster_named = r->o.is_cluster_named,
		.is_overridden = is_lifted_for_words,
		.ctx = w->overrides,
	};
	struct fp_judge *j = NULL;
	int rc = fp_judge_open(&j, n, &o, e);

	*n_kept = 0;
	for (size_t i = 0; i < w->n && !rc; i++) {
		struct fp_err why = { .text = "" };

		if (!fp_word_is_lift(&w->v[i]))
			rc = fp_judge_one(j, &w->v[i].p, w->kind, &why);
		if (!rc)
			kept[(*n_kept)++] = w->v[i];
		else if (rc == -EPERM)
			refuse_word(r, w, &w->v[i].p, &why);
		else
			*e = why;
		if (rc == -EPERM)
			rc = 0;
	}
	fp_judge_close(j);
	return rc;
}

static void log_words(struct fp_receive *r, const struct fp_receiver_words *w)
{
	char text[256], first[FP_PREFIX_STRLEN];

	fp_prefix_print(&w->v[0].p, first);
	snprintf(text, sizeof(text), "%llu words on %s list %s, first %s",
		 (unsigned long long)w->changed, fp_kind_name(w->kind), w->list,
		 first);
	r->o.changed(r->o.ctx, w->by, w->why, text);
}

static int change(struct fp_receive *r, struct fp_node *n,
		  struct fp_receiver_words *w, struct fp_err *e)
{
	struct fp_entry *kept = calloc(w->n + 1, sizeof(*kept));
	struct fp_words_result result = { 0 };
	size_t n_kept = 0;
	int rc = kept ? guard_words(r, n, w, kept, &n_kept, e)
		      : fp_err(e, -ENOMEM, "out of memory");

	if (!rc)
		rc = fp_node_words(n, w->list, w->kind, kept, n_kept, &result,
				   e);
	if (!rc && result.changed && w->kind == FP_KIND_BLOCK)
		fp_receive_tell_blocked(r, n, kept, n_kept);
	free(kept);
	w->changed = result.changed;
	w->ignored = result.ignored;
	w->is_in_force = fp_node_is_in_force(n);
	return rc;
}

static int op_change(void *ctx, struct fp_receiver_words *w, struct fp_err *e)
{
	struct fp_receive *r = ctx;
	struct fp_node n;
	int rc = fp_receive_node(r, FP_NODE_WRITE, false,
				 fp_receive_names(w->overrides, "broken"), &n,
				 e);

	if (rc)
		return rc;
	rc = change(r, &n, w, e);
	fp_node_close(&n);
	if (!rc && w->changed)
		log_words(r, w);
	return rc;
}

/* ---- bypass */

static int op_bypass(void *ctx, int64_t ms, const char *by, const char *why,
		     bool *is_changed, uint64_t *left_s, struct fp_err *e)
{
	struct fp_receive *r = ctx;
	char text[128] = "bypass ended: the filter drops again";
	int rc = fp_filter_bypass(r->o.pins, ms, is_changed, left_s, e);

	if (rc || !*is_changed)
		return rc;
	if (ms)
		snprintf(text, sizeof(text),
			 "bypass: nothing is dropped for %llu s",
			 (unsigned long long)*left_s);
	r->o.changed(r->o.ctx, by, why, text);
	return 0;
}

/* ---- a session */

static const struct fp_receiver_ops ops = {
	.send = op_send,
	.clock_ms = op_clock_ms,
	.status = fp_receive_status,
	.open_list = op_open_list,
	.digest = op_digest,
	.close_list = op_close_list,
	.stage_begin = op_stage_begin,
	.stage_data = op_stage_data,
	.stage_end = op_stage_end,
	.stage_abort = op_stage_abort,
	.stage_drop = op_stage_drop,
	.forget = op_forget,
	.commit = op_commit,
	.settle = op_settle,
	.change = op_change,
	.why = fp_receive_why,
	.bypass = op_bypass,
};

int fp_receive_open(struct fp_receive **out, const struct fp_receive_opts *o,
		    struct fp_err *e)
{
	struct fp_receive *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : fp_err(e, -ENOMEM, "out of memory");

	if (rc)
		return rc;
	r->o = *o;
	r->lists_fd = -1;
	rc = fp_push_open(&r->push, o->state_dir, e);
	if (!rc)
		rc = fp_receiver_new(&r->receiver, &ops, r);
	if (rc)
		fp_receive_close(r);
	else
		*out = r;
	return rc;
}

void fp_receive_close(struct fp_receive *r)
{
	if (!r)
		return;
	fp_receiver_free(r->receiver);
	fp_push_close(r->push);
	fp_buf_fini(&r->in);
	free(r);
}

bool fp_receive_has_pending(const struct fp_receive *r)
{
	return r->has_pending && fp_receive_due_ms(&r->o) >= 0;
}

bool fp_receive_is_staging(const struct fp_receive *r)
{
	return fp_receiver_is_staging(r->receiver);
}

int fp_receive_bytes(struct fp_receive *r, const char *data, size_t n)
{
	struct fp_err e = { .text = "" };
	struct fp_wire_msg m;
	size_t used, at = 0;
	int rc, over = 0;

	fp_buf_add(&r->in, data, n);
	if (r->in.is_failed)
		return -ENOMEM;
	while (!over && (rc = fp_wire_read(r->in.data + at, r->in.len - at,
					   &used, &m, &e)) > 0) {
		over = fp_receiver_take(r->receiver, &m);
		at += used;
	}
	if (over)
		return over;
	if (rc < 0)
		return fp_receiver_bad(r->receiver, &e);
	r->in.len -= at;
	memmove(r->in.data, r->in.data + at, r->in.len);
	return 0;
}

/* ---- what is pending */

int64_t fp_receive_due_ms(const struct fp_receive_opts *o)
{
	struct fp_pending p;

	if (fp_pending_read(&p, o->state_dir, NULL))
		return fp_push_is_due(o->state_dir) ? 0 : -1;
	return p.left_ms > 0 ? p.left_ms : 0;
}

int fp_receive_due(const struct fp_receive_opts *o, struct fp_err *e)
{
	const struct fp_node_opts n_opts = {
		.state_dir = o->state_dir,
		.pins = o->pins,
		.access = FP_NODE_WRITE,
		.timeout_ms = o->timeout_ms,
		.is_broken_ok = true,
	};
	struct fp_node n;
	int rc;

	if (!fp_push_is_due(o->state_dir))
		return 0;
	rc = fp_node_open(&n, &n_opts, e);
	if (rc)
		return rc;
	if (*n.recovered)
		o->changed(o->ctx, "", "", n.recovered);
	fp_node_close(&n);
	return 0;
}
