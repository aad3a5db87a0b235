/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster file as `ansible-inventory --list` prints it. */
#include "unit.h"

#include "base/buf.h"
#include "model/inventory.h"

static struct fp_inventory *parse(const char *text)
{
	struct fp_inventory *inv = NULL;
	struct fp_err e;

	if (!EQ(fp_inventory_parse_json(&inv, "c.json", text, strlen(text), &e),
		0))
		printf("# %s: %s\n", text, e.text);
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

/* ansible-core 2.14: group variables are in those of hosts already. */
TEST(list)
{
	struct fp_inventory *inv = parse(
		"\n{ \"_meta\": {\"hostvars\": {\n"
		"  \"fs1\": {\"ansible_host\": \"192.0.2.21\"},\n"
		"  \"sip1\": {\"ansible_host\": \"192.0.2.11\", \"fp_node_id\": 1,"
		" \"fp_if\": \"eth9\", \"a\": {\"b\": 1}, \"l\": [1], \"o\": null,"
		" \"yes\": true, \"no\": false, \"half\": 0.5, \"tenth\": 1.1,"
		" \"big\": 9007199254740991, \"minus\": -7,"
		" \"lost\": 9007199254740993, \"e\": 1e15, \"huge\": 1e999,"
		" \"fp_tags\": {\"__ansible_unsafe\": \"[x, y]\"},"
		" \"fp_switchname\": \"0x10\", \"two\": \"a\\nb\"}}},\n"
		"  \"all\": {\"children\": [\"ungrouped\", \"edge\", \"empty\"]},\n"
		"  \"edge\": {\"children\": [\"opensips\"]},\n"
		"  \"opensips\": {\"hosts\": [\"sip2\", \"sip1\"]},\n"
		"  \"ungrouped\": {\"hosts\": [\"fs1\"]}}\n");
	const struct fp_host *v;

	EQ(fp_inventory_hosts(inv, &v), 3);
	STR(v[0].name, "sip2");
	STR(v[0].address, "sip2");
	STR(v[1].name, "sip1");
	STR(v[1].address, "192.0.2.11");
	OK(fp_prefix_is_host(&v[1].addr));
	STR(v[2].name, "fs1");
	OK(fp_inventory_in_group(&v[1], "edge"));
	OK(fp_inventory_in_group(&v[1], "opensips"));
	OK(fp_inventory_in_group(&v[1], "all"));
	OK(!fp_inventory_in_group(&v[1], "ungrouped"));
	OK(!fp_inventory_in_group(&v[1], "empty"));
	OK(fp_inventory_in_group(&v[2], "ungrouped"));
	var(inv, "sip1", "fp_node_id", "1");
	var(inv, "sip1", "fp_if", "eth9");
	var(inv, "sip1", "a", NULL);
	var(inv, "sip1", "l", NULL);
	var(inv, "sip1", "o", NULL);
	var(inv, "sip1", "yes", "true");
	var(inv, "sip1", "no", "false");
	var(inv, "sip1", "half", "0.5");
	var(inv, "sip1", "tenth", "1.1");
	var(inv, "sip1", "big", "9007199254740991");
	var(inv, "sip1", "lost", NULL);
	var(inv, "sip1", "huge", NULL);
	var(inv, "sip1", "minus", "-7");
	var(inv, "sip1", "e", "1000000000000000");
	var(inv, "sip1", "fp_tags", "[x, y]");
	var(inv, "sip1", "fp_switchname", "0x10");
	var(inv, "sip1", "two", "a\nb");
	var(inv, "sip2", "fp_if", NULL);
	fp_inventory_free(inv);
}

/* --export leaves group variables at the groups. */
TEST(export)
{
	struct fp_inventory *inv = parse(
		"{\"_meta\":{\"hostvars\":{\"a\":{\"v\":\"host\"}},"
		"\"profile\":\"inventory_legacy\"},"
		"\"all\":{\"children\":[\"p\"],\"vars\":{\"v\":\"all\","
		"\"w\":\"all\",\"x\":\"all\",\"y\":\"all\"}},"
		"\"p\":{\"children\":[\"c\",\"b\"],"
		"\"vars\":{\"w\":\"p\",\"x\":\"p\"}},"
		"\"c\":{\"hosts\":[\"a\"],\"vars\":{\"v\":\"c\",\"x\":\"c\"}},"
		"\"b\":{\"hosts\":[\"a\"],\"vars\":{\"x\":\"b\"}}}");

	var(inv, "a", "v", "host");
	var(inv, "a", "w", "p");
	var(inv, "a", "x", "c");
	var(inv, "a", "y", "all");
	fp_inventory_free(inv);
}

TEST(odd_but_good)
{
	static const char *const texts[] = {
		"{}",
		"{\"_meta\":{\"hostvars\":{}}}",
		"{\"all\":{\"hosts\":[\"a\",\"a\"]}}",
		"{\"g\":{}}",
		"{\"_meta\":{\"hostvars\":{\"a\":{}}}}",
		"{\"g\":{\"vars\":{\"x\":\"'quoted'\"}}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		fp_inventory_free(parse(texts[i]));
}

#define HOSTVARS(VARS) "{\"_meta\":{\"hostvars\":{\"a\":{" VARS "}}}}"

static const struct {
	const char *text, *want;
} bad[] = {
	{ "", "c.json:1: near byte 1: not JSON" },
	{ "\n\n{\"a\":\n  x}", "c.json:4: near byte 3: not JSON" },
	{ "{\"a\":{}", "not JSON" },
	{ "{}\n {}", "c.json:2: near byte 2: text after the JSON" },
	{ "[]", "not an object of groups" },
	{ "7", "not an object of groups" },
	{ "{\"a\":{\"vars\":{\"x\":\"\\u0000\"}}}", "near byte 20: a NUL" },
	{ "{\"g\":[\"a\"]}", "c.json: \"g\": not an object" },
	{ "{\"g h\":{}}", "\"g h\": not the name of a group" },
	{ "{\"\":{}}", "\"\": not the name of a group" },
	{ "{\"g\":{\"host\":[]}}", "\"g\": \"host\": not hosts, children or" },
	{ "{\"g\":{\"hosts\":{}}}", "\"g\": \"hosts\": not an array" },
	{ "{\"g\":{\"hosts\":[1]}}",
	  "\"g\": \"hosts\": not an array of names" },
	{ "{\"g\":{\"hosts\":[\"a:1\"]}}", "\"g\": \"a:1\": not a host name" },
	{ "{\"g\":{\"hosts\":[\"\"]}}", "\"g\": \"\": not a host name" },
	{ "{\"g\":{\"children\":[\"!\"]}}", "\"!\": not the name of a group" },
	{ "{\"g\":{\"children\":[\"g\"]}}", "cannot be a child of this group" },
	{ "{\"g\":{\"children\":[\"all\"]}}", "cannot be a child" },
	{ "{\"g\":{\"children\":[\"ungrouped\"]}}", "cannot be a child" },
	{ "{\"ungrouped\":{\"children\":[\"g\"]}}", "cannot be a child" },
	{ "{\"g\":{\"children\":[\"h\"]},\"h\":{\"children\":[\"g\"]}}",
	  "c.json: \"g\": a child of itself" },
	{ "{\"g\":{\"hosts\":[\"g\"]}}", "c.json: \"g\": a host and a group" },
	{ "{\"g\":{\"vars\":[]}}", "\"g\": \"vars\": not an object" },
	{ "{\"g\":{\"vars\":{\"fp_node_id\":\"x\"}}}",
	  "c.json: \"g\": \"fp_node_id\": not a number" },
	{ "{\"_meta\":{}}", "\"_meta\": \"hostvars\": not an object" },
	{ "{\"_meta\":7}", "\"_meta\": \"hostvars\": not an object" },
	{ "{\"_meta\":{\"hostvars\":{\"a b\":{}}}}", "\"a b\": not a host" },
	{ "{\"_meta\":{\"hostvars\":{\"a\":1}}}", "\"a\": \"vars\": not an" },
	{ "{\"_meta\":{\"hostvars\":{\"a\":{\"x\":1},\"a\":{}}}}",
	  "\"a\": given twice" },
	{ HOSTVARS("\"fp_nodeid\":1"),
	  "\"fp_nodeid\": no variable of fastpath" },
	{ HOSTVARS("\"fp_node_id\":1.5"), "not a number" },
	{ HOSTVARS("\"fp_node_id\":true"), "not a number" },
	{ HOSTVARS("\"fp_tags\":[1]"),
	  "\"a\": \"fp_tags\": not text, a number" },
	{ HOSTVARS("\"fp_tags\":null"), "\"fp_tags\": not text" },
	{ HOSTVARS("\"fp_tags\":{\"__ansible_vault\":\"x\"}"), "not text" },
	{ HOSTVARS("\"fp_tags\":9007199254740993"), "not text" },
	{ HOSTVARS("\"fp_tags\":\"a\\nb\""), "a control character" },
	{ HOSTVARS("\"fp_tags\":\"\xff\""), "not UTF-8" },
	{ HOSTVARS("\"fp_tags\":\"{{ x }}\""), "templates" },
	{ HOSTVARS("\"ansible_host\":\"192.0.2.300\""), "neither an address" },
	{ HOSTVARS("\"ansible_host\":7"), "neither an address" },
	{ HOSTVARS("\"ansible_group_priority\":7"),
	  "changes which value wins" },
};

TEST(bad_files)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *text = bad[i].text;
		struct fp_inventory *inv = NULL;
		struct fp_err e;

		EQ(fp_inventory_parse_json(&inv, "c.json", text, strlen(text),
					   &e),
		   -EINVAL);
		HAS(e.text, bad[i].want);
		EQ(strncmp(e.text, "c.json:", 7), 0);
		fp_inventory_free(inv);
	}
}

