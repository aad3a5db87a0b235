/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shortest prefixes that rule `wide` lets through. */
#define WIDE_V4 (96 + 16)
#define WIDE_V6 32

/* Lists up to this size may change freely. */
#define SMALL_LIST 100

static int addr_cmp(const struct fp_guard_addr *a,
		    const struct fp_guard_addr *b)
{
	int c = fp_prefix_cmp(&a->host, &b->host);

	return c ? c : strcmp(a->name, b->name);
}

/* Index of the first element >= x. */
static size_t lower_bound(const struct fp_guard_addr *v, size_t n,
			  const struct fp_guard_addr *x)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;

		if (addr_cmp(&v[mid], x) < 0)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

int fp_guard_add(struct fp_guard *g, enum fp_guard_set set,
		 const struct fp_prefix *host, const char *name)
{
	struct fp_guard_addr x = { .host = *host };
	struct fp_guard_addr *v = g->set[set].v;
	size_t n = g->set[set].n, i;

	x.host.len = 128;
	snprintf(x.name, sizeof(x.name), "%s", name);
	i = lower_bound(v, n, &x);
	if (i < n && !addr_cmp(&v[i], &x))
		return 0;
	if (n == g->set[set].cap) {
		size_t cap = n ? 2 * n : 16;

		v = reallocarray(v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		g->set[set].v = v;
		g->set[set].cap = cap;
	}
	memmove(v + i + 1, v + i, (n - i) * sizeof(*v));
	v[i] = x;
	g->set[set].n++;
	return 0;
}

void fp_guard_fini(struct fp_guard *g)
{
	for (size_t i = 0; i < FP_GUARD_SETS; i++)
		free(g->set[i].v);
	memset(g, 0, sizeof(*g));
}

/* The first address of a set inside p, or NULL. */
static const struct fp_guard_addr *find(const struct fp_guard *g,
					enum fp_guard_set set,
					const struct fp_prefix *p)
{
	const struct fp_guard_addr from = { .host = *p };
	const struct fp_guard_addr *v = g->set[set].v;
	size_t i = lower_bound(v, g->set[set].n, &from);

	return i < g->set[set].n && fp_prefix_contains(p, &v[i].host) ? &v[i]
								      : NULL;
}

struct check {
	const struct fp_guard *g;
	const struct fp_prefix *p;
	char text[FP_PREFIX_STRLEN]; /* of p, once it is needed */
	fp_guard_overridden *is_overridden;
	void *ctx;
	struct fp_err *e;
};

static bool is_lifted(const struct check *c, const char *rule)
{
	return c->is_overridden && c->is_overridden(c->ctx, rule);
}

/* Only a refusal pays for it: a load checks a million prefixes. */
static const char *print(struct check *c)
{
	fp_prefix_print(c->p, c->text);
	return c->text;
}

/* "203.0.113.0/24 holds 203.0.113.9, WHAT" or "203.0.113.9 is WHAT". */
static int refuse(struct check *c, const char *rule,
		  const struct fp_prefix *host, const char *what)
{
	char h[FP_PREFIX_STRLEN];

	if (fp_prefix_is_host(c->p))
		return fp_refuse(c->e, rule, "%s is %s", print(c), what);
	fp_prefix_print(host, h);
	return fp_refuse(c->e, rule, "%s holds %s, %s", print(c), h, what);
}

static int check_wide(struct check *c)
{
	unsigned int min = fp_prefix_is_v4(c->p) ? WIDE_V4 : WIDE_V6;

	if (c->p->len >= min || is_lifted(c, "wide"))
		return 0;
	return fp_refuse(c->e, "wide", "%s is wider than /%u", print(c),
			 fp_prefix_is_v4(c->p) ? min - 96 : min);
}

/* RFC 1122 3.2.1.3 (g); RFC 4291 2.5.3. */
static bool is_loopback(const struct fp_prefix *p)
{
	const struct fp_prefix v4 = { 0, 0xffff7f000000, 96 + 8 };
	const struct fp_prefix v6 = { 0, 1, 128 };

	return fp_prefix_is_v4(p) ? fp_prefix_overlaps(p, &v4)
				  : fp_prefix_contains(p, &v6);
}

static int check_self(struct check *c)
{
	const struct fp_guard_addr *a = find(c->g, FP_GUARD_OWN, c->p);
	char what[128];

	if (is_lifted(c, "self"))
		return 0;
	if (is_loopback(c->p))
		return fp_refuse(c->e, "self", "%s %s loopback", print(c),
				 fp_prefix_is_host(c->p) ? "is" : "holds");
	if (!a)
		return 0;
	snprintf(what, sizeof(what), "this node's own address%s%s",
		 a->name[0] ? " on " : "", a->name);
	return refuse(c, "self", &a->host, what);
}

static int check_gateway(struct check *c)
{
	const struct fp_guard_addr *a = find(c->g, FP_GUARD_GATEWAY, c->p);
	char what[128];

	if (!a || is_lifted(c, "gateway"))
		return 0;
	snprintf(what, sizeof(what), "the default gateway%s%s",
		 a->name[0] ? " on " : "", a->name);
	return refuse(c, "gateway", &a->host, what);
}

static int check_ssh(struct check *c)
{
	const struct fp_guard_addr *a = find(c->g, FP_GUARD_SSH, c->p);

	if (!a || is_lifted(c, "ssh"))
		return 0;
	return refuse(c, "ssh", &a->host, "connected to this node by SSH now");
}

static int check_cluster(struct check *c)
{
	const struct fp_guard_addr *a = find(c->g, FP_GUARD_NODE, c->p);
	char what[128];

	if (!a || is_lifted(c, "cluster"))
		return 0;
	snprintf(what, sizeof(what), "cluster node %s", a->name);
	return refuse(c, "cluster", &a->host, what);
}

static int check_fence(struct check *c)
{
	const struct fp_guard_addr *a = find(c->g, FP_GUARD_NODE, c->p);
	const struct fp_guard_addr *end =
		c->g->set[FP_GUARD_NODE].v + c->g->set[FP_GUARD_NODE].n;

	if (is_lifted(c, "fence"))
		return 0;
	if (!fp_prefix_is_host(c->p))
		return fp_refuse(
			c->e, "fence",
			"%s is not one address: a fence holds one cluster node",
			print(c));
	if (!a)
		return fp_refuse(c->e, "fence",
				 "%s is no cluster node's address", print(c));
	if (a + 1 < end && !fp_prefix_cmp(&a->host, &a[1].host))
		return fp_refuse(
			c->e, "fence",
			"%s belongs to %s and %s: a fence would cut off both",
			print(c), a->name, a[1].name);
	return 0;
}

int fp_guard_check(const struct fp_guard *g, const struct fp_prefix *p,
		   enum fp_kind kind, fp_guard_overridden *is_overridden,
		   void *ctx, struct fp_err *e)
{
	struct check c = { .g = g,
			   .p = p,
			   .is_overridden = is_overridden,
			   .ctx = ctx,
			   .e = e };
	int rc;

	rc = check_wide(&c);
	if (rc || (kind != FP_KIND_BLOCK && kind != FP_KIND_FENCE))
		return rc;
	rc = check_self(&c);
	if (!rc)
		rc = check_gateway(&c);
	if (!rc)
		rc = check_ssh(&c);
	if (!rc)
		rc = kind == FP_KIND_BLOCK ? check_cluster(&c)
					   : check_fence(&c);
	return rc;
}

int fp_guard_max_change(size_t old_n, size_t dropped_n,
			unsigned int max_percent,
			fp_guard_overridden *is_overridden, void *ctx,
			struct fp_err *e)
{
	if (old_n <= SMALL_LIST ||
	    (unsigned long long)dropped_n * 100 <=
		    (unsigned long long)old_n * max_percent ||
	    (is_overridden && is_overridden(ctx, "max-change")))
		return 0;
	return fp_refuse(e, "max-change",
			 "%zu of %zu entries would go, more than %u %%",
			 dropped_n, old_n, max_percent);
}
