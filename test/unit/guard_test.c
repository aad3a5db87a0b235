/* SPDX-License-Identifier: Apache-2.0 */
/* The guard rails' rules: what each refuses, what it says, what lifts it. */
#include "logic/guard.h"
#include "test/unit/unit.h"

static struct fp_prefix prefix(const char *s)
{
	struct fp_prefix p = { 0 };
	struct fp_err e = { 0 };

	if (!OK(!fp_prefix_parse(&p, s, strlen(s), &e)))
		printf("# %s\n", e.text);
	return p;
}

static bool is_in(void *ctx, const char *rule)
{
	return ctx && !strcmp(ctx, rule);
}

static const struct {
	enum fp_guard_set set;
	const char *host, *name;
} fill[] = {
	{ FP_GUARD_OWN, "203.0.113.9", "eth0" },
	{ FP_GUARD_OWN, "127.0.0.1", "lo" },
	{ FP_GUARD_OWN, "2001:db8::9", "eth0" },
	{ FP_GUARD_OWN, "203.0.113.9", "eth0" },
	{ FP_GUARD_GATEWAY, "203.0.113.1", "eth0" },
	{ FP_GUARD_GATEWAY, "fe80::1", "eth0" },
	{ FP_GUARD_SSH, "192.0.2.77", "" },
	{ FP_GUARD_SSH, "2001:db8:5::77", "" },
	{ FP_GUARD_SSH, "192.0.2.200/31", "" },
	{ FP_GUARD_NODE, "198.51.100.11", "sip1" },
	{ FP_GUARD_NODE, "198.51.100.11", "sip1" },
	{ FP_GUARD_NODE, "198.51.100.12", "sip2" },
	{ FP_GUARD_NODE, "198.51.100.12", "fs2" },
	{ FP_GUARD_NODE, "2001:db8:6::13", "sip3" },
	{ FP_GUARD_NODE, "203.0.113.9", "sip0" },
};

static const struct {
	const char *prefix;
	enum fp_kind kind;
	const char *lifted;
	const char *rule; /* "": allowed */
	const char *text;
} cases[] = {
	/* wide: every kind */
	{ "0.0.0.0/0", FP_KIND_BLOCK, NULL, "wide",
	  "0.0.0.0/0 is wider than /16" },
	{ "::/0", FP_KIND_ALLOW, NULL, "wide", "::/0 is wider than /32" },
	{ "100.0.0.0/15", FP_KIND_ALLOW, NULL, "wide", NULL },
	{ "100.0.0.0/15", FP_KIND_FENCE, NULL, "wide", NULL },
	{ "100.0.0.0/16", FP_KIND_BLOCK, NULL, "", NULL },
	{ "2001:d00::/31", FP_KIND_BLOCK, NULL, "wide", NULL },
	{ "2001:d00::/32", FP_KIND_BLOCK, NULL, "", NULL },
	{ "100.0.0.0/8", FP_KIND_BLOCK, "wide", "", NULL },
	/* self */
	{ "203.0.113.9", FP_KIND_BLOCK, NULL, "self",
	  "203.0.113.9 is this node's own address on eth0" },
	{ "203.0.113.8/30", FP_KIND_BLOCK, NULL, "self",
	  "203.0.113.8/30 holds 203.0.113.9, this node's own address on eth0" },
	{ "203.0.113.10/31", FP_KIND_BLOCK, NULL, "", NULL },
	{ "2001:db8::/64", FP_KIND_FENCE, NULL, "self", NULL },
	{ "127.0.0.53", FP_KIND_BLOCK, NULL, "self", "127.0.0.53 is loopback" },
	{ "127.9.0.0/16", FP_KIND_BLOCK, NULL, "self",
	  "127.9.0.0/16 holds loopback" },
	{ "::1", FP_KIND_BLOCK, NULL, "self", NULL },
	{ "::/64", FP_KIND_BLOCK, NULL, "self", NULL },
	{ "128.0.0.0/16", FP_KIND_BLOCK, NULL, "", NULL },
	/* one lifted rule lets the next one speak */
	{ "203.0.113.0/24", FP_KIND_BLOCK, "self", "gateway",
	  "203.0.113.0/24 holds 203.0.113.1, the default gateway on eth0" },
	{ "203.0.113.9", FP_KIND_BLOCK, "self", "cluster", NULL },
	{ "0.0.0.0/0", FP_KIND_BLOCK, "wide", "self", NULL },
	/* gateway, ssh */
	{ "fe80::/64", FP_KIND_BLOCK, NULL, "gateway", NULL },
	{ "192.0.2.77", FP_KIND_BLOCK, NULL, "ssh",
	  "192.0.2.77 is connected to this node by SSH now" },
	{ "192.0.2.64/26", FP_KIND_BLOCK, NULL, "ssh",
	  "192.0.2.64/26 holds 192.0.2.77, connected to this node by SSH now" },
	{ "192.0.2.77", FP_KIND_FENCE, NULL, "ssh", NULL },
	{ "192.0.2.77", FP_KIND_BLOCK, "ssh", "", NULL },
	{ "192.0.2.78", FP_KIND_BLOCK, NULL, "", NULL },
	{ "192.0.2.200", FP_KIND_BLOCK, NULL, "ssh", NULL },
	{ "192.0.2.201", FP_KIND_BLOCK, NULL, "", NULL },
	{ "2001:db8:5::/48", FP_KIND_BLOCK, NULL, "ssh", NULL },
	/* allow lists may hold anything that is not wide */
	{ "203.0.113.0/24", FP_KIND_ALLOW, NULL, "", NULL },
	{ "127.0.0.1", FP_KIND_ALLOW, NULL, "", NULL },
	/* cluster, fence */
	{ "198.51.100.11", FP_KIND_BLOCK, NULL, "cluster",
	  "198.51.100.11 is cluster node sip1" },
	{ "198.51.100.0/24", FP_KIND_BLOCK, NULL, "cluster",
	  "198.51.100.0/24 holds 198.51.100.11, cluster node sip1" },
	{ "198.51.100.0/24", FP_KIND_BLOCK, "cluster", "", NULL },
	{ "198.51.100.11", FP_KIND_FENCE, NULL, "", NULL },
	{ "2001:db8:6::13", FP_KIND_FENCE, NULL, "", NULL },
	{ "198.51.100.12", FP_KIND_FENCE, NULL, "fence",
	  "198.51.100.12 belongs to fs2 and sip2: a fence would cut off both" },
	{ "198.51.100.12", FP_KIND_FENCE, "fence", "", NULL },
	{ "198.51.100.13", FP_KIND_FENCE, NULL, "fence",
	  "198.51.100.13 is no cluster node's address" },
	{ "198.51.100.10/31", FP_KIND_FENCE, NULL, "fence",
	  "198.51.100.10/31 is not one address: a fence holds one cluster node" },
};

