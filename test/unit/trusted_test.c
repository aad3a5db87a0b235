/* SPDX-License-Identifier: Apache-2.0 */
/* Whom OpenSIPS' routing trusts, from its own words. */
#include "unit.h"

#include <cjson/cJSON.h>

#include "codec/trusted.h"

static char seen[600];

static int see(void *ctx, const struct fp_trusted_dest *d)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof(seen) - n, "%s:%d %s %s;", d->partition,
		 (int)d->set_id, d->uri, d->address ? d->address : "-");
	return 0;
}

static int dispatcher(const char *json)
{
	cJSON *o = cJSON_Parse(json);
	struct fp_err e;
	int r;

	seen[0] = 0;
	r = fp_trusted_dispatcher(o, see, NULL, &e);
	cJSON_Delete(o);
	return r;
}

/* as OpenSIPS 3.6.8 answers to ds_list */
TEST(resolved_addresses)
{
	EQ(dispatcher("{\"PARTITIONS\":[{\"name\":\"default\",\"SETS\":[{"
		      "\"id\":1,\"Destinations\":[{\"URI\":\"sip:c.example.net"
		      "\",\"state\":\"Active\",\"first_hit_counter\":0,"
		      "\"attr\":\"a\",\"resolved_addresses\":["
		      "\"192.0.2.7:5060\",\"192.0.2.8:5060\"]},"
		      "{\"URI\":\"sip:d.example.net\","
		      "\"resolved_addresses\":[]}]}]}]}"),
	   0);
	STR(seen, "default:1 sip:c.example.net 192.0.2.7:5060;"
		  "default:1 sip:c.example.net 192.0.2.8:5060;"
		  "default:1 sip:d.example.net -;");
}

TEST(no_dispatcher)
{
	EQ(dispatcher("{\"PARTITIONS\":[]}"), 0);
	EQ(dispatcher("{}"), -EBADMSG);
	EQ(dispatcher("[]"), -EBADMSG);
	EQ(dispatcher("{\"PARTITIONS\":[{\"SETS\":[{\"id\":1}]}]}"), -EBADMSG);
	EQ(dispatcher("{\"PARTITIONS\":[{\"name\":\"x\"}]}"), -EBADMSG);
}

static int part(void *ctx, const char *name)
{
	(void)ctx;
	strcat(seen, name);
	strcat(seen, ";");
	return 0;
}

TEST(partitions_of_drouting)
{
	cJSON *o = cJSON_Parse("{\"Partitions\":[{\"name\":\"a\","
			       "\"Date\":\"x\"},{\"name\":\"b\"}]}");

	seen[0] = 0;
	EQ(fp_trusted_partitions(o, part, NULL), 0);
	STR(seen, "a;b;");
	cJSON_Delete(o);
}

static const char *address(const char *s)
{
	static char out[FP_PREFIX_STRLEN];
	struct fp_prefix p;

	if (!fp_trusted_address(s, &p))
		return "(none)";
	fp_prefix_print(&p, out);
	return out;
}

TEST(addresses)
{
	STR(address("192.0.2.7"), "192.0.2.7");
	STR(address("192.0.2.7:5060"), "192.0.2.7");
	STR(address("192.0.2.7/24"), "192.0.2.0/24");
	STR(address("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
	STR(address("[2001:DB8::1]:5060"), "2001:db8::1");
	STR(address("[2001:db8::1]"), "2001:db8::1");
	STR(address("2001:db8::1/32"), "2001:db8::/32");
	STR(address("carrier.example.net"), "(none)");
	STR(address("carrier.example.net:5060"), "(none)");
	STR(address(""), "(none)");
	STR(address("192.0.2.7/240000000000"), "(none)");
	STR(address("192.0.2.7:"), "(none)");
	STR(address("[192.0.2.7"), "(none)");
	STR(address("192.0.2.7 x"), "(none)");
}
