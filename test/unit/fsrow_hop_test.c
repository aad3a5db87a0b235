/* SPDX-License-Identifier: Apache-2.0 */
/* The next hop of a row, and another in its place: texts, and rows as FreeSWITCH
 * 1.10.12 wrote them (test/fuzz/corpus/fsrow). */
#include "unit.h"

#include "codec/fsrow_priv.h"

#define CORPUS "test/fuzz/corpus/fsrow/"

static const struct fp_fsrow_hop hops[] = {
	{ .host = "192.0.2.11", .to_host = "192.0.2.12" },
	{ .host = "2001:db8::11", .to_host = "2001:db8::12", .to_port = 5070 },
	{ .host = "sip1.example.net",
	  .port = 5080,
	  .to_host = "2001:db8::12",
	  .to_port = 5060 },
};

TEST(texts)
{
	static const struct {
		const char *was, *want; /* NULL: nothing to replace */
	} all[] = {
		/* of sip_contact_uri, sip_req_uri: without a scheme */
		{ "nobody@192.0.2.11", "nobody@192.0.2.12" },
		{ "ok-1@192.0.2.11:5060", "ok-1@192.0.2.12:5060" },
		{ "192.0.2.11:5060;transport=udp",
		  "192.0.2.12:5060;transport=udp" },
		{ "a@192.0.2.11;fs_path=sip:192.0.2.11;lr",
		  "a@192.0.2.12;fs_path=sip:192.0.2.12;lr" },
		/* of sip_recover_contact */
		{ "<sip:192.0.2.11;did=e68.cccdf9>",
		  "<sip:192.0.2.12;did=e68.cccdf9>" },
		{ "\"sip:192.0.2.11 \\\" x\" <sip:192.0.2.11:5060;did=1>;q=1",
		  "\"sip:192.0.2.11 \\\" x\" <sip:192.0.2.12:5060;did=1>;q=1" },
		{ "Anna <sips:a;x@192.0.2.11?b=c>",
		  "Anna <sips:a;x@192.0.2.12?b=c>" },
		/* of routes */
		{ "<sip:192.0.2.1;lr>,<sip:192.0.2.11;r2=on;lr;did=f.1>",
		  "<sip:192.0.2.1;lr>,<sip:192.0.2.12;r2=on;lr;did=f.1>" },
		{ "<sip:192.0.2.11;lr>,<sip:192.0.2.11:5060;lr>",
		  "<sip:192.0.2.12;lr>,<sip:192.0.2.12:5060;lr>" },
		/* IPv6, however it is written; another port, and names */
		{ "<sip:[2001:DB8:0::11];lr>", "<sip:[2001:db8::12]:5070;lr>" },
		{ "x@[2001:db8::11]:5060", "x@[2001:db8::12]:5070" },
		{ "sip:SIP1.example.net:5080;lr",
		  "sip:[2001:db8::12]:5060;lr" },
		/* others */
		{ "ok-1@192.0.2.11:5070", NULL },
		{ "ok-1@192.0.2.110", NULL },
		{ "ok-1@1192.0.2.11", NULL },
		{ "sip1.example.net", NULL },
		{ "192.0.2.11@192.0.2.13", NULL },
		{ "<sip:192.0.2.13;x=192.0.2.11>", NULL },
		{ "<tel:192.0.2.11>", NULL },
		{ "a@192.0.2.11:0", NULL },
		{ "a@192.0.2.11:70000", NULL },
		{ "[2001:db8::11", NULL },
		{ "", NULL },
		{ "@", NULL },
		{ "sip:", NULL },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct fp_buf b = { .data = NULL };
		size_t n = fp_fsrow_rehop(&b, all[i].was, hops, 3);

		EQ(n > 0, all[i].want != NULL);
		STR(fp_buf_str(&b), all[i].want ? all[i].want : all[i].was);
		EQ(fp_fsrow_rehop(NULL, all[i].was, hops, 3), n);
		fp_buf_fini(&b);
	}
}

/* ---- rows */

