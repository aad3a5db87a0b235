/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a push: LIST, DATA, END, DROP, COMMIT, CONFIRM, BACK. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/receiver_priv.h"

#define CONFIRM_MAX_MS (7 * 86400000ull)
#define MAX_CHANGE 20 /* percent, when C does not say */

static void end_transaction(struct fp_receiver *r)
{
	r->ops->forget(r->ctx);
	r->n_lists = r->n_entries = r->n_bytes = 0;
}

/* ---- LIST, DATA, END */

static int parse_list(struct fp_receiver *r, const struct fp_wire_msg *m,
		      struct fp_receiver_list *l)
{
	char how[16];
	int rc = fp_receiver_name(r, m, "name", l->name);

	if (!rc)
		rc = fp_receiver_kind(r, m, &l->kind);
	if (!rc)
		rc = fp_receiver_hex(r, m, "digest", l->digest);
	if (!rc)
		rc = fp_receiver_num(r, m, "entries", UINT64_MAX, 0,
				     &l->entries);
	if (!rc)
		rc = fp_receiver_text(r, m, "how", how, sizeof(how));
	if (rc)
		return rc;
	if (!strcmp(how, "whole")) {
		l->how = FP_HOW_WHOLE;
	} else if (!strcmp(how, "diff")) {
		l->how = FP_HOW_DIFF;
		rc = fp_receiver_hex(r, m, "from", l->from);
	} else if (!strcmp(how, "buckets")) {
		l->how = FP_HOW_BUCKETS;
		rc = fp_receiver_buckets(r, m, &l->n_buckets);
	} else {
		rc = fp_receiver_wrong(r, "how= is not whole, diff or buckets");
	}
	return rc;
}

static int check_limits(struct fp_receiver *r, const struct fp_receiver_list *l,
			struct fp_err *e)
{
	if (r->n_lists >= FP_RECEIVER_LISTS_MAX)
		return fp_err(e, -E2BIG, "more than %d lists in one push",
			      FP_RECEIVER_LISTS_MAX);
	if (l->entries > FP_RECEIVER_ENTRIES_MAX - r->n_entries)
		return fp_err(e, -E2BIG, "more than %u entries in one push",
			      FP_RECEIVER_ENTRIES_MAX);
	return 0;
}

static void put_bits(struct fp_receiver *r, const char *name,
		     enum fp_wire_type type, const char *key,
		     const unsigned char *bits, uint32_t n_buckets)
{
	size_t begin = fp_wire_begin(&r->out, type);

	fp_wire_put(&r->out, key, name);
	fp_wire_put_u64(&r->out, "n_buckets", n_buckets);
	fp_wire_body(&r->out, bits, (n_buckets + 7) / 8);
	fp_wire_end(&r->out, begin);
}

/* Which buckets are to come?  All of them where there is no such list. */
static int want(struct fp_receiver *r, const struct fp_receiver_list *l,
		const char *digests, struct fp_err *e)
{
	struct fp_list_head about;
	struct fp_stream s;
	int rc = r->ops->open_list(r->ctx, l->name, &about, &s, e);

	free(r->wanted);
	r->wanted = NULL;
	if (rc == -ENOENT || rc == -EBADMSG) {
		r->wanted = malloc(l->n_buckets / 8 + 1);
		if (!r->wanted)
			return fp_err(e, -ENOMEM, "out of memory");
		memset(r->wanted, 0xff, l->n_buckets / 8 + 1);
		return 0;
	}
	if (rc)
		return rc;
	rc = fp_receiver_differing(&s, l->n_buckets, digests, &r->wanted, e);
	r->ops->close_list(r->ctx);
	return rc;
}

int fp_receiver_take_list(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	struct fp_receiver_list l = { .name = "" };
	int rc = parse_list(r, m, &l);

	if (rc)
		return rc;
	r->why = (struct fp_err){ .text = "" };
	rc = check_limits(r, &l, &r->why);
	if (!rc && l.how == FP_HOW_BUCKETS)
		rc = want(r, &l, m->body, &r->why);
	l.wanted = l.how == FP_HOW_BUCKETS ? r->wanted : NULL;
	if (!rc)
		rc = r->ops->stage_begin(r->ctx, &l, &r->why);
	if (rc && l.how == FP_HOW_BUCKETS) { /* in place of WANT */
		fp_receiver_fail(r, rc, &r->why);
		return 0;
	}
	r->code = rc;
	r->state = rc ? FP_SKIPPING : FP_TAKING;
	if (rc)
		return 0;
	r->entries = l.entries;
	if (l.how == FP_HOW_BUCKETS)
		put_bits(r, l.name, FP_WIRE_WANT, "name", r->wanted,
			 l.n_buckets);
	return 0;
}

int fp_receiver_take_data(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	int rc = 0;

	if (r->state == FP_NO_LIST)
		return fp_receiver_wrong(r, "DATA without LIST");
	if (m->body_len && m->body[m->body_len - 1] != '\n')
		return fp_receiver_wrong(r, "DATA ends within a line");
	if (r->state == FP_SKIPPING)
		return 0;
	r->n_bytes += m->body_len;
	if (r->n_bytes > FP_RECEIVER_BYTES_MAX)
		rc = fp_err(&r->why, -E2BIG, "more than %llu bytes in one push",
			    FP_RECEIVER_BYTES_MAX);
	else if (m->body_len)
		rc = r->ops->stage_data(r->ctx, m->body, m->body_len, &r->why);
	if (!rc)
		return 0;
	r->ops->stage_abort(r->ctx);
	r->code = rc;
	r->state = FP_SKIPPING;
	return 0;
}