static void guard_fill(struct fp_guard *g)
{
	for (size_t i = 0; i < sizeof(fill) / sizeof(fill[0]); i++) {
		struct fp_prefix p = prefix(fill[i].host);

		EQ(fp_guard_add(g, fill[i].set, &p, fill[i].name), 0);
	}
}

TEST(a_pair_that_is_added_twice_is_kept_once)
{
	struct fp_guard g = { 0 };

	guard_fill(&g);
	EQ(g.set[FP_GUARD_OWN].n, 3);
	EQ(g.set[FP_GUARD_NODE].n, 5);
	fp_guard_fini(&g);
}

TEST(each_rule_refuses_what_it_should_and_nothing_else)
{
	struct fp_guard g = { 0 };

	guard_fill(&g);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fp_prefix p = prefix(cases[i].prefix);
		struct fp_err e = { 0 };
		int rc = fp_guard_check(&g, &p, cases[i].kind, is_in,
					(void *)cases[i].lifted, &e);

		if (!EQ(rc, cases[i].rule[0] ? -EPERM : 0) ||
		    !STR(e.rule, cases[i].rule) ||
		    (cases[i].text && !STR(e.text, cases[i].text)))
			printf("# kind %d, %s, lifted %s: %s\n",
			       (int)cases[i].kind, cases[i].prefix,
			       cases[i].lifted ? cases[i].lifted : "-", e.text);
	}
	fp_guard_fini(&g);
}

static void expect_change(size_t old_n, size_t dropped_n, unsigned int percent,
			  const char *lifted, int want)
{
	struct fp_err e = { 0 };
	int rc = fp_guard_max_change(old_n, dropped_n, percent, is_in,
				     (void *)lifted, &e);

	if (!EQ(rc, want) || !STR(e.rule, want ? "max-change" : ""))
		printf("# %zu of %zu: %s\n", dropped_n, old_n, e.text);
}

TEST(a_large_list_may_not_lose_too_much_at_once)
{
	expect_change(100, 100, 20, NULL, 0);
	expect_change(101, 20, 20, NULL, 0);
	expect_change(101, 21, 20, NULL, -EPERM);
	expect_change(1000, 200, 20, NULL, 0);
	expect_change(1000, 201, 20, NULL, -EPERM);
	expect_change(1000, 201, 20, "max-change", 0);
	expect_change(1000, 201, 20, "wide", -EPERM);
	expect_change(1000, 1, 0, NULL, -EPERM);
	expect_change(1000, 1000, 100, NULL, 0);
}
