/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/opensips.h"
#include "health/opensips_priv.h"
#include "io/clock.h"

/* One more, zeroed, in an array of n; NULL: no memory. */
static void *more(void **v, size_t n, size_t size)
{
	void *grown;

	if (!(n & (n - 1))) { /* a power of two, or none: it is full */
		grown = reallocarray(*v, n ? n * 2 : 1, size);
		if (!grown)
			return NULL;
		*v = grown;
	}
	return memset((char *)*v + n * size, 0, size);
}

#define MORE(V, ARRAY, N)                                                      \
	more((void **)&(V)->ARRAY, (V)->N, sizeof(*(V)->ARRAY))

/* ---- base */

static int take_version(struct fp_opensips_read *r, const struct cJSON *result,
			struct fp_err *e)
{
	(void)e;
	fp_os_version(result, r->v->opensips.version);
	return 0;
}

/* Its local time is of a zone that it does not say.  Reports tell the zone, but
 * that of when they were made: an hour more or less is summer.  Without them the
 * zone is what makes its clock differ least from ours: zones are quarters of an
 * hour. */
static int64_t clock_of(const struct os_known *k, int64_t local_s)
{
	int64_t ours_s = fp_clock_unix_s(), off_s = local_s - ours_s;

	if (k->has_offset) {
		off_s -= k->offset_s;
		if (llabs(llabs(off_s) - 3600) < 450)
			off_s -= off_s > 0 ? 3600 : -3600;
	} else {
		off_s = ((off_s + 450) % 900 + 900) % 900 - 450;
	}
	return ours_s + off_s;
}

/* The core always has some: "initializing". */
static int take_zone(struct fp_opensips_read *r, const struct cJSON *result,
		     struct fp_err *e)
{
	struct os_known *k = os_known(r->mi);

	(void)e;
	if (fp_os_offset(result, &k->offset_s))
		k->has_offset = true;
	return 0;
}

static int take_uptime(struct fp_opensips_read *r, const struct cJSON *result,
		       struct fp_err *e)
{
	struct os_known *k = os_known(r->mi);
	struct fp_view_opensips *v = &r->v->opensips;
	int64_t local_s;

	fp_os_uptime(result, &v->up_s, &local_s);
	if (v->up_s < 0) {
		v->up_s = 0;
		return fp_err(e, -EBADMSG, "uptime: no \"Up time\"");
	}
	if (v->up_s < k->up_s)
		k->has_commands = k->has_offset = false;
	k->up_s = v->up_s;
	v->now_s = local_s ? clock_of(k, local_s) : 0;
	return 0;
}

static int take_statistics(struct fp_opensips_read *r,
			   const struct cJSON *result, struct fp_err *e)
{
	struct fp_view_opensips *v = &r->v->opensips;

	(void)e;
	v->shm_total_bytes = fp_os_statistic(result, "shmem:total_size");
	v->shm_free_bytes = fp_os_statistic(result, "shmem:free_size");
	v->dialogs = fp_os_statistic(result, "dialog:active_dialogs");
	v->processed_dialogs =
		fp_os_statistic(result, "dialog:processed_dialogs");
	v->create_sent = fp_os_statistic(result, "dialog:create_sent");
	v->has_dialog = v->dialogs >= 0;
	return 0;
}

/* ---- the cluster */

static int add_tag(void *ctx, const struct fp_os_tag *t)
{
	struct fp_view_opensips *v = ctx;
	struct fp_view_tag *x = MORE(v, tag, n_tags);

	if (!x)
		return -ENOMEM;
	snprintf(x->name, sizeof(x->name), "%s", t->name);
	x->cluster = (uint32_t)t->cluster;
	x->is_active = !strcmp(t->state, "active");
	v->n_tags++;
	return 0;
}

static int take_tags(struct fp_opensips_read *r, const struct cJSON *result,
		     struct fp_err *e)
{
	r->v->opensips.has_clusterer = true;
	return fp_os_tags(result, add_tag, &r->v->opensips, e);
}

static int add_link(void *ctx, const struct fp_os_link *t)
{
	struct fp_view_opensips *v = ctx;
	struct fp_view_link *x = MORE(v, link, n_links);

	if (!x)
		return -ENOMEM;
	x->cluster = (uint32_t)t->cluster;
	x->node_id = (uint32_t)t->node_id;
	snprintf(x->state, sizeof(x->state), "%s", t->link_state);
	x->next_hop = (uint32_t)t->next_hop;
	x->is_enabled = !strcmp(t->state, "enabled");
	v->n_links++;
	return 0;
}

static int take_links(struct fp_opensips_read *r, const struct cJSON *result,
		      struct fp_err *e)
{
	r->v->opensips.has_clusterer = true;
	return fp_os_links(result, add_link, &r->v->opensips, e);
}

static int add_cap(void *ctx, const struct fp_os_cap *t)
{
	struct fp_view_opensips *v = ctx;
	struct fp_view_cap *x = MORE(v, cap, n_caps);

	if (!x)
		return -ENOMEM;
	x->cluster = (uint32_t)t->cluster;
	snprintf(x->name, sizeof(x->name), "%s", t->name);
	x->is_ok = !strcmp(t->state, "Ok");
	x->is_enabled = !strcmp(t->enabled, "yes");
	v->n_caps++;
	return 0;
}

static int take_caps(struct fp_opensips_read *r, const struct cJSON *result,
		     struct fp_err *e)
{
	return fp_os_caps(result, add_cap, &r->v->opensips, e);
}

static int take_reports(struct fp_opensips_read *r, const struct cJSON *result,
			struct fp_err *e)
{
	struct fp_view_opensips *v = &r->v->opensips;

