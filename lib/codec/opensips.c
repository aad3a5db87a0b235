/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/opensips_priv.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53 */

/* ---- members */

const char *fp_os_text(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) ? v->valuestring : "";
}

static int64_t whole(const cJSON *v)
{
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= -EXACT_MAX) ||
	    !(v->valuedouble <= EXACT_MAX))
		return -1;
	return (int64_t)v->valuedouble;
}

int64_t fp_os_number(const cJSON *o, const char *name)
{
	return whole(cJSON_GetObjectItemCaseSensitive(o, name));
}

int64_t fp_os_digits(const cJSON *o, const char *name)
{
	const char *s = fp_os_text(o, name);
	int64_t n = 0;

	if (!*s)
		return fp_os_number(o, name);
	for (; *s >= '0' && *s <= '9' && n < 1000000000; s++)
		n = n * 10 + *s - '0';
	return *s ? -1 : n;
}

const cJSON *fp_os_array(const cJSON *o, const char *command, const char *name,
			 struct fp_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (cJSON_IsArray(v))
		return v;
	fp_err(e, -EBADMSG, "%s: \"%s\" is %s", command, name,
	       v ? "no array" : "missing");
	return NULL;
}

/* ---- clusterer */

int fp_os_tags(const struct cJSON *result,
	       int (*each)(void *ctx, const struct fp_os_tag *t), void *ctx,
	       struct fp_err *e)
{
	const cJSON *v;

	if (!cJSON_IsArray(result))
		return fp_err(e, -EBADMSG, "clusterer_list_shtags: no array");
	cJSON_ArrayForEach(v, result)
	{
		struct fp_os_tag t = { .name = fp_os_text(v, "Tag"),
				       .state = fp_os_text(v, "State"),
				       .cluster = fp_os_number(v, "Cluster") };
		int r = each(ctx, &t);

		if (r)
			return r;
	}
	return 0;
}

static int links_of(const cJSON *cluster,
		    int (*each)(void *ctx, const struct fp_os_link *t),
		    void *ctx, struct fp_err *e)
{
	const cJSON *v,
		*nodes = fp_os_array(cluster, "clusterer_list", "Nodes", e);

	if (!nodes)
		return -EBADMSG;
	cJSON_ArrayForEach(v, nodes)
	{
		/* "none" when there is none */
		int64_t hop = fp_os_digits(v, "next_hop");
		struct fp_os_link t = {
			.cluster = fp_os_number(cluster, "cluster_id"),
			.node_id = fp_os_number(v, "node_id"),
			.next_hop = hop < 0 ? 0 : hop,
			.url = fp_os_text(v, "url"),
			.link_state = fp_os_text(v, "link_state"),
			.state = fp_os_text(v, "state"),
		};
		int r = each(ctx, &t);

		if (r)
			return r;
	}
	return 0;
}

int fp_os_links(const struct cJSON *result,
		int (*each)(void *ctx, const struct fp_os_link *t), void *ctx,
		struct fp_err *e)
{
	const cJSON *v, *clusters = fp_os_array(result, "clusterer_list",
						"Clusters", e);

	if (!clusters)
		return -EBADMSG;
	cJSON_ArrayForEach(v, clusters)
	{
		int r = links_of(v, each, ctx, e);

		if (r)
			return r;
	}
	return 0;
}

static int caps_of(const cJSON *cluster,
		   int (*each)(void *ctx, const struct fp_os_cap *t), void *ctx,
		   struct fp_err *e)
{
	const cJSON *v, *caps = fp_os_array(cluster, "clusterer_list_cap",
					    "Capabilities", e);

	if (!caps)
		return -EBADMSG;
	cJSON_ArrayForEach(v, caps)
	{
		struct fp_os_cap t = {
			.cluster = fp_os_number(cluster, "cluster_id"),
			.name = fp_os_text(v, "name"),
			.state = fp_os_text(v, "state"),
			.enabled = fp_os_text(v, "enabled"),
		};
		int r = each(ctx, &t);

		if (r)
			return r;
	}
	return 0;
}

int fp_os_caps(const struct cJSON *result,
	       int (*each)(void *ctx, const struct fp_os_cap *t), void *ctx,
	       struct fp_err *e)
{
	const cJSON *v, *clusters = fp_os_array(result, "clusterer_list_cap",
						"Clusters", e);

	if (!clusters)
		return -EBADMSG;
	cJSON_ArrayForEach(v, clusters)
	{
		int r = caps_of(v, each, ctx, e);

		if (r)
			return r;
	}
	return 0;
}

/* Reports stand there oldest first, but that a sync was requested is written after
 * the request went out: a quick donor's "completed" comes before it (measured on
 * 3.6.8).  A seed that found no donor falls back to "synced" with an empty hand:
 * that has ended too, and brought nothing.
 * Source: OpenSIPS 3.6 modules/clusterer/sync.c; clusterer.c,
 * seed_fb_check_timer. */
void fp_os_sync(const struct cJSON *result, int64_t *chunks, bool *is_pending)
{
	int64_t ended_s = 0;
	const cJSON *v;

	*chunks = -1;
	*is_pending = false;
	if (!cJSON_IsArray(result))
		return;
	cJSON_ArrayForEach(v, result)
	{
		const char *log = fp_os_text(v, "Log");
		int64_t n, at_s = fp_os_number(v, "Timestamp");

		if (sscanf(log, "Sync completed, received [%9" SCNd64 "]",
			   &n) == 1) {
			*chunks = n;
			*is_pending = false;
			ended_s = at_s;
		} else if (!strncmp(log, "Sync requested", 14)) {
			*is_pending |= at_s > ended_s + 2;
		} else if (!strncmp(log, "Sync started", 12) ||
			   !strncmp(log, "Sync request postponed", 22)) {
			*is_pending = true;
		} else if (!strncmp(log, "ERROR: Sync", 11) ||
			   !strncmp(log, "Sync timed out", 14)) {
			*is_pending = false;
		}
	}
}

/* ---- which */

/* 4.0 has MODULE:REST for PREFIX_REST, and understands both. */
static const struct {
	const char *prefix, *module;
} renamed[] = {
	{ "clusterer_", "clusterer:" }, { "dlg_", "dialog:" },
	{ "dr_", "drouting:" },         { "ds_", "dispatcher:" },
	{ "lb_", "load_balancer:" },    { "rtpengine_", "rtpengine:" },
};

bool fp_os_new_name(const char *command, char out[64])
{
	for (size_t i = 0; i < sizeof(renamed) / sizeof(*renamed); i++) {
		size_t n = strlen(renamed[i].prefix);

		if (strncmp(command, renamed[i].prefix, n))
			continue;
		snprintf(out, 64, "%s%s", renamed[i].module, command + n);
		return true;
	}
	return false;
}

static bool is_command(const char *listed, const char *command)
{
	char name[64];

	return !strcmp(listed, command) ||
	       (fp_os_new_name(command, name) && !strcmp(listed, name));
}

bool fp_os_has(const struct cJSON *result, const char *command)
{
	const cJSON *v;

	if (!cJSON_IsArray(result))
		return false;
	cJSON_ArrayForEach(v, result)
	{
		if (cJSON_IsString(v) && is_command(v->valuestring, command))
			return true;
	}
	return false;
}
