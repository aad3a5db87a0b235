/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster file. */
#include "unit.h"

#include "base/buf.h"
#include "model/inventory.h"

static struct fp_inventory *parse(const char *text)
{
	struct fp_inventory *inv = NULL;
	struct fp_err e;

	if (!EQ(fp_inventory_parse(&inv, "cluster.ini", text, strlen(text), &e),
		0))
		printf("# %s\n", e.text);
	return inv;
}

static const struct fp_host *host(const struct fp_inventory *inv,
				  const char *name)
{
	const struct fp_host *v;
	size_t n = fp_inventory_hosts(inv, &v);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].name, name))
			return &v[i];
	printf("# no host %s\n", name);
	abort();
}

static void var(const struct fp_inventory *inv, const char *name,
		const char *key, const char *want)
{
	STR(fp_inventory_var(host(inv, name), key), want);
}

/* ---- the example of the manual */

static const char example[] =
	"[opensips]\n"
	"sip1 ansible_host=192.0.2.11 fp_node_id=1 fp_sip=udp:192.0.2.11:5060 "
	"fp_mi=udp:10.0.0.11:8080 fp_mi_list=http://10.0.0.11:8888/mi\n"
	"[freeswitch]\n"
	"fs1 ansible_host=192.0.2.21 fp_switchname=fs1 "
	"fp_sip=udp:192.0.2.21:5060 fp_esl=10.0.0.21:8021 fp_rtp=192.0.2.22 "
	"fp_rtp_ports=16384-20383\n"
	"[rtpengine]\n"
	"rtp1 ansible_host=192.0.2.31 fp_ng=udp:10.0.0.31:2223\n"
	"[edge:children]\n"
	"opensips\n"
	"[edge:vars]\n"
	"fp_if=eth0\n"
	"[all:vars]\n"
	"fp_ssh_user=fastpath\n"
	"fp_recovery_db=service=freeswitch\n";

static int list_address(void *ctx, const struct fp_host *h,
			const struct fp_prefix *p)
{
	char text[FP_PREFIX_STRLEN];

	fp_prefix_print(p, text);
	fp_buf_printf(ctx, "%s %s\n", h->name, text);
	return 0;
}

static int stop(void *ctx, const struct fp_host *h, const struct fp_prefix *p)
{
	(void)h;
	(void)p;
	return ++*(int *)ctx == 2 ? 42 : 0;
}

static void addresses(const struct fp_inventory *inv, const char *name,
		      const char *want)
{
	struct fp_buf b = { 0 };

	EQ(fp_inventory_addresses(host(inv, name), list_address, &b), 0);
	STR(fp_buf_str(&b), want);
	fp_buf_fini(&b);
}

TEST(example_file)
{
	struct fp_inventory *inv = parse(example);
	const struct fp_host *v;
	int n = 0;

	EQ(fp_inventory_hosts(inv, &v), 3);
	STR(v[0].name, "sip1");
	STR(v[1].name, "fs1");
	STR(v[2].name, "rtp1");
	STR(v[1].address, "192.0.2.21");
	OK(fp_prefix_is_v4(&v[1].addr) && fp_prefix_is_host(&v[1].addr));
	var(inv, "sip1", "fp_if", "eth0");
	var(inv, "fs1", "fp_if", NULL);
	var(inv, "fs1", "fp_recovery_db", "service=freeswitch");
	OK(fp_inventory_in_group(&v[0], "edge"));
	OK(fp_inventory_in_group(&v[0], "opensips"));
	OK(fp_inventory_in_group(&v[0], "all"));
	OK(!fp_inventory_in_group(&v[0], "ungrouped"));
	OK(!fp_inventory_in_group(&v[1], "edge"));
	OK(!fp_inventory_in_group(&v[1], "nowhere"));
	addresses(inv, "sip1",
		  "sip1 192.0.2.11\nsip1 192.0.2.11\n"
		  "sip1 10.0.0.11\nsip1 10.0.0.11\n");
	addresses(inv, "fs1",
		  "fs1 192.0.2.21\nfs1 192.0.2.21\n"
		  "fs1 10.0.0.21\nfs1 192.0.2.22\n");
	EQ(fp_inventory_addresses(&v[0], stop, &n), 42);
	EQ(n, 2);
	fp_inventory_free(inv);
}

