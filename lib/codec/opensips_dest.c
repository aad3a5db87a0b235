/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/opensips_priv.h"

static struct fp_os_dest nothing(void)
{
	return (struct fp_os_dest){
		.partition = "",
		.set = "",
		.uri = "",
		.state = "",
		.description = "",
		.resource = "",
		.set_id = -1,
		.id = -1,
		.weight = -1,
		.max = -1,
		.load = -1,
		.disabled = -1,
		.recheck_ticks = -1,
		.enabled = "",
		.auto_reenable = "",
		.capacities = "",
	};
}

/* ---- ds_list */

static int set_of(const cJSON *partition, const cJSON *set,
		  int (*each)(void *ctx, const struct fp_os_dest *t), void *ctx,
		  struct fp_err *e)
{
	const cJSON *v, *dests = fp_os_array(set, "ds_list", "Destinations", e);

	if (!dests)
		return -EBADMSG;
	cJSON_ArrayForEach(v, dests)
	{
		struct fp_os_dest t = nothing();
		int r;

		t.partition = fp_os_text(partition, "name");
		t.set_id = fp_os_number(set, "id");
		t.uri = fp_os_text(v, "URI");
		t.state = fp_os_text(v, "state");
		t.description = fp_os_text(v, "description");
		t.weight = fp_os_number(v, "weight");
		r = each(ctx, &t);
		if (r)
			return r;
	}
	return 0;
}

int fp_os_dispatcher(const struct cJSON *result,
		     int (*each)(void *ctx, const struct fp_os_dest *t),
		     void *ctx, struct fp_err *e)
{
	const cJSON *p, *s, *sets,
		*parts = fp_os_array(result, "ds_list", "PARTITIONS", e);
	int r = 0;

	if (!parts)
		return -EBADMSG;
	cJSON_ArrayForEach(p, parts)
	{
		sets = fp_os_array(p, "ds_list", "SETS", e);
		if (!sets)
			return -EBADMSG;
		cJSON_ArrayForEach(s, sets)
		{
			r = set_of(p, s, each, ctx, e);
			if (r)
				return r;
		}
	}
	return 0;
}

/* ---- lb_list */

#define CAPACITIES 160

static void capacities(const cJSON *resources, char out[CAPACITIES])
{
	const cJSON *v;
	size_t n = 0;

	out[0] = 0;
	cJSON_ArrayForEach(v, resources)
	{
		const char *name = fp_os_text(v, "name");

		if (!*name || fp_os_number(v, "max") <= 0 ||
		    n + strlen(name) + 3 > CAPACITIES)
			continue;
		n += (size_t)snprintf(out + n, CAPACITIES - n, "%s%s,",
				      n ? "" : ",", name);
	}
}

int fp_os_load_balancer(const struct cJSON *result,
			int (*each)(void *ctx, const struct fp_os_dest *t),
			void *ctx, struct fp_err *e)
{
	const cJSON *v,
		*dests = fp_os_array(result, "lb_list", "Destinations", e);

	if (!dests)
		return -EBADMSG;
	cJSON_ArrayForEach(v, dests)
	{
		const cJSON *all =
			cJSON_GetObjectItemCaseSensitive(v, "Resources");
		const cJSON *first = cJSON_GetArrayItem(all, 0);
		struct fp_os_dest t = nothing();
		char text[CAPACITIES];
		int r;

		t.uri = fp_os_text(v, "uri");
		t.id = fp_os_number(v, "id");
		t.set_id = fp_os_number(v, "group");
		t.enabled = fp_os_text(v, "enabled");
		t.auto_reenable = fp_os_text(v, "auto-reenable");
		t.description = fp_os_text(v, "attrs");
		t.resource = fp_os_text(first, "name");
		t.max = fp_os_number(first, "max");
		t.load = fp_os_number(first, "load");
		capacities(all, text);
		t.capacities = text;
		r = each(ctx, &t);
		if (r)
			return r;
	}
	return 0;
}

/* ---- rtpengine_show */

