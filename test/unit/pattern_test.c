/* SPDX-License-Identifier: Apache-2.0 */
/* -N: which nodes. */
#include "unit.h"

#include "base/buf.h"
#include "model/pattern.h"

static const char cluster[] = "ctl1\n"
			      "[opensips]\n"
			      "sip2\n"
			      "sip1\n"
			      "[freeswitch]\n"
			      "fs1\n"
			      "sip3.example.com\n"
			      "[edge:children]\n"
			      "opensips\n"
			      "[a-b_C]\n"
			      "fs1\n"
			      "sip2\n"
			      "[nobody]\n";

#define ALL "ctl1 sip2 sip1 fs1 sip3.example.com "

/* Up to three patterns, and whom they select, or what the message says. */
static const struct {
	const char *patterns[3], *want;
	int code;
} cases[] = {
	{ { 0 }, ALL, 0 },
	{ { "all" }, ALL, 0 },
	{ { "*" }, ALL, 0 },
	{ { "ungrouped" }, "ctl1 ", 0 },
	{ { "sip1" }, "sip1 ", 0 },
	{ { "edge" }, "sip2 sip1 ", 0 },
	{ { "sip1", "sip2" }, "sip2 sip1 ", 0 },
	{ { "sip1,sip2,sip1,opensips" }, "sip2 sip1 ", 0 },
	{ { "sip1:fs1" }, "sip1 fs1 ", 0 },
	{ { " sip1 , fs1\t" }, "sip1 fs1 ", 0 },
	{ { "sip*" }, "sip2 sip1 sip3.example.com ", 0 },
	{ { "*s*" }, "sip2 sip1 fs1 sip3.example.com ", 0 },
	{ { "sip?" }, "sip2 sip1 ", 0 },
	{ { "[cf]*" }, "ctl1 fs1 sip3.example.com ", 0 },
	{ { "[!cf]*1" }, "sip1 ", 0 },
	{ { "s[a-j]p[13]*" }, "sip1 sip3.example.com ", 0 },
	{ { "a-b_C" }, "sip2 fs1 ", 0 },
	{ { "!sip1" }, "ctl1 sip2 fs1 sip3.example.com ", 0 },
	{ { "!edge,!fs1" }, "ctl1 sip3.example.com ", 0 },
	{ { "!sip1", "edge" }, "sip2 ", 0 },
	{ { "sip1,!edge,fs1" }, "fs1 ", 0 },
	{ { "&a-b_C" }, "sip2 fs1 ", 0 },
	{ { "&a-b_C", "&edge" }, "sip2 ", 0 },
	{ { "!fs1", "&a-b_C", "all" }, "sip2 ", 0 },
	{ { "opensips:&a-b_C,fs1:!sip2" }, "fs1 ", 0 },
	{ { "sip9" }, "\"sip9\": matches no node", -ENOENT },
	{ { "sip1", "sip9" }, "\"sip9\": matches no node", -ENOENT },
	{ { "sip1,s?9,fs1" }, "\"s?9\": matches no node", -ENOENT },
	{ { "SIP1" }, "matches no node", -ENOENT },
	{ { "sip" }, "matches no node", -ENOENT },
	{ { "nobody" }, "\"nobody\": matches no node", -ENOENT },
	{ { "!sip9" }, "\"!sip9\": matches no node", -ENOENT },
	{ { "sip1,!nobody" }, "\"!nobody\": matches no node", -ENOENT },
	{ { "&sip9" }, "\"&sip9\": matches no node", -ENOENT },
	{ { "sip1,&fs1" }, "\"sip1,&fs1\": no node is left by it", -ENOENT },
	{ { "sip1", "!edge" },
	  "\"!edge\": no node is left by this and",
	  -ENOENT },
	{ { "" }, "\"\": not a node", -EINVAL },
	{ { "sip1," }, "\"\": not a node", -EINVAL },
	{ { "sip1,,fs1" }, "\"\": not a node", -EINVAL },
	{ { "!" }, "\"!\": not a node", -EINVAL },
	{ { "!!sip1" }, "\"!!sip1\": not a node", -EINVAL },
	{ { "!&sip1" }, "\"!&sip1\": not a node", -EINVAL },
	{ { "sip1 sip2" }, "\"sip1 sip2\": not a node", -EINVAL },
	{ { "~sip.*" }, "\"~sip.*\": not a node", -EINVAL },
	{ { "@file" }, "not a node", -EINVAL },
	{ { "sip\\1" }, "not a node", -EINVAL },
	{ { "[^s]*" }, "not a node", -EINVAL },
	{ { "edge[0]" }, "\"edge[0]\": subscripts are not taken", -EINVAL },
	{ { "edge[-1]" }, "subscripts are not taken", -EINVAL },
	{ { "edge[0-]" }, "subscripts are not taken", -EINVAL },
	{ { "sip[1-2]" }, "subscripts are not taken", -EINVAL },
	{ { "sip1,!sip[12]" }, "subscripts are not taken", -EINVAL },
	{ { "edge[0:1]" }, "\"edge[0\": not a node", -EINVAL },
	{ { "[s" }, "not a node", -EINVAL },
	{ { "s]*" }, "not a node", -EINVAL },
	{ { "[]s]*" }, "not a node", -EINVAL },
	{ { "[!]s]*" }, "not a node", -EINVAL },
	{ { "[[s]*" }, "not a node", -EINVAL },
	{ { "[]*" }, "not a node", -EINVAL },
};