/* Nodes are named, never identified by address alone. */
TEST(one_address_two_nodes)
{
	struct fp_inventory *inv =
		parse("[sip]\n"
		      "a ansible_host=192.0.2.1 fp_sip=udp:192.0.2.1:5060\n"
		      "b ansible_host=192.0.2.1 fp_sip=udp:192.0.2.1:5062\n"
		      "[fs]\n"
		      "c ansible_host=192.0.2.1 fp_sip=udp:192.0.2.1:5062\n");
	const struct fp_host *v;

	EQ(fp_inventory_hosts(inv, &v), 3);
	var(inv, "a", "fp_sip", "udp:192.0.2.1:5060");
	var(inv, "b", "fp_sip", "udp:192.0.2.1:5062");
	addresses(inv, "b", "b 192.0.2.1\nb 192.0.2.1\n");
	addresses(inv, "c", "c 192.0.2.1\nc 192.0.2.1\n");
	fp_inventory_free(inv);
}

/* Every kind of address that a node has, in one line. */
TEST(all_addresses)
{
	struct fp_inventory *inv = parse(
		"n ansible_host=192.0.2.1 fp_sip=udp:192.0.2.2:5060,"
		"tls:192.0.2.3:5061 fp_mi=udp:192.0.2.4:8080 "
		"fp_mi_list=http://192.0.2.5:8888/mi fp_esl=192.0.2.6:8021 "
		"fp_rtp=192.0.2.7,2001:db8::7 fp_ng=udp:192.0.2.8:2223\n"
		"[controllers]\nctl ansible_host=192.0.2.9\n"
		"[all:vars]\nfp_mi=udp:192.0.2.10:8080\n");

	addresses(inv, "n",
		  "n 192.0.2.1\nn 192.0.2.2\nn 192.0.2.3\nn 192.0.2.4\n"
		  "n 192.0.2.5\nn 192.0.2.6\nn 192.0.2.7\nn 2001:db8::7\n"
		  "n 192.0.2.8\n");
	addresses(inv, "ctl", "ctl 192.0.2.9\nctl 192.0.2.10\n");
	fp_inventory_free(inv);
}

static const struct {
	const char *line, *want;
} endpoints[] = {
	{ "h ansible_host=2001:db8::1", "h 2001:db8::1\n" },
	{ "h ansible_host=sip1.example.com", "" },
	{ "192.0.2.9", "192.0.2.9 192.0.2.9\n" },
	{ "h fp_sip=sip1:5060", "" },
	{ "h fp_sip=udp:sip1.example.com:5060", "" },
	{ "h fp_sip=192.0.2.1", "h 192.0.2.1\n" },
	{ "h fp_sip=192.0.2.1:5060", "h 192.0.2.1\n" },
	{ "h fp_sip=tls:192.0.2.1", "h 192.0.2.1\n" },
	{ "h fp_sip=2001:db8::1", "h 2001:db8::1\n" },
	{ "h fp_sip=udp:[2001:db8::1]:5060", "h 2001:db8::1\n" },
	{ "h fp_sip=[2001:db8::1]:5060", "templates and Python literals" },
	{ "h fp_mi=http://[2001:db8::1]:8888/mi", "h 2001:db8::1\n" },
	{ "h fp_mi=https://192.0.2.1/mi", "h 192.0.2.1\n" },
	{ "h fp_mi=fifo:/run/opensips/fifo", "" },
	{ "h fp_sip=udp:192.0.2.1:5060,tcp:192.0.2.2:5060",
	  "h 192.0.2.1\nh 192.0.2.2\n" },
	{ "h fp_sip='udp:192.0.2.1:5060 , tcp:192.0.2.2:5060'",
	  "h 192.0.2.1\nh 192.0.2.2\n" },
	{ "h fp_rtp=' 192.0.2.1 , 2001:db8::1 '",
	  "h 192.0.2.1\nh 2001:db8::1\n" },
	{ "h fp_sip=udp:192.0.2.1:5060,", "no address in it" },
	{ "h fp_sip=", "no address in it" },
	{ "h fp_sip=udp:", "no address in it" },
	{ "h fp_sip=udp:999.0.2.1:5060", "no address in it" },
	{ "h fp_sip=192.0.2.0/24", "no address in it" },
	{ "h fp_sip=udp:[2001:db8::x]:5060", "no address in it" },
	{ "h fp_sip=udp:[2001:db8::1", "no address in it" },
	{ "h fp_sip=udp:[]:5060", "no address in it" },
	{ "h fp_sip=http://", "no address in it" },
	{ "h fp_sip='udp:{{ ansible_host }}:5060'", "templates" },
	{ "h ansible_host=192.0.2.300", "neither an address nor a host name" },
	{ "h ansible_host=192.0.2.0/24", "neither an address" },
	{ "h ansible_host=", "neither an address" },
	{ "h ansible_host='{{ x }}'", "neither an address" },
	{ "h ansible_host=-oProxyCommand=id", "neither an address" },
	{ "h ansible_host=a;id", "neither an address" },
	{ "h ansible_host=$(id)", "neither an address" },
	{ "h ansible_host=a\033[2J", "a control character" },
};

