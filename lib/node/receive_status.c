/* SPDX-License-Identifier: Apache-2.0 */
/* What the node says about itself: HELLO, WHY, and what a lift does not do. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "codec/wire.h"
#include "fp_maps.h"
#include "io/clock.h"
#include "model/words.h"
#include "node/filter.h"
#include "node/receive_priv.h"
#include "node/why.h"

/* ---- HELLO */

struct status {
	struct fp_receive *r;
	struct fp_node n;
	struct fp_buf lists; /* the body */
	struct fp_list_digest *pushed, *dynamic;
	size_t n_pushed, n_dynamic;
	uint64_t words, broken;
};

static void add_digest(struct fp_list_digest *to, const struct fp_list_head *h,
		       const char *hex)
{
	to->kind = h->kind;
	memcpy(to->name, h->name, sizeof(to->name));
	memcpy(to->hex, hex, sizeof(to->hex));
}

static void add_list(struct status *s, struct fp_digests *known,
		     const struct fp_list *l)
{
	const struct fp_list_head *h = fp_list_head(l);
	bool is_pushed = h->owner == FP_OWNER_PUSHED;
	struct fp_digest d = { .hex = "-" };
	struct fp_err e;

	if (h->owner != FP_OWNER_LOCAL &&
	    fp_digests_get(known, s->n.lists_fd, l, &d, &e)) {
		strcpy(d.hex, "-");
		s->broken++;
	} else if (is_pushed) {
		add_digest(&s->pushed[s->n_pushed++], h, d.hex);
	} else if (h->owner == FP_OWNER_DYNAMIC && h->entries) {
		add_digest(&s->dynamic[s->n_dynamic++], h, d.hex);
		s->words += d.live;
	}
	fp_buf_printf(&s->lists, "%s %s %s %llu %s\n", h->name,
		      fp_kind_name(h->kind), fp_owner_name(h->owner),
		      (unsigned long long)h->entries, is_pushed ? d.hex : "-");
}

static int add_lists(struct status *s, struct fp_err *e)
{
	const struct fp_lists *ls = &s->n.lists;
	struct fp_digests *known;
	int rc;

	s->pushed = calloc(ls->n + 1, sizeof(*s->pushed));
	s->dynamic = calloc(ls->n + 1, sizeof(*s->dynamic));
	s->broken = ls->n_broken;
	if (!s->pushed || !s->dynamic)
		return fp_err(e, -ENOMEM, "out of memory");
	rc = fp_digests_open(&known, s->r->o.state_dir, e);
	for (size_t i = 0; i < ls->n && !rc; i++)
		add_list(s, known, ls->v[i]);
	if (!rc)
		fp_digests_close(known);
	return rc;
}

static void put_policy(struct status *s, struct fp_buf *b)
{
	char hex[65];

	fp_policy_digest(s->pushed, s->n_pushed, hex);
	fp_wire_put(b, "policy", hex);
	fp_policy_digest(s->dynamic, s->n_dynamic, hex);
	fp_wire_put(b, "words", hex);
	fp_wire_put_u64(b, "n_words", s->words);
	fp_wire_put_u64(b, "broken", s->broken);
}

static void put_accepted(struct status *s, struct fp_buf *b)
{
	struct fp_accepted a;
	struct fp_pending p;

	if (!fp_accepted_read(&a, s->r->o.state_dir, NULL)) {
		fp_wire_put(b, "accepted", a.push);
		fp_wire_put(b, "accepted_by", a.controller);
		fp_wire_put_i64(b, "accepted_at", a.at_s);
		fp_wire_put(b, "accepted_policy", a.policy);
	}
	if (!fp_pending_read(&p, s->r->o.state_dir, NULL)) {
		fp_wire_put(b, "pending", p.push);
		fp_wire_put_i64(b, "pending_s",
				p.left_ms > 0 ? (p.left_ms + 999) / 1000 : 0);
	}
}

static const char *mode_name(uint32_t mode)
{
	return fp_mode_name(mode <= FP_ENFORCE ? (enum fp_mode)mode : FP_OFF);
}

static void put_filter(struct status *s, struct fp_buf *b)
{
	const struct fp_conf *c = s->n.maps ? fp_maps_conf(s->n.maps) : NULL;
	uint64_t nics = 0;

	fp_wire_put(b, "filter",
		    !c                           ? "none"
		    : fp_node_is_in_force(&s->n) ? "attached"
						 : "loaded");
	fp_wire_put(b, "tables",
		    c && c->token != s->n.lists.token ? "behind" : "ok");
	for (int i = 0; c && i < FP_NICS; i++)
		nics += c->nic[i].name[0] != 0;
	fp_wire_put_u64(b, "nics", nics);
	fp_wire_put_u64(b, "bypass_s", c ? fp_filter_bypass_s(c) : 0);
	if (!c)
		return;
	fp_wire_put(b, "lists", mode_name(c->lists));
	fp_wire_put(b, "stealth", mode_name(c->stealth));
	fp_wire_put(b, "malformed", mode_name(c->malformed));
}