TEST(bounds)
{
	struct fp_buf b = { 0 };
	struct fp_inventory *inv;
	struct fp_err e;

	fp_buf_str_add(&b, "{\"g\":{\"hosts\":[\"h\"");
	for (int i = 0; i < 10000; i++)
		fp_buf_printf(&b, ",\"h%d\"", i);
	fp_buf_str_add(&b, "]}}");
	EQ(fp_inventory_parse_json(&inv, "f", b.data, b.len, &e), -ENOMEM);
	HAS(e.text, "more than 10000 hosts or 1000 groups");
	b.len = 0;
	fp_buf_str_add(&b, "{\"g\":{\"vars\":{\"x\":");
	for (int i = 0; i < 100000; i++)
		fp_buf_str_add(&b, "[");
	EQ(fp_inventory_parse_json(&inv, "f", b.data, b.len, &e), -EINVAL);
	HAS(e.text, "not JSON");
	EQ(fp_inventory_parse_json(&inv, "f", "{\"g\0\":{}}", 9, &e), -EINVAL);
	HAS(e.text, "f:1: near byte 4: a NUL");
	fp_buf_fini(&b);
}

static int read_file(struct fp_inventory **inv, const char *name,
		     const char *text, bool is_stdin, struct fp_err *e)
{
	const char *tmp = getenv("FP_TEST_TMP");
	char path[256];
	FILE *f;
	int r;

	snprintf(path, sizeof(path), "%s/%s", tmp ? tmp : "/tmp", name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	if (is_stdin && !freopen(path, "r", stdin))
		abort();
	r = fp_inventory_read(inv, is_stdin ? "-" : path, e);
	unlink(path);
	return r;
}

TEST(reading)
{
	static const char json[] = " \n\t{\"g\":{\"hosts\":[\"a\"]}}";
	struct fp_inventory *inv;
	struct fp_err e;

	OK(!read_file(&inv, "c.json", json, false, &e));
	OK(fp_inventory_in_group(host(inv, "a"), "g"));
	fp_inventory_free(inv);
	OK(!read_file(&inv, "c.ini", json, true, &e));
	OK(fp_inventory_in_group(host(inv, "a"), "g"));
	fp_inventory_free(inv);
	OK(!read_file(&inv, "c.json", "[g]\na\n", true, &e));
	OK(fp_inventory_in_group(host(inv, "a"), "g"));
	fp_inventory_free(inv);
	OK(!read_file(&inv, "c", "", true, &e));
	fp_inventory_free(inv);
	EQ(read_file(&inv, "c", "[g]\na b\n", true, &e), -EINVAL);
	HAS(e.text, "-:2: \"b\": not key=value");
	EQ(read_file(&inv, "c.json", "[g]\na\n", false, &e), -EINVAL);
	HAS(e.text, "c.json:1: near byte 2: not JSON");
	EQ(read_file(&inv, "c.ini", json, false, &e), -EINVAL);
	HAS(e.text, "c.ini:2: ");
}