TEST(addresses_of_values)
{
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++) {
		const char *line = endpoints[i].line, *want = endpoints[i].want;
		struct fp_inventory *inv;
		struct fp_buf b = { 0 };
		const struct fp_host *v;
		struct fp_err e;

		if (!fp_inventory_parse(&inv, "f", line, strlen(line), &e)) {
			fp_inventory_hosts(inv, &v);
			fp_inventory_addresses(v, list_address, &b);
			STR(fp_buf_str(&b), want);
			fp_inventory_free(inv);
		} else if (!*want || !HAS(e.text, want)) {
			printf("# %s: %s\n", line, e.text);
			unit_failed++;
		}
		fp_buf_fini(&b);
	}
}

TEST(list_that_is_text)
{
	struct fp_inventory *inv = parse("a fp_sip_fail=408,409,5xx,6xx "
					 "fp_tags='1, 2x'\n");

	var(inv, "a", "fp_sip_fail", "408,409,5xx,6xx");
	var(inv, "a", "fp_tags", "1, 2x");
	fp_inventory_free(inv);
}

/* ---- what wins.  Expected values: `ansible-inventory --list` of ansible-core
 * 2.14 on the same text. */

static const char precedence[] =
	"; the hosts before any group\n"
	"lone ansible_host=203.0.113.1\n"
	"fs1 fp_switchname='first'\t# comes again below\r\n"
	"\r\n"
	"[opensips]   # edge\n"
	"sip1 ansible_host=192.0.2.11 ansible_port=22 fp_node_id=1\n"
	"sip2 fp_tags=\"a b\" ansible_ssh_common_args="
	"'-o ProxyCommand=\"ssh -W %h:%p jump\"' # two\n"
	"[freeswitch]\n"
	"  fs1 fp_esl=10.0.0.21:8021\n"
	"192.0.2.99\n"
	"sip2\n"
	"[opensips:vars]\n"
	"where=opensips\n"
	"fp_if = eth1\n"
	"\tspaced  =  two words  \n"
	"quoted = 'one # two'\n"
	"[b_kids:vars]\n"
	"where=b_kids\n"
	"tie=b\n"
	"[edge:children]\n"
	"opensips # all of them\n"
	"b_kids\n"
	"a_kids\n"
	"[a_kids]\n"
	"sip2\n"
	"[b_kids]\n"
	"sip2\n"
	"[a_kids:vars]\n"
	"tie=a\n"
	"where=a_kids\n"
	"top=a_kids\n"
	"[edge:vars]\n"
	"where=edge\n"
	"fp_if=eth0\n"
	"top=edge\n"
	"deep=edge\n"
	"[world:children]\n"
	"edge\n"
	"a_kids\n"
	"[world:vars]\n"
	"deep=world\n"
	"top=world\n"
	"[all:vars]\n"
	"where=everywhere\n"
	"where=all\n"
	"empty=\n"
	"semi=a;b\n"
	"back=a\\b\n"
	"[ungrouped:vars]\n"
	"where=ungrouped\n"
	"[all]\n"
	"onlyall\n"
	"[aaa:vars]\n"
	"where=aaa\n"
	"[aaa]\n"
	"first\n";

