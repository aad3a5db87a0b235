/* SPDX-License-Identifier: Apache-2.0 */
/* Results of commands as OpenSIPS 3.6.8 sent them: test/fuzz/corpus/opensips, where
 * a letter in front says of which command (for the fuzzer). */
#include "codec/jsonrpc.h"
#include "codec/opensips.h"
#include "unit.h"

static struct fp_jsonrpc parsed(const char *text, size_t n)
{
	struct fp_jsonrpc r = { 0 };
	struct fp_err e;

	if (fp_jsonrpc_parse(&r, text, n, &e)) {
		printf("# %s\n", e.text);
		unit_failed++;
	}
	return r;
}

static struct fp_jsonrpc captured(const char *name)
{
	char path[256], text[8192];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "test/fuzz/corpus/opensips/%s", name);
	f = fopen(path, "re");
	if (!OK(f))
		exit(1);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return parsed(text + 1, n - 1);
}

static struct fp_jsonrpc result_of(const char *result)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "{\"result\":%s,\"id\":\"1\"}",
			 result);

	return parsed(text, (size_t)n);
}

/* What was found, a line each. */
static char found[4096];

static int add(const char *line)
{
	strncat(found, line, sizeof(found) - strlen(found) - 1);
	strncat(found, "\n", sizeof(found) - strlen(found) - 1);
	return 0;
}

/* ---- clusterer */

static int add_tag(void *ctx, const struct fp_os_tag *t)
{
	char line[256];

	(void)ctx;
	snprintf(line, sizeof(line), "%s/%d %s", t->name, (int)t->cluster,
		 t->state);
	return add(line);
}

TEST(tags)
{
	struct fp_jsonrpc r = captured("aa-list_shtags-node1");

	EQ(fp_os_tags(r.result, add_tag, NULL, NULL), 0);
	STR(found, "vip2/1 backup\nvip1/1 active\n");
	fp_jsonrpc_fini(&r);
}

static int add_link(void *ctx, const struct fp_os_link *t)
{
	char line[256];

	(void)ctx;
	snprintf(line, sizeof(line), "%d %d %s %s %s %d", (int)t->cluster,
		 (int)t->node_id, t->url, t->link_state, t->state,
		 (int)t->next_hop);
	return add(line);
}

TEST(links)
{
	struct fp_jsonrpc r = captured("clusterer_list");

	EQ(fp_os_links(r.result, add_link, NULL, NULL), 0);
	STR(found, "1 2 bin:127.0.0.12:5566 Up enabled 2\n");
	fp_jsonrpc_fini(&r);
	*found = 0;
	r = result_of("{\"Clusters\":[{\"cluster_id\":1,\"Nodes\":[{"
		      "\"node_id\":2,\"link_state\":\"Down\",\"next_hop\":"
		      "\"none\"},{\"node_id\":3,\"link_state\":\"Probe\","
		      "\"next_hop\":\"1\"}]}]}");
	EQ(fp_os_links(r.result, add_link, NULL, NULL), 0);
	STR(found, "1 2  Down  0\n1 3  Probe  1\n");
	fp_jsonrpc_fini(&r);
}

static int add_cap(void *ctx, const struct fp_os_cap *t)
{
	char line[256];

	(void)ctx;
	snprintf(line, sizeof(line), "%d %s %s %s", (int)t->cluster, t->name,
		 t->state, t->enabled);
	return add(line);
}

TEST(capabilities)
{
	struct fp_jsonrpc r = captured("clusterer_list_cap");

	EQ(fp_os_caps(r.result, add_cap, NULL, NULL), 0);
	STR(found, "1 dialog-dlg-repl Ok yes\n1 dialog-prof-repl Ok yes\n");
	fp_jsonrpc_fini(&r);
}