static void check(const struct fp_inventory *inv, size_t i)
{
	const struct fp_host **v = NULL;
	struct fp_buf b = { 0 };
	struct fp_err e = { 0 };
	size_t n = 0, n_v = 99;
	int r;

	while (n < 3 && cases[i].patterns[n])
		n++;
	r = fp_pattern_select(inv, cases[i].patterns, n, &v, &n_v, &e);
	EQ(r, cases[i].code);
	if (r) {
		HAS(e.text, cases[i].want);
		OK(!v && n_v == 99);
		return;
	}
	for (size_t k = 0; k < n_v; k++)
		fp_buf_printf(&b, "%s ", v[k]->name);
	STR(fp_buf_str(&b), cases[i].want);
	fp_buf_fini(&b);
	free(v);
}

TEST(selects)
{
	struct fp_inventory *inv;

	OK(!fp_inventory_parse(&inv, "f", cluster, strlen(cluster), NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int before = unit_failed;

		check(inv, i);
		if (unit_failed != before)
			printf("# case %zu: %s\n", i,
			       cases[i].patterns[0] ? cases[i].patterns[0]
						    : "");
	}
	fp_inventory_free(inv);
}

TEST(no_nodes)
{
	const char *all = "all", *no = "!x";
	const struct fp_host **v;
	struct fp_inventory *inv;
	struct fp_err e;
	size_t n = 9;

	OK(!fp_inventory_parse(&inv, "f", "", 0, NULL));
	OK(!fp_pattern_select(inv, NULL, 0, &v, &n, &e));
	EQ(n, 0);
	free(v);
	EQ(fp_pattern_select(inv, &all, 1, &v, &n, &e), -ENOENT);
	EQ(fp_pattern_select(inv, &no, 1, &v, &n, &e), -ENOENT);
	fp_inventory_free(inv);
}

TEST(long_part)
{
	const struct fp_host **v;
	struct fp_inventory *inv;
	char part[2000] = "";
	const char *p = part;
	struct fp_err e;
	size_t n;

	memset(part, 'a', sizeof(part) - 1);
	OK(!fp_inventory_parse(&inv, "f", "a\n", 2, NULL));
	EQ(fp_pattern_select(inv, &p, 1, &v, &n, &e), -EINVAL);
	HAS(e.text, "aaa...");
	fp_inventory_free(inv);
}