static const struct {
	const char *host, *key, *value;
} wins[] = {
	{ "lone", "where", "ungrouped" },
	{ "lone", "fp_if", NULL },
	{ "lone", "empty", "" },
	{ "onlyall", "where", "ungrouped" },
	{ "fs1", "where", "all" },
	{ "fs1", "fp_switchname", "first" },
	{ "fs1", "fp_esl", "10.0.0.21:8021" },
	{ "192.0.2.99", "where", "all" },
	{ "192.0.2.99", "semi", "a;b" },
	{ "192.0.2.99", "back", "a\\b" },
	{ "first", "where", "aaa" },
	{ "sip1", "ansible_port", "22" },
	{ "sip1", "where", "opensips" },
	{ "sip1", "fp_if", "eth1" },
	{ "sip1", "spaced", "two words" },
	{ "sip1", "quoted", "one # two" },
	{ "sip1", "deep", "edge" },
	{ "sip1", "top", "edge" },
	{ "sip1", "tie", NULL },
	{ "sip2", "fp_tags", "a b" },
	{ "sip2", "ansible_ssh_common_args",
	  "-o ProxyCommand=\"ssh -W %h:%p jump\"" },
	{ "sip2", "tie", "b" },
	{ "sip2", "top", "a_kids" },
	{ "sip2", "deep", "edge" },
	{ "sip2", "where", "opensips" },
};

TEST(what_wins)
{
	struct fp_inventory *inv = parse(precedence);

	for (size_t i = 0; i < sizeof(wins) / sizeof(*wins); i++)
		var(inv, wins[i].host, wins[i].key, wins[i].value);
	OK(fp_inventory_in_group(host(inv, "sip2"), "freeswitch"));
	OK(fp_inventory_in_group(host(inv, "sip2"), "world"));
	OK(fp_inventory_in_group(host(inv, "onlyall"), "ungrouped"));
	OK(!fp_inventory_in_group(host(inv, "fs1"), "ungrouped"));
	fp_inventory_free(inv);
}

