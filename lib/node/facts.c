/* SPDX-License-Identifier: Apache-2.0 */
#include "node/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fp_maps.h"
#include "io/caps.h"
#include "io/clock.h"
#include "model/inventory.h"
#include "model/words.h"
#include "peer/netlink.h"
#include "peer/sshd.h"

static int fp_add_own(void *ctx, const struct fp_prefix *host, const char *name)
{
	return fp_guard_add(ctx, FP_GUARD_OWN, host, name);
}

static int fp_add_gateway(void *ctx, const struct fp_prefix *host,
			  const char *name)
{
	return fp_guard_add(ctx, FP_GUARD_GATEWAY, host, name);
}

static int fp_add_peer(void *ctx, const struct fp_prefix *peer)
{
	return fp_guard_add(ctx, FP_GUARD_SSH, peer, "");
}

static int fp_add_node(void *ctx, const struct fp_host *h,
		       const struct fp_prefix *p)
{
	return fp_guard_add(ctx, FP_GUARD_NODE, p, h->name);
}

/* sshd's ports as fp-load left them in the filter: /proc need not be read. */
static bool fp_ports_from_maps(struct fp_maps *maps, struct fp_sshd_ports *out)
{
	struct fp_ports *p = maps ? fp_maps_ports(maps, NULL) : NULL;

	out->n = 0;
	for (uint32_t i = 0; p && i < FP_PORT_WORDS; i++)
		for (uint32_t w = p->never[i], b = 0; w; w >>= 1, b++)
			if ((w & 1) && out->n < FP_SSHD_PORTS_MAX)
				out->v[out->n++] = (uint16_t)(i * 32 + b);
	return out->n > 0;
}

static int fp_facts_ssh(struct fp_guard *g, struct fp_node *n, struct fp_err *e)
{
	struct fp_sshd_ports ports;
	int r = 0;

	if (!fp_ports_from_maps(n->maps, &ports))
		r = fp_sshd_ports(&ports, e);
	return r ? r : fp_sshd_peers(&ports, fp_add_peer, g, e);
}

/* 1: there is none, which is fine. */
static int fp_inventory_maybe(struct fp_inventory **out, const char *cluster,
			      bool is_named, struct fp_err *e)
{
	uint64_t was = fp_caps_raise(FP_CAP_DAC_READ_SEARCH);
	int r = fp_inventory_read(out, cluster, e);

	fp_caps_use(was, NULL);
	return r == -ENOENT && !is_named ? 1 : r;
}

static int fp_facts_cluster(struct fp_guard *g, const char *cluster,
			    bool is_named, struct fp_err *e)
{
	struct fp_inventory *inv;
	const struct fp_host *host;
	size_t n;
	int r;

	r = fp_inventory_maybe(&inv, cluster, is_named, e);
	if (r)
		return r < 0 ? r : 0;
	n = fp_inventory_hosts(inv, &host);
	for (size_t i = 0; i < n && !r; i++)
		r = fp_inventory_addresses(&host[i], fp_add_node, g);
	fp_inventory_free(inv);
	return r;
}

int fp_facts_guard(struct fp_guard *out, struct fp_node *n, const char *cluster,
		   bool is_cluster_named, struct fp_err *e)
{
	struct fp_guard g = { 0 };
	int r;

	r = fp_net_addresses(fp_add_own, &g, e);
	if (!r)
		r = fp_net_gateways(fp_add_gateway, &g, e);
	if (!r)
		r = fp_facts_ssh(&g, n, e);
	if (!r)
		r = fp_facts_cluster(&g, cluster, is_cluster_named, e);
	if (r)
		fp_guard_fini(&g);
	else
		*out = g;
	return r;
}

/* ---- rule allowed ---- */

struct fp_allowed {
	const struct fp_prefix *p;
	int64_t now_s;
	struct fp_err *e;
};

static int fp_refuse_allowed(const struct fp_allowed *a,
			     const struct fp_prefix *entry,
			     const struct fp_list *l)
{
	char p[FP_PREFIX_STRLEN], x[FP_PREFIX_STRLEN];

	fp_prefix_print(a->p, p);
	fp_prefix_print(entry, x);
	if (!fp_prefix_cmp(a->p, entry))
		return fp_refuse(a->e, "allowed", "%s is on the allow list %s",
				 p, fp_list_about(l)->name);
	return fp_refuse(a->e, "allowed", "%s overlaps %s of the allow list %s",
			 p, x, fp_list_about(l)->name);
}

static int fp_allowed_cover(void *ctx, const struct fp_merge_item *item)
{
	struct fp_allowed *a = ctx;

	if (!fp_word_is_live(&item->entry, a->now_s))
		return 0;
	return fp_refuse_allowed(a, &item->entry.p, item->list);
}

/* Entries of l inside p. */
static int fp_allowed_inside(const struct fp_allowed *a,
			     const struct fp_list *l)
{
	struct fp_list_iter it;
	struct fp_entry x;
	int r;

	fp_list_seek(l, &it, a->p);
	while ((r = fp_list_next(&it, &x, a->e)) == 1) {
		if (!fp_prefix_contains(a->p, &x.p))
			return 0;
		if (fp_word_is_live(&x, a->now_s))
			return fp_refuse_allowed(a, &x.p, l);
	}
	return r;
}

int fp_facts_allowed(const struct fp_node *n, const struct fp_prefix *p,
		     struct fp_err *e)
{
	struct fp_allowed a = { p, fp_clock_unix_s(), e };
	int r = 0;

	for (size_t i = 0; i < n->lists.n && !r; i++) {
		const struct fp_list *l = n->lists.v[i];

		if (fp_list_about(l)->kind != FP_KIND_ALLOW)
			continue;
		r = fp_list_covering(l, p, fp_allowed_cover, &a);
		if (!r)
			r = fp_allowed_inside(&a, l);
	}
	return r;
}