static void put_staged(struct fp_receiver *r)
{
	size_t begin = fp_wire_begin(&r->out, FP_WIRE_OK);

	fp_wire_put_u64(&r->out, "staged", ++r->n_lists);
	fp_wire_end(&r->out, begin);
}

int fp_receiver_take_end(struct fp_receiver *r)
{
	if (r->state == FP_NO_LIST)
		return fp_receiver_wrong(r, "END without LIST");
	if (r->state == FP_TAKING)
		r->code = r->ops->stage_end(r->ctx, &r->why);
	r->state = FP_NO_LIST;
	if (r->code) {
		fp_receiver_fail(r, r->code, &r->why);
		return 0;
	}
	r->n_entries += r->entries;
	put_staged(r);
	return 0;
}

int fp_receiver_take_drop(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	struct fp_receiver_list l = { .name = "" };
	struct fp_err e = { .text = "" };
	int rc = fp_receiver_name(r, m, "name", l.name);

	if (rc)
		return rc;
	rc = check_limits(r, &l, &e);
	if (!rc)
		rc = r->ops->stage_drop(r->ctx, l.name, &e);
	if (rc)
		fp_receiver_fail(r, rc, &e);
	else
		put_staged(r);
	return 0;
}

/* ---- COMMIT */

static int parse_flags(struct fp_receiver *r, const struct fp_wire_msg *m,
		       struct fp_receiver_commit *c)
{
	uint64_t adopt, dry_run, confirm_ms, max_change;
	int rc = fp_receiver_num(r, m, "adopt", 1, 0, &adopt);

	if (!rc)
		rc = fp_receiver_num(r, m, "dry_run", 1, 0, &dry_run);
	if (!rc)
		rc = fp_receiver_num(r, m, "confirm_ms", CONFIRM_MAX_MS, 0,
				     &confirm_ms);
	if (!rc)
		rc = fp_receiver_num(r, m, "max_change", 100, MAX_CHANGE,
				     &max_change);
	if (rc)
		return rc;
	c->is_adopt = adopt;
	c->is_dry_run = dry_run;
	c->confirm_ms = (int64_t)confirm_ms;
	c->max_change = (unsigned int)max_change;
	return 0;
}

static int parse_commit(struct fp_receiver *r, const struct fp_wire_msg *m,
			struct fp_receiver_commit *c)
{
	int rc = fp_receiver_id(r, m, "push", false, c->push);

	if (!rc)
		rc = fp_receiver_id(r, m, "base", true, c->base);
	if (!rc)
		rc = fp_receiver_hex(r, m, "policy", c->policy);
	if (!rc)
		rc = fp_receiver_text(r, m, "by", c->by, sizeof(c->by));
	if (!rc)
		rc = fp_receiver_text(r, m, "why", c->why, sizeof(c->why));
	if (!rc)
		rc = fp_receiver_text(r, m, "override", c->overrides,
				      sizeof(c->overrides));
	c->controller = r->peer;
	return rc ? rc : parse_flags(r, m, c);
}

static void put_done(struct fp_receiver *r, const struct fp_receiver_done *d)
{
	size_t begin = fp_wire_begin(&r->out, FP_WIRE_OK);

	fp_wire_put_u64(&r->out, "changed", d->is_changed);
	fp_wire_put_u64(&r->out, "added", d->added);
	fp_wire_put_u64(&r->out, "removed", d->removed);
	fp_wire_put(&r->out, "policy", d->policy);
	fp_wire_put_u64(&r->out, "lists", d->lists);
	fp_wire_put_u64(&r->out, "ms", d->ms);
	fp_wire_put_u64(&r->out, "force", d->is_in_force);
	fp_wire_put_u64(&r->out, "pending_s", d->pending_s);
	fp_wire_end(&r->out, begin);
}

int fp_receiver_take_commit(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	struct fp_receiver_commit c = { .push = "" };
	struct fp_receiver_done d = { .policy = "" };
	struct fp_err e = { .text = "" };
	int rc = parse_commit(r, m, &c);

	if (rc)
		return rc;
	rc = r->ops->commit(r->ctx, &c, &d, &e);
	end_transaction(r);
	if (rc)
		fp_receiver_fail(r, rc, &e);
	else
		put_done(r, &d);
	return 0;
}

int fp_receiver_take_settle(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	char push[FP_RECEIVER_ID_MAX + 1];
	struct fp_err e = { .text = "" };
	bool is_changed;
	size_t begin;
	int rc = fp_receiver_id(r, m, "push", false, push);

	if (rc)
		return rc;
	rc = r->ops->settle(r->ctx, push, m->type == FP_WIRE_BACK, &is_changed,
			    &e);
	if (rc) {
		fp_receiver_fail(r, rc, &e);
		return 0;
	}
	begin = fp_wire_begin(&r->out, FP_WIRE_OK);
	fp_wire_put_u64(&r->out, "changed", is_changed);
	fp_wire_end(&r->out, begin);
	return 0;
}