static const struct {
	const char *text, *want;
} bad[] = {
	{ "[a]\nsip[1:9]\n",
	  "cluster.ini:2: \"sip[1:9]\": host ranges are not taken" },
	{ "sip1:22\n", "\"sip1:22\": a port goes in ansible_port=" },
	{ "-x\n", "\"-x\": not a host name" },
	{ "s%p\n", "\"s%p\": not a host name" },
	{ "[a]\n\"q\"\n", "not a host name" },
	{ "\xef\xbb\xbf[a]\n", "cluster.ini:1: begins with a byte order mark" },
	{ "$ANSIBLE_VAULT;1.1;AES256\n3033\n", "an encrypted file" },
	{ "a\0b\n", "\"a\\x00b\": a control character" },
	{ "a\rb\n", "\"a\\x0db\": a control character" },
	{ "# a\r[b\n", "a control character" },
	{ "a x=\xff\n", "a control character, or not UTF-8" },
	/* sections */
	{ "[a\n", "\"[a\": not a section" },
	{ "[a b]\n", "not a section" },
	{ "[]\n", "not a section" },
	{ "[:vars]\n", "not a section" },
	{ "[a] b\n", "\"[a] b\": not a section" },
	{ "[a]]\n", "not a section" },
	{ "[a:b:vars]\n", "\"b:vars\": a section is" },
	{ "[a:hosts]\n", "\"hosts\": a section is" },
	{ "[a:]\n", "\"\": a section is" },
	/* groups */
	{ "x\n[a:children]\nb\n",
	  "cluster.ini:3: \"b\": no such group: [b] is nowhere in the file" },
	{ "[a:vars]\nx=1\n", "cluster.ini:1: \"a\": no such group" },
	{ "[a:children]\nb c\n[b]\n", "\"b c\": not the name of a group" },
	{ "[a:children]\nb x=1\n[b]\n", "not the name of a group" },
	{ "[a:children]\na\n", "\"a\": cannot be a child of this group" },
	{ "[a:children]\nall\n", "\"all\": cannot be a child" },
	{ "[a:children]\nungrouped\n", "cannot be a child" },
	{ "[ungrouped:children]\na\n[a]\n", "has no children" },
	{ "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n",
	  "a child of itself" },
	/* variables */
	{ "a x\n", "\"x\": not key=value" },
	{ "a x = 1\n", "\"x\": not key=value" },
	{ "a =1\n", "\"\": not key=value" },
	{ "a x-y=1\n", "not key=value" },
	{ "a x=1 y=2 x=3\n", "\"x\": given twice" },
	{ "a x='1\n", "\"x\": the quote does not end" },
	{ "a x='1'y\n", "\"x\": text after the quote" },
	{ "a x='1'# c\n", "\"x\": text after the quote" },
	{ "a x=1#2\n", "\"x\": a value with quotes" },
	{ "a x=1'2'\n", "\"x\": a value with quotes" },
	{ "a x=1\\2\n", "\"x\": a value with quotes" },
	{ "a x=\"1\\2\"\n", "\"x\": a backslash in quotes" },
	{ "a x='\"1\"'\n", "a value that begins with a quote" },
	{ "[a]\n[a:vars]\nx\n", "cluster.ini:3: \"x\": not key=value" },
	{ "[a]\n[a:vars]\nx y=1\n", "\"x\": not key=value" },
	{ "[a]\n[a:vars]\nx=1 # c\n", "\"x\": a value with '#'" },
	{ "[a]\n[a:vars]\nx='1' # c\n", "\"x\": text after the quote" },
	{ "[a]\n[a:vars]\nx='1\n", "\"x\": the quote does not end" },
	{ "[a]\n[a:vars]\nx='it\\'s'\n", "\"x\": " },
	{ "a fp_nodeid=1\n", "\"fp_nodeid\": no variable of fastpath" },
	{ "[all:vars]\nfp_=1\n", "\"fp_\": no variable of fastpath" },
	{ "a fp_node_id=one\n", "\"fp_node_id\": not a number" },
	{ "a fp_node_id=01\n", "not a number" },
	{ "a fp_node_id=\n", "not a number" },
	{ "a fp_tags=[1]\n", "templates and Python literals" },
	{ "a fp_tags=1,2\n", "templates and Python literals" },
	{ "a fp_tags=1,\n", "Python literals" },
	{ "a fp_tags='1, [2]'\n", "Python literals" },
	{ "a fp_tags='1, 2 # c'\n", "Python literals" },
	{ "a fp_tags=1,0x2,True\n", "Python literals" },
	{ "a fp_tags='1 # c'\n", "Python literals" },
	{ "a x=\"b'x'\"\n", "a value that begins with a quote" },
	{ "a x=\"Rb'x'\"\n", "a value that begins with a quote" },
	{ "a x=\" 'x'\"\n", "a value that begins with a quote" },
	{ "a x=\"(('x'))\"\n", "a value that begins with a quote" },
	{ "a fp_tags=True\n", "Python literals" },
	{ "a fp_tags=None\n", "Python literals" },
	{ "a fp_tags=...\n", "Python literals" },
	{ "a fp_tags='set()'\n", "Python literals" },
	{ "a fp_tags='True , 1'\n", "Python literals" },
	{ "a fp_switchname=0x10\n", "Python literals" },
	{ "a fp_switchname=1_0\n", "Python literals" },
	{ "a fp_switchname=1.50\n", "Python literals" },
	{ "a fp_switchname=.5\n", "Python literals" },
	{ "a fp_switchname=5.\n", "Python literals" },
	{ "a fp_switchname=1e3\n", "Python literals" },
	{ "a fp_switchname=1e-3j\n", "Python literals" },
	{ "a fp_switchname=1-2j\n", "Python literals" },
	{ "a fp_switchname=+5\n", "Python literals" },
	{ "a fp_switchname='- 5'\n", "Python literals" },
	{ "a fp_switchname=-0\n", "Python literals" },
	{ "a fp_switchname=00\n", "Python literals" },
	{ "a fp_switchname=007.\n", "Python literals" },
	{ "a fp_switchname=007e1\n", "Python literals" },
	{ "a fp_switchname=07j\n", "Python literals" },
	{ "a fp_switchname=' 5'\n", "Python literals" },
	{ "a fp_switchname=1234567890123456\n", "Python literals" },
	{ "[a]\n[a:vars]\nfp_tags=1,2\n", "cluster.ini:3: \"fp_tags\": templ" },
	{ "a ansible_user=1e3\n", "Python literals" },
	{ "a ansible_port=0x16\n", "Python literals" },
	/* what Python's str.strip and str.splitlines take for more */
	{ "a x=1\u00a0\n", "a space that is not ASCII" },
	{ "a x=\u3000\n", "a space that is not ASCII" },
	{ "# a\u2028b\n", "a space that is not ASCII" },
	{ "# a\xc2\x85"
	  "b\n",
	  "a control character" },
	{ "# a\fb\n", "a control character" },
	/* the variable would be the group's */
	{ "[a]\nx\n[x]\na y=1\n", "cluster.ini:1: \"a\": a host and a group" },
	{ "\nall x=1\n", "cluster.ini:2: \"all\": the name of a group" },
	{ "a ansible_group_priority=5\n", "changes which value wins" },
};