/* A quick donor's end is reported before the request that it was for. */
TEST(syncs)
{
	static const struct {
		const char *logs[3];
		int at_s[3];
		int chunks;
		bool is_pending;
	} cases[] = {
		{ { NULL }, { 0 }, -1, false },
		{ { "Sync request postponed! (no donor available)" },
		  { 1 },
		  -1,
		  true },
		{ { "Sync completed, received [138] chunks",
		    "Sync requested from node [3]" },
		  { 5, 5 },
		  138,
		  false },
		{ { "Sync completed, received [138] chunks",
		    "Sync requested from node [3]" },
		  { 5, 60 },
		  138,
		  true },
		{ { "Sync completed, received [7] chunks",
		    "Sync started from node [2]" },
		  { 5, 6 },
		  7,
		  true },
		{ { "Sync started from node [2]",
		    "Sync timed out, received [3] chunks" },
		  { 5, 9 },
		  -1,
		  false },
		{ { "Sync requested from node [2]",
		    "Sync started from node [2]",
		    "Sync completed, received [0] chunks" },
		  { 5, 5, 5 },
		  0,
		  false },
	};
	char text[1024];
	bool is_pending;
	int64_t chunks;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fp_jsonrpc r;
		size_t n = 1;

		strcpy(text, "[");
		for (int j = 0; j < 3 && cases[i].logs[j]; j++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "%s{\"Timestamp\":%d,"
					      "\"Log\":\"%s\"}",
					      j ? "," : "",
					      1795285000 + cases[i].at_s[j],
					      cases[i].logs[j]);
		strcpy(text + n, "]");
		r = result_of(text);
		fp_os_sync(r.result, &chunks, &is_pending);
		EQ(chunks, cases[i].chunks);
		EQ(is_pending, cases[i].is_pending);
		fp_jsonrpc_fini(&r);
	}
}

TEST(syncs_as_captured)
{
	struct fp_jsonrpc r = captured("reports");
	bool is_pending;
	int64_t n;

	fp_os_sync(r.result, &n, &is_pending);
	EQ(n, 0);
	OK(!is_pending);
	OK(fp_os_offset(r.result, &n));
	EQ(n, 0);
	fp_jsonrpc_fini(&r);
	r = captured("reports-fallback");
	fp_os_sync(r.result, &n, &is_pending);
	EQ(n, -1);
	OK(!is_pending);
	fp_jsonrpc_fini(&r);
}

/* ---- destinations */

static int add_dest(void *ctx, const struct fp_os_dest *t)
{
	char line[256];

	(void)ctx;
	snprintf(line, sizeof(line),
		 "%s|%d|%s|%s|%s|w%d|%d|%s%s|%s %d/%d|%d %lld", t->partition,
		 (int)t->set_id, t->uri, t->state, t->description,
		 (int)t->weight, (int)t->id, t->enabled, t->auto_reenable,
		 t->resource, (int)t->load, (int)t->max, (int)t->disabled,
		 (long long)t->recheck_ticks);
	return add(line);
}

TEST(dispatcher)
{
	struct fp_jsonrpc r = captured("ds_list-full");

	EQ(fp_os_dispatcher(r.result, add_dest, NULL, NULL), 0);
	STR(found,
	    "default|1|sip:127.0.0.51:5060|Active|fs1|w60|-1|| -1/-1|-1 -1\n"
	    "default|1|sip:127.0.0.52:5060|Active|fs2|w5|-1|| -1/-1|-1 -1\n"
	    "default|1|sip:127.0.0.53:5060|Active|dead|w10|-1|| -1/-1|-1 -1\n");
	fp_jsonrpc_fini(&r);
	*found = 0;
	r = captured("ds_list");
	EQ(fp_os_dispatcher(r.result, add_dest, NULL, NULL), 0);
	HAS(found, "|w-1|");
	fp_jsonrpc_fini(&r);
}

TEST(load_balancer)
{
	struct fp_jsonrpc r = captured("lb_list-after-reload");

	EQ(fp_os_load_balancer(r.result, add_dest, NULL, NULL), 0);
	STR(found, "|1|sip:127.0.0.51:5060|||w-1|1|yeson|calls 0/60|-1 -1\n"
		   "|1|sip:127.0.0.52:5060|||w-1|2|yeson|calls 0/5|-1 -1\n"
		   "|1|sip:127.0.0.53:5060|||w-1|3|noon|calls 0/30|-1 -1\n");
	fp_jsonrpc_fini(&r);
}