	(void)e;
	fp_os_sync(result, &v->sync_chunks, &v->is_sync_pending);
	return 0;
}

/* ---- destinations */

static struct fp_view_dest *add_dest(struct fp_view_opensips *v,
				     enum fp_dest_kind kind,
				     const struct fp_os_dest *t)
{
	struct fp_view_dest *x = MORE(v, dest, n_dests);

	if (!x)
		return NULL;
	v->n_dests++;
	x->kind = kind;
	snprintf(x->uri, sizeof(x->uri), "%s", t->uri);
	x->id = x->max = x->load = x->weight = -1;
	snprintf(x->set, sizeof(x->set), "%" PRId64, t->set_id);
	return x;
}

static int add_dispatcher(void *ctx, const struct fp_os_dest *t)
{
	struct fp_view_dest *x = add_dest(ctx, FP_DEST_DISPATCHER, t);

	if (!x)
		return -ENOMEM;
	if (*t->partition && strcmp(t->partition, "default"))
		snprintf(x->set, sizeof(x->set), "%.40s:%" PRId64, t->partition,
			 t->set_id);
	x->state = !strcmp(t->state, "Active")    ? FP_DEST_ACTIVE
		   : !strcmp(t->state, "Probing") ? FP_DEST_PROBING
						  : FP_DEST_INACTIVE;
	x->weight = t->weight;
	return 0;
}

static int take_dispatcher(struct fp_opensips_read *r,
			   const struct cJSON *result, struct fp_err *e)
{
	r->v->opensips.has_dests = true;
	return fp_os_dispatcher(result, add_dispatcher, &r->v->opensips, e);
}

/* By hand it is disabled with auto-reenable off, by a failed probe with it on.
 * Source: OpenSIPS 3.6 load_balancer.c, mi_lb_status_1. */
static int add_load_balancer(void *ctx, const struct fp_os_dest *t)
{
	struct fp_view_dest *x = add_dest(ctx, FP_DEST_LOAD_BALANCER, t);

	if (!x)
		return -ENOMEM;
	x->id = t->id;
	x->is_forever = !strcmp(t->auto_reenable, "off");
	x->state = !strcmp(t->enabled, "yes") ? FP_DEST_ACTIVE
		   : x->is_forever            ? FP_DEST_INACTIVE
					      : FP_DEST_PROBING;
	snprintf(x->resource, sizeof(x->resource), "%s", t->resource);
	x->max = t->max;
	x->load = t->load;
	snprintf(x->capacities, sizeof(x->capacities), "%s", t->capacities);
	return 0;
}

static int take_load_balancer(struct fp_opensips_read *r,
			      const struct cJSON *result, struct fp_err *e)
{
	r->v->opensips.has_dests = true;
	return fp_os_load_balancer(result, add_load_balancer, &r->v->opensips,
				   e);
}

/* By hand: never asked again.  Source: OpenSIPS 3.6 rtpengine.c,
 * MI_MAX_RECHECK_TICKS. */
static int add_rtpengine(void *ctx, const struct fp_os_dest *t)
{
	struct fp_view_dest *x = add_dest(ctx, FP_DEST_RTPENGINE, t);

	if (!x)
		return -ENOMEM;
	x->is_forever = t->disabled > 0 && t->recheck_ticks == UINT32_MAX;
	x->state = t->disabled <= 0 ? FP_DEST_ACTIVE
		   : x->is_forever  ? FP_DEST_INACTIVE
				    : FP_DEST_PROBING;
	x->weight = t->weight;
	return 0;
}

static int take_rtpengine(struct fp_opensips_read *r,
			  const struct cJSON *result, struct fp_err *e)
{
	r->v->opensips.has_dests = true;
	return fp_os_rtpengine(result, add_rtpengine, &r->v->opensips, e);
}

/* ---- which */

static int take_commands(struct fp_opensips_read *r, const struct cJSON *result,
			 struct fp_err *e)
{
	struct os_known *k = os_known(r->mi);

	(void)e;
	k->commands = 0;
	for (unsigned int i = 0; i < OS_QUESTIONS; i++)
		if (fp_os_has(result, os_questions[i].method))
			k->commands |= 1u << i;
	k->has_commands = true;
	return 0;
}

/* "group:" is all of a group, one of it goes by its name alone; what is not there
 * is left out without a word. */
const struct os_question os_questions[OS_QUESTIONS] = {
	[OS_WHICH] = { "which", NULL, 0, false, take_commands },
	{ "version", NULL, FP_OS_BASE, false, take_version },
	{ "get_statistics",
	  "{\"statistics\":[\"shmem:\",\"active_dialogs\","
	  "\"processed_dialogs\",\"create_sent\"]}",
	  FP_OS_BASE, false, take_statistics },
	{ "sr_list_reports", "{\"group\":\"core\",\"identifier\":\"main\"}",
	  FP_OS_BASE, false, take_zone },
	{ "uptime", NULL, FP_OS_BASE, false, take_uptime },
	{ "sr_list_reports",
	  "{\"group\":\"clusterer\",\"identifier\":\"cap:dialog-dlg-repl\"}",
	  FP_OS_CLUSTER, false, take_reports },
	{ "clusterer_list_shtags", NULL, FP_OS_CLUSTER, false, take_tags },
	{ "clusterer_list", NULL, FP_OS_CLUSTER, false, take_links },
	{ "clusterer_list_cap", NULL, FP_OS_CLUSTER, false, take_caps },
	{ "ds_list", "{\"full\":1}", FP_OS_DESTS, true, take_dispatcher },
	{ "lb_list", NULL, FP_OS_DESTS, true, take_load_balancer },
	{ "rtpengine_show", NULL, FP_OS_DESTS, true, take_rtpengine },
};