/* What somebody left half done is finished first; where that fails, the answer
 * says what is. */
static int open_status(struct status *s, struct fp_err *e)
{
	int rc = fp_push_is_due(s->r->o.state_dir)
			 ? fp_receive_node(s->r, FP_NODE_WRITE, false, true,
					   &s->n, e)
			 : -ENOENT;

	if (!rc || rc == -EAGAIN) /* enough was waited for the lock */
		return rc;
	return fp_receive_node(s->r, FP_NODE_READ_BOTH, true, true, &s->n, e);
}

int fp_receive_status(void *ctx, struct fp_buf *answer, struct fp_err *e)
{
	struct status s = { .r = ctx };
	char host[HOST_NAME_MAX + 1] = "";
	int rc = open_status(&s, e);

	if (rc)
		return rc;
	rc = add_lists(&s, e);
	gethostname(host, sizeof(host) - 1);
	fp_wire_put(answer, "name", host);
	fp_wire_put(answer, "version", s.r->o.version);
	fp_wire_put_i64(answer, "clock_ms", fp_clock_unix_ms());
	put_policy(&s, answer);
	put_accepted(&s, answer);
	put_filter(&s, answer);
	fp_wire_body(answer, s.lists.data, s.lists.len);
	answer->is_failed |= s.lists.is_failed;
	fp_node_close(&s.n);
	fp_buf_fini(&s.lists);
	free(s.pushed);
	free(s.dynamic);
	return rc;
}

/* ---- WHY */

static int put_entry(void *ctx, const struct fp_merge_item *item)
{
	const struct fp_list_head *h = fp_list_about(item->list);
	const struct fp_entry *x = &item->entry;
	char prefix[FP_PREFIX_STRLEN], until[FP_TIME_LEN + 1] = "-";

	fp_prefix_print(&x->p, prefix);
	if (x->until_s)
		fp_time_print(x->until_s, until);
	until[x->until_s ? FP_TIME_LEN : 1] = 0;
	fp_buf_printf(ctx, "%s\t%s\t%s\t%s\t%s\t%.*s\n", h->name,
		      fp_kind_name(h->kind), fp_owner_name(h->owner), prefix,
		      until, x->meta_len ? (int)x->meta_len : 1,
		      x->meta_len ? x->meta : "-");
	return 0;
}

int fp_receive_why(void *ctx, const struct fp_prefix *host,
		   struct fp_buf *lines, struct fp_err *e)
{
	struct fp_receive *r = ctx;
	char addr[FP_PREFIX_STRLEN];
	struct fp_why w;
	struct fp_node n;
	int rc = fp_receive_node(r, FP_NODE_READ_BOTH, false, true, &n, e);

	if (rc)
		return rc;
	rc = fp_why_ask(&n, host, fp_clock_unix_s(), put_entry, lines, &w, e);
	if (!rc) {
		fp_prefix_print(host, addr);
		fp_buf_printf(lines, "kernel\t-\t-\t%s\t%s\t%s\n", addr,
			      n.maps ? fp_kind_name(w.kernel) : "-", w.mode);
	}
	fp_node_close(&n);
	return rc;
}

/* ---- lifted, and blocked all the same */

#define STILL_SAID 10

static int find_block(void *ctx, const struct fp_merge_item *item)
{
	enum fp_kind kind = fp_list_about(item->list)->kind;
	const struct fp_list **out = ctx;

	if (kind != FP_KIND_BLOCK ||
	    !fp_word_is_live(&item->entry, fp_clock_unix_s()))
		return 0;
	*out = item->list;
	return 1;
}

void fp_receive_tell_blocked(struct fp_receive *r, const struct fp_node *n,
			     const struct fp_entry *v, size_t n_words)
{
	char text[160], prefix[FP_PREFIX_STRLEN];
	size_t n_said = 0;

	for (size_t i = 0; i < n_words && n_said < STILL_SAID; i++) {
		const struct fp_list *l = NULL;

		if (!fp_word_is_lift(&v[i]))
			continue;
		fp_lists_covering(&n->lists, &v[i].p, find_block, &l);
		if (!l)
			continue;
		fp_prefix_print(&v[i].p, prefix);
		snprintf(text, sizeof(text),
			 "%s was lifted, and is still blocked by list %s (%s)",
			 prefix, fp_list_about(l)->name,
			 fp_owner_name(fp_list_about(l)->owner));
		fp_receiver_note(r->receiver, text, NULL);
		n_said++;
	}
}