static int engines_of(const cJSON *set,
		      int (*each)(void *ctx, const struct fp_os_dest *t),
		      void *ctx, struct fp_err *e)
{
	const cJSON *v, *nodes = fp_os_array(set, "rtpengine_show", "Nodes", e);

	if (!nodes)
		return -EBADMSG;
	cJSON_ArrayForEach(v, nodes)
	{
		struct fp_os_dest t = nothing();
		int r;

		t.uri = fp_os_text(v, "url");
		t.set_id = fp_os_number(set, "Set");
		t.weight = fp_os_number(v, "weight");
		t.disabled = fp_os_number(v, "disabled");
		t.recheck_ticks = fp_os_number(v, "recheck_ticks");
		r = each(ctx, &t);
		if (r)
			return r;
	}
	return 0;
}

int fp_os_rtpengine(const struct cJSON *result,
		    int (*each)(void *ctx, const struct fp_os_dest *t),
		    void *ctx, struct fp_err *e)
{
	const cJSON *v;

	if (!cJSON_IsArray(result))
		return fp_err(e, -EBADMSG, "rtpengine_show: no array");
	cJSON_ArrayForEach(v, result)
	{
		int r = engines_of(v, each, ctx, e);

		if (r)
			return r;
	}
	return 0;
}

/* ---- what routing trusts */

/* With partitions each has an array of its own, else the result has it. */
static int parts(const cJSON *result, const char *command, const char *name,
		 int (*one)(const cJSON *v,
			    int (*each)(void *ctx,
					const struct fp_os_trusted *t),
			    void *ctx),
		 int (*each)(void *ctx, const struct fp_os_trusted *t),
		 void *ctx, struct fp_err *e)
{
	const cJSON *p, *v, *list,
		*several =
			cJSON_GetObjectItemCaseSensitive(result, "Partitions");
	int r;

	for (p = several ? several->child : result; p; p = p->next) {
		list = fp_os_array(p, command, name, e);
		if (!list)
			return -EBADMSG;
		cJSON_ArrayForEach(v, list)
		{
			r = one(v, each, ctx);
			if (r)
				return r;
		}
		if (!several)
			break;
	}
	return 0;
}

static int gateway(const cJSON *v,
		   int (*each)(void *ctx, const struct fp_os_trusted *t),
		   void *ctx)
{
	char what[96];
	struct fp_os_trusted t = { .address = fp_os_text(v, "IP"),
				   .what = what };

	snprintf(what, sizeof(what), "gateway %s", fp_os_text(v, "ID"));
	return *t.address ? each(ctx, &t) : 0;
}

int fp_os_gateways(const struct cJSON *result,
		   int (*each)(void *ctx, const struct fp_os_trusted *t),
		   void *ctx, struct fp_err *e)
{
	return parts(result, "dr_gw_status", "Gateways", gateway, each, ctx, e);
}

/* The length of a mask: "32", "255.255.255.0", "ffff:ffff::"; -1: none. */
static int mask_len(const char *mask)
{
	unsigned char b[16];
	int n = 0, size, len = 0;

	if (sscanf(mask, "%3d%n", &len, &n) == 1 && n && !mask[n])
		return len >= 0 && len <= 128 ? len : -1;
	size = inet_pton(AF_INET, mask, b) == 1    ? 4
	       : inet_pton(AF_INET6, mask, b) == 1 ? 16
						   : 0;
	for (len = 0; len < size * 8; len++)
		if (!(b[len / 8] & 128 >> len % 8))
			break;
	for (n = len; n < size * 8; n++)
		if (b[n / 8] & 128 >> n % 8)
			return -1;
	return size ? len : -1;
}

static int address(const cJSON *v,
		   int (*each)(void *ctx, const struct fp_os_trusted *t),
		   void *ctx)
{
	const char *ip = fp_os_text(v, "ip");
	int len = mask_len(fp_os_text(v, "mask"));
	char what[40], text[72];
	struct fp_os_trusted t = { .address = text, .what = what };

	if (!*ip || strlen(ip) > 64)
		return 0;
	/* A mask with holes is more than any one prefix: the address alone. */
	if (len < 0 || len == (strchr(ip, ':') ? 128 : 32))
		snprintf(text, sizeof(text), "%s", ip);
	else
		snprintf(text, sizeof(text), "%s/%d", ip, len);
	snprintf(what, sizeof(what), "address group %" PRId64,
		 fp_os_number(v, "grp"));
	return each(ctx, &t);
}

int fp_os_addresses(const struct cJSON *result,
		    int (*each)(void *ctx, const struct fp_os_trusted *t),
		    void *ctx, struct fp_err *e)
{
	return parts(result, "address_dump", "Destinations", address, each, ctx,
		     e);
}