TEST(bad_files)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *text = bad[i].text;
		size_t len = strlen(text);
		struct fp_inventory *inv;
		struct fp_err e;

		if (len == 1) /* the one with a NUL */
			len = 4;
		EQ(fp_inventory_parse(&inv, "cluster.ini", text, len, &e),
		   -EINVAL);
		HAS(e.text, bad[i].want);
		EQ(strncmp(e.text, "cluster.ini:", 12), 0);
	}
}

/* A password must not come out in a message. */
TEST(no_values_in_messages)
{
	static const char *const lines[] = {
		"a ansible_password=sec'ret",    "a ansible_password='secret",
		"a ansible_password=secret#1",   "a ansible_password='secret'x",
		"a ansible_password=\"sec\\r\"",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct fp_inventory *inv;
		struct fp_err e;

		EQ(fp_inventory_parse(&inv, "f", lines[i], strlen(lines[i]),
				      &e),
		   -EINVAL);
		OK(!strstr(e.text, "sec"));
	}
}

TEST(odd_but_good)
{
	static const char *const texts[] = {
		"",
		"\n",
		"#",
		"[a]",
		"[a]\n[a]\n",
		"[a:children]\n",
		"[a:vars]\n[a]\n",
		"[a]#c\n",
		"a # b",
		"[a-b.c_D]",
		"[all:children]\nb\n[b]\n",
		"[a:children]\nb\nb\n[b]\nx\n",
		"a\na\na x=1\na x=2\n",
		"a x='' y=\"\"",
		"# \u00a0\u3000",
		"a x=\u00e9t\u00e9",
		"a fp_rtp_ports=16384-20383,30000-30100 fp_node_id=7",
		"a fp_tags=007 fp_if=-007 ansible_port=22 ansible_user=007x",
		"a fp_switchname=-5 fp_tags=true fp_if=Truex fp_ssh_user=b",
		"a fp_tags=1-2 fp_if=e0 fp_db=1.2.3 fp_recovery_db=1ex",
		"a fp_tags=_1 fp_if=123456789012345",
		"a x=1,2 y=0x10 z=True q=[1]", /* not ours */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		fp_inventory_free(parse(texts[i]));
}

TEST(too_many)
{
	struct fp_buf b = { 0 };
	struct fp_inventory *inv;
	const struct fp_host *v;
	struct fp_err e;

	for (int i = 0; i < 998; i++) /* a chain as deep as can be */
		fp_buf_printf(&b, "[g%d:children]\ng%d\n", i, i + 1);
	fp_buf_str_add(&b, "[g998]\n");
	/* all and ungrouped are two of 1000: g998 is one too many */
	EQ(fp_inventory_parse(&inv, "f", b.data, b.len, &e), -ENOMEM);
	HAS(e.text, "more than 10000 hosts or 1000 groups");
	b.len = 0;
	for (int i = 0; i < 997; i++)
		fp_buf_printf(&b, "[g%d:children]\ng%d\n", i, i + 1);
	fp_buf_str_add(&b, "[g997]\nx\n[g0:vars]\nk=v\n");
	OK(!fp_inventory_parse(&inv, "f", b.data, b.len, &e));
	var(inv, "x", "k", "v");
	fp_inventory_free(inv);
	b.len = 0;
	for (int i = 0; i < 10000; i++)
		fp_buf_printf(&b, "h%d\n", (i * 7919) % 10000);
	OK(!fp_inventory_parse(&inv, "f", b.data, b.len, &e));
	EQ(fp_inventory_hosts(inv, &v), 10000);
	fp_inventory_free(inv);
	fp_buf_str_add(&b, "one_more\n");
	EQ(fp_inventory_parse(&inv, "f", b.data, b.len, &e), -ENOMEM);
	fp_buf_fini(&b);
}

TEST(reading)
{
	const char *tmp = getenv("FP_TEST_TMP");
	struct fp_inventory *inv;
	struct fp_err e;
	char name[256];
	FILE *f;

	snprintf(name, sizeof(name), "%s/cluster.ini", tmp ? tmp : "/tmp");
	f = fopen(name, "w");
	fputs(example, f);
	fclose(f);
	OK(!fp_inventory_read(&inv, name, &e));
	var(inv, "sip1", "fp_if", "eth0");
	fp_inventory_free(inv);
	f = fopen(name, "w");
	fclose(f);
	OK(!fp_inventory_read(&inv, name, &e));
	fp_inventory_free(inv);
	unlink(name);
	EQ(fp_inventory_read(&inv, name, &e), -ENOENT);
	HAS(e.text, "cluster.ini: No such file");
}