static int add_capacities(void *ctx, const struct fp_os_dest *t)
{
	(void)ctx;
	return add(*t->capacities ? t->capacities : "-");
}

TEST(capacities_of_load_balancer)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"Destinations\":["
		"{\"uri\":\"sip:a\",\"Resources\":[{\"name\":\"calls\","
		"\"max\":30,\"load\":0},{\"name\":\"x\",\"max\":0,"
		"\"load\":0},{\"name\":\"pstn\",\"max\":1,\"load\":1}]},"
		"{\"uri\":\"sip:b\",\"Resources\":[{\"name\":\"calls\","
		"\"max\":0}]},{\"uri\":\"sip:c\"}]}}";
	struct fp_jsonrpc r;

	EQ(fp_jsonrpc_parse(&r, text, strlen(text), NULL), 0);
	EQ(fp_os_load_balancer(r.result, add_capacities, NULL, NULL), 0);
	STR(found, ",calls,pstn,\n-\n-\n");
	fp_jsonrpc_fini(&r);
}

TEST(rtpengine)
{
	struct fp_jsonrpc r = captured("rtpengine_show-disabled");

	EQ(fp_os_rtpengine(r.result, add_dest, NULL, NULL), 0);
	STR(found, "|1|udp:127.0.0.31:2223|||w1|-1|| -1/-1|1 4294967295\n"
		   "|1|udp:127.0.0.32:2223|||w1|-1|| -1/-1|0 0\n");
	fp_jsonrpc_fini(&r);
}

/* ---- what routing trusts */

static int add_trusted(void *ctx, const struct fp_os_trusted *t)
{
	char line[256];

	(void)ctx;
	snprintf(line, sizeof(line), "%s %s", t->address, t->what);
	return add(line);
}

TEST(trusted)
{
	struct fp_jsonrpc r = captured("dr_gw_status");

	EQ(fp_os_gateways(r.result, add_trusted, NULL, NULL), 0);
	fp_jsonrpc_fini(&r);
	r = captured("address_dump");
	EQ(fp_os_addresses(r.result, add_trusted, NULL, NULL), 0);
	fp_jsonrpc_fini(&r);
	r = captured("subnet_dump");
	EQ(fp_os_addresses(r.result, add_trusted, NULL, NULL), 0);
	fp_jsonrpc_fini(&r);
	STR(found, "127.0.2.1:5060 gateway gw1\n127.0.2.2 gateway gw2\n"
		   "192.0.2.77 address group 1\n"
		   "2001:DB8:0:0:0:0:0:7 address group 2\n"
		   "198.51.100.0/24 address group 1\n");
}

TEST(masks)
{
	struct fp_jsonrpc r = result_of(
		"{\"part\":\"x\",\"Destinations\":["
		"{\"grp\":1,\"ip\":\"2001:db8::\",\"mask\":\"FFFF:FFFF:0:0:0:0:"
		"0:0\"},{\"grp\":2,\"ip\":\"192.0.2.0\",\"mask\":"
		"\"255.0.255.0\"},{\"grp\":3,\"ip\":\"\",\"mask\":\"32\"}]}");

	EQ(fp_os_addresses(r.result, add_trusted, NULL, NULL), 0);
	STR(found, "2001:db8::/32 address group 1\n"
		   "192.0.2.0 address group 2\n");
	fp_jsonrpc_fini(&r);
}

/* ---- figures */

TEST(figures)
{
	struct fp_jsonrpc r = captured("statistics-groups");
	int64_t up_s, now_s;
	char version[64];

	EQ(fp_os_statistic(r.result, "shmem:free_size"), 263780096);
	EQ(fp_os_statistic(r.result, "dialog:active_dialogs"), -1);
	fp_jsonrpc_fini(&r);
	r = captured("http-uptime");
	fp_os_uptime(r.result, &up_s, &now_s);
	EQ(up_s, 54);
	EQ(now_s, 1795251834); /* date -u -d '2026-11-21 09:03:54' +%s */
	fp_jsonrpc_fini(&r);
	r = captured("http-version");
	fp_os_version(r.result, version);
	STR(version, "OpenSIPS (3.6.8 (x86_64/linux))");
	fp_jsonrpc_fini(&r);
}