/* ---- the list _cluster ---- */

struct fp_hosts {
	struct fp_prefix *v;
	char (*why)[96];
	size_t n, i;
	struct fp_buf meta;
	struct fp_err *e;
};

static int fp_hosts_add(void *ctx, const struct fp_host *h,
			const struct fp_prefix *p)
{
	struct fp_hosts *s = ctx;
	void *v = reallocarray(s->v, s->n + 1, sizeof(*s->v));

	if (!v)
		return -ENOMEM;
	s->v = v;
	v = reallocarray(s->why, s->n + 1, sizeof(*s->why));
	if (!v)
		return -ENOMEM;
	s->why = v;
	s->v[s->n] = *p;
	snprintf(s->why[s->n++], sizeof(*s->why), "%s", h->name);
	return 0;
}

/* By insertion: some dozens of nodes.  Of two nodes on one address the first
 * stands. */
static void fp_hosts_sort(struct fp_hosts *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct fp_prefix p = s->v[i];
		char why[sizeof(*s->why)];
		size_t j = kept;

		memcpy(why, s->why[i], sizeof(why));
		while (j && fp_prefix_cmp(&s->v[j - 1], &p) > 0)
			j--;
		if (j && !fp_prefix_cmp(&s->v[j - 1], &p))
			continue;
		memmove(&s->v[j + 1], &s->v[j], (kept - j) * sizeof(*s->v));
		memmove(&s->why[j + 1], &s->why[j],
			(kept - j) * sizeof(*s->why));
		s->v[j] = p;
		memcpy(s->why[j], why, sizeof(why));
		kept++;
	}
	s->n = kept;
}

static int fp_hosts_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct fp_hosts *s = ctx;
	int r;

	if (s->i == s->n)
		return 0;
	s->meta.len = 0;
	r = fp_meta_add(&s->meta, "why", s->why[s->i], e);
	if (r)
		return r;
	*out = (struct fp_entry){ .p = s->v[s->i++],
				  .meta = s->meta.data,
				  .meta_len = (uint32_t)s->meta.len };
	return 1;
}

static bool fp_hosts_equal(struct fp_hosts *s, const struct fp_list *l)
{
	struct fp_list_iter it;
	struct fp_entry want = { .meta_len = 0 }, got;
	bool is_equal = true;
	int r = 0;

	s->i = 0;
	fp_list_seek(l, &it, NULL);
	while (is_equal && (r = fp_list_next(&it, &got, NULL)) == 1)
		is_equal = fp_hosts_next(s, &want, NULL) == 1 &&
			   !fp_prefix_cmp(&want.p, &got.p) &&
			   want.meta_len == got.meta_len &&
			   !memcmp(want.meta, got.meta, got.meta_len);
	is_equal = is_equal && !r && s->i == s->n;
	s->i = 0;
	return is_equal;
}

int fp_facts_cluster_list(struct fp_node *n, const char *cluster,
			  bool is_cluster_named, bool *is_changed,
			  struct fp_err *e)
{
	struct fp_list_head head = { .name = "_cluster",
				     .gen = 1,
				     .kind = FP_KIND_ALLOW,
				     .owner = FP_OWNER_LOCAL };
	struct fp_list *old = fp_lists_get(&n->lists, head.name);
	struct fp_hosts s = { .e = e };
	struct fp_inventory *inv;
	const struct fp_host *host;
	size_t n_hosts;
	int r;

	*is_changed = false;
	r = fp_inventory_maybe(&inv, cluster, is_cluster_named, e);
	if (r)
		return r < 0 ? r : 0;
	n_hosts = fp_inventory_hosts(inv, &host);
	for (size_t i = 0; i < n_hosts && !r; i++)
		r = fp_inventory_addresses(&host[i], fp_hosts_add, &s);
	fp_inventory_free(inv);
	fp_hosts_sort(&s);
	if (!r && (!old || !fp_hosts_equal(&s, old))) {
		if (old)
			head.gen = fp_list_head(old)->gen + 1;
		r = fp_node_write(n, &head, fp_hosts_next, &s, (int64_t)s.n,
				  NULL, e);
		*is_changed = !r;
	}
	free(s.v);
	free(s.why);
	fp_buf_fini(&s.meta);
	return r;
}

/* ---- settings ---- */

/* Not every sshd could be looked at: those ports that were known stay. */
static void fp_ports_keep(struct fp_maps *maps, struct fp_sshd_ports *ssh)
{
	struct fp_sshd_ports old;

	if (!fp_ports_from_maps(maps, &old))
		return;
	for (size_t i = 0; i < old.n; i++) {
		bool is_there = false;

		for (size_t j = 0; j < ssh->n; j++)
			is_there = is_there || ssh->v[j] == old.v[i];
		if (!is_there && ssh->n < FP_SSHD_PORTS_MAX)
			ssh->v[ssh->n++] = old.v[i];
	}
}

int fp_facts_settings(struct fp_node *n, const struct fp_settings *s,
		      bool *is_changed, struct fp_err *e)
{
	struct fp_sshd_ports ssh;
	struct fp_ports *ports;
	int r;

	*is_changed = false;
	if (!n->maps)
		return 0;
	r = fp_sshd_ports(&ssh, e);
	if (r)
		return r;
	if (!ssh.is_complete)
		fp_ports_keep(n->maps, &ssh);
	ports = fp_maps_ports(n->maps, e);
	if (!ports)
		return -ENOMEM;
	*is_changed = fp_settings_apply(s, ssh.v, ssh.n, fp_maps_conf(n->maps),
					ports);
	return 0;
}