static char *file(const char *name, size_t *n)
{
	char path[200], *s = calloc(1, 1 << 16);
	FILE *f;

	snprintf(path, sizeof(path), CORPUS "%s", name);
	f = fopen(path, "r");
	if (!OK(f))
		exit(1);
	*n = fread(s, 1, (1 << 16) - 1, f);
	fclose(f);
	return s;
}

/* The lines of b that a has not, with '|' behind each. */
static void differ(char *a, char *b, char *out, size_t size)
{
	char *save_a, *save_b, *x = strtok_r(a, "\n", &save_a);
	char *y = strtok_r(b, "\n", &save_b);
	size_t at = 0;

	*out = 0;
	while (x && y && at < size) {
		if (strcmp(x, y) != 0)
			at += (size_t)snprintf(out + at, size - at, "%s|",
					       y + strspn(y, " "));
		x = strtok_r(NULL, "\n", &save_a);
		y = strtok_r(NULL, "\n", &save_b);
	}
	OK(!x && !y);
}

static void row(const char *name, const char *edge, uint16_t port,
		bool is_target, const char *want)
{
	const struct fp_fsrow_hop h = { .host = edge,
					.port = port,
					.to_host = "192.0.2.12",
					.to_port = 5060 };
	const struct fp_fsrow_edit edit = { .hop = &h, .n_hops = 1 };
	struct fp_buf b = { .data = NULL };
	struct fp_fsrow r;
	char said[1000], *xml;
	struct fp_err e;
	size_t n;

	xml = file(name, &n);
	EQ(fp_fsrow_parse(&r, xml, n, &e), 0);
	EQ(fp_fsrow_names(&r, &h), *want != 0);
	EQ(fp_fsrow_goes_to(&r, &h), is_target);
	EQ(fp_fsrow_rewrite(&b, &r, xml, n, &edit, &e), 0);
	fp_buf_str(&b);
	differ(xml, b.data, said, sizeof(said));
	STR(said, want);
	fp_buf_fini(&b);
	fp_fsrow_fini(&r);
	free(xml);
}

TEST(rows)
{
	row("A-bridged-inbound", "127.0.0.50", 5106, true,
	    "<sip_network_ip>192.0.2.12</sip_network_ip>|"
	    "<sip_network_port>5060</sip_network_port>|"
	    "<sip_contact_uri>caller1%40192.0.2.12%3A5060</sip_contact_uri>|");
	/* the UA is elsewhere: only what it came by is the edge */
	row("A-bridged-inbound", "127.0.0.50", 5060, false,
	    "<sip_network_ip>192.0.2.12</sip_network_ip>|"
	    "<sip_network_port>5060</sip_network_port>|");
	row("B-bridged-outbound", "127.0.0.60", 5080, true,
	    "<sip_req_uri>2001%40192.0.2.12%3A5060</sip_req_uri>|"
	    "<sip_network_ip>192.0.2.12</sip_network_ip>|"
	    "<sip_network_port>5060</sip_network_port>|"
	    "<sip_recover_contact>%3Csip%3Acallee%40192.0.2.12%3A5060%3E"
	    "</sip_recover_contact>|"
	    "<sip_contact_uri>callee%40192.0.2.12%3A5060</sip_contact_uri>|");
	/* its own address stands there, too, and is no hop */
	row("A-bridged-inbound", "127.0.0.9", 5060, false, "");
}

TEST(refused)
{
	static const char *const bad[] = { "", "a b", "<x>", "[::1]", "a%41" };
	struct fp_fsrow_hop h = { .host = "192.0.2.11" };
	const struct fp_fsrow_edit edit = { .hop = &h, .n_hops = 1 };
	struct fp_fsrow r = { .n_spans = 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fp_buf b = { .data = NULL };
		struct fp_err e = { .text = "" };

		h.to_host = bad[i];
		EQ(fp_fsrow_rewrite(&b, &r, "", 0, &edit, &e), -EINVAL);
		OK(strstr(e.text, "hop"));
		fp_buf_fini(&b);
	}
}