TEST(times_that_cannot_be_read)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"Now\":7,\"Up time\":8}",
		"{\"Now\":\"Sat Nux 21 09:03:54 2026\",\"Up time\":\"[sec]\"}",
		"{\"Now\":\"Sat Nov 41 09:03:54 2026\",\"Up time\":\"-3\"}",
	};
	int64_t up_s, now_s;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct fp_jsonrpc r = result_of(texts[i]);

		fp_os_uptime(r.result, &up_s, &now_s);
		EQ(up_s, -1);
		EQ(now_s, 0);
		OK(!fp_os_offset(r.result, &now_s));
		fp_jsonrpc_fini(&r);
	}
}

TEST(zone)
{
	struct fp_jsonrpc r = result_of("[{\"Timestamp\":1795251834,\"Date\":"
					"\"Sat Nov 21 14:33:54 2026\"}]");
	int64_t offset_s;

	OK(fp_os_offset(r.result, &offset_s));
	EQ(offset_s, 19800);
	fp_jsonrpc_fini(&r);
}

TEST(commands)
{
	struct fp_jsonrpc r = captured("http-which");

	OK(fp_os_has(r.result, "clusterer_list_shtags"));
	OK(!fp_os_has(r.result, "ds_list"));
	OK(!fp_os_has(r.result, "clusterer"));
	fp_jsonrpc_fini(&r);
	/* names of 4.0 */
	r = result_of("[\"dispatcher:list\",\"clusterer:list_cap\"]");
	OK(fp_os_has(r.result, "ds_list"));
	OK(fp_os_has(r.result, "clusterer_list_cap"));
	OK(!fp_os_has(r.result, "clusterer_list"));
	fp_jsonrpc_fini(&r);
}

/* ---- other shapes */

TEST(other_shapes_are_said)
{
	static const struct {
		const char *result, *why;
		char which;
	} cases[] = {
		{ "{}", "clusterer_list_shtags: no array", 't' },
		{ "{}", "clusterer_list: \"Clusters\" is missing", 'l' },
		{ "{\"Clusters\":[{}]}", "clusterer_list: \"Nodes\" is missing",
		  'l' },
		{ "{\"Clusters\":{}}", "\"Clusters\" is no array", 'c' },
		{ "\"OK\"", "ds_list: \"PARTITIONS\" is missing", 'd' },
		{ "{\"PARTITIONS\":[{\"SETS\":[7]}]}",
		  "\"Destinations\" is missing", 'd' },
		{ "null", "lb_list: \"Destinations\" is missing", 'b' },
		{ "{}", "rtpengine_show: no array", 'r' },
	};
	struct fp_err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fp_jsonrpc r = result_of(cases[i].result);
		int code = 0;

		*e.text = 0;
		if (cases[i].which == 't')
			code = fp_os_tags(r.result, add_tag, NULL, &e);
		else if (cases[i].which == 'l')
			code = fp_os_links(r.result, add_link, NULL, &e);
		else if (cases[i].which == 'c')
			code = fp_os_caps(r.result, add_cap, NULL, &e);
		else if (cases[i].which == 'd')
			code = fp_os_dispatcher(r.result, add_dest, NULL, &e);
		else if (cases[i].which == 'b')
			code = fp_os_load_balancer(r.result, add_dest, NULL,
						   &e);
		else
			code = fp_os_rtpengine(r.result, add_dest, NULL, &e);
		EQ(code, -EBADMSG);
		HAS(e.text, cases[i].why);
		fp_jsonrpc_fini(&r);
	}
}

static int stop(void *ctx, const struct fp_os_dest *t)
{
	(void)ctx;
	(void)t;
	return -ENOMEM;
}

TEST(each_can_stop_it)
{
	struct fp_jsonrpc r = captured("ds_list");

	EQ(fp_os_dispatcher(r.result, stop, NULL, NULL), -ENOMEM);
	fp_jsonrpc_fini(&r);
}
