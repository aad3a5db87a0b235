/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/trusted.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "codec/member.h"

static int one(const cJSON *v, struct fp_trusted_dest *d,
	       int (*each)(void *ctx, const struct fp_trusted_dest *d),
	       void *ctx)
{
	const cJSON *a,
		*list = cJSON_GetObjectItemCaseSensitive(v,
							 "resolved_addresses");
	size_t n = 0;
	int r = 0;

	d->uri = fp_member_text(v, "URI");
	cJSON_ArrayForEach(a, list)
	{
		if (!cJSON_IsString(a))
			continue;
		d->address = a->valuestring;
		n++;
		r = each(ctx, d);
		if (r)
			return r;
	}
	d->address = NULL;
	return n ? 0 : each(ctx, d);
}

static int set_of(const cJSON *set, const char *partition,
		  int (*each)(void *ctx, const struct fp_trusted_dest *d),
		  void *ctx)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(set, "id");
	const cJSON *v,
		*list = cJSON_GetObjectItemCaseSensitive(set, "Destinations");
	struct fp_trusted_dest d = { .partition = partition };

	if (!cJSON_IsArray(list) || !cJSON_IsNumber(id))
		return -EBADMSG;
	d.set_id = id->valueint;
	cJSON_ArrayForEach(v, list)
	{
		int r = one(v, &d, each, ctx);

		if (r)
			return r;
	}
	return 0;
}

int fp_trusted_dispatcher(const struct cJSON *result,
			  int (*each)(void *ctx,
				      const struct fp_trusted_dest *d),
			  void *ctx, struct fp_err *e)
{
	const cJSON *p, *s, *sets,
		*parts = cJSON_GetObjectItemCaseSensitive(result, "PARTITIONS");
	int r = cJSON_IsArray(parts) ? 0 : -EBADMSG;

	for (p = r ? NULL : parts->child; p && !r; p = p->next) {
		sets = cJSON_GetObjectItemCaseSensitive(p, "SETS");
		if (!cJSON_IsArray(sets))
			r = -EBADMSG;
		for (s = r ? NULL : sets->child; s && !r; s = s->next)
			r = set_of(s, fp_member_text(p, "name"), each, ctx);
	}
	return r == -EBADMSG ? fp_err(e, r, "ds_list: not its shape") : r;
}

int fp_trusted_partitions(const struct cJSON *result,
			  int (*each)(void *ctx, const char *name), void *ctx)
{
	const cJSON *p,
		*parts = cJSON_GetObjectItemCaseSensitive(result, "Partitions");
	int r;

	cJSON_ArrayForEach(p, parts)
	{
		const char *name = fp_member_text(p, "name");

		r = *name ? each(ctx, name) : 0;
		if (r)
			return r;
	}
	return 0;
}

/* ---- an address */

static bool make(const char *host, unsigned int len, struct fp_prefix *out)
{
	unsigned char b[16];

	if (inet_pton(AF_INET, host, b) == 1)
		*out = fp_prefix_v4(b, len < 32 ? len : 32);
	else if (inet_pton(AF_INET6, host, b) == 1)
		*out = fp_prefix_v6(b, len < 128 ? len : 128);
	else
		return false;
	return true;
}

/* What follows the address: "", "/24", ":5060". */
static bool tail(const char *s, unsigned int *len)
{
	const char *digits = "0123456789";
	unsigned long n;

	*len = 128;
	if (!*s)
		return true;
	if ((*s != '/' && *s != ':') || !s[1] || strlen(s) > 6 ||
	    strspn(s + 1, digits) != strlen(s + 1))
		return false;
	n = strtoul(s + 1, NULL, 10);
	if (*s == '/')
		*len = (unsigned int)n;
	return n <= (*s == '/' ? 128 : 65535);
}

bool fp_trusted_address(const char *s, struct fp_prefix *out)
{
	const char *end = *s == '[' ? strchr(s, ']') : NULL;
	const char *colon = strchr(s, ':');
	unsigned int len;
	char host[64];
	size_t n;

	if (end) {
		n = (size_t)(end - ++s);
		end++;
	} else {
		n = strcspn(s, "/");
		/* one colon is a port's; several are an IPv6 address' */
		if (colon && !strchr(colon + 1, ':'))
			n = (size_t)(colon - s);
		end = s + n;
	}
	if (!n || n >= sizeof(host) || !tail(end, &len))
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	return make(host, len, out);
}
