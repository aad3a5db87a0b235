/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/health_cluster_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fp_reading *fp_rules_answer(struct fp_rules *r, const char *node,
				   const char *check)
{
	struct fp_cluster_answer *a = r->out;

	if (r->n_out == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;

		a = reallocarray(a, cap, sizeof(*a));
		if (!a) {
			r->is_failed = true;
			fp_reading_init(&r->scratch);
			return &r->scratch;
		}
		r->out = a;
		r->cap = cap;
	}
	a += r->n_out++;
	a->node = node;
	a->check = check;
	fp_reading_init(&a->reading);
	return &a->reading;
}

void fp_cluster_say(struct fp_cluster_names *to, const char *fmt, ...)
{
	size_t n = strlen(to->text), room = sizeof(to->text) - n;
	const char *comma = to->n++ ? ", " : "";
	char word[sizeof(to->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(word, sizeof(word), fmt, ap);
	va_end(ap);
	if (strlen(comma) + strlen(word) + sizeof(", ...") <= room)
		snprintf(to->text + n, room, "%s%s", comma, word);
	else if (n < 3 || strcmp(to->text + n - 3, "...") != 0)
		snprintf(to->text + n, room, "%s...", comma);
}

/* ---- views */

const struct fp_view_opensips *fp_opensips_of(const struct fp_view *v)
{
	return v && v->kind == FP_VIEW_OPENSIPS ? &v->opensips : NULL;
}

const struct fp_view_freeswitch *fp_freeswitch_of(const struct fp_view *v)
{
	return v && v->kind == FP_VIEW_FREESWITCH ? &v->freeswitch : NULL;
}

const struct fp_view_store *fp_store_of(const struct fp_view *v)
{
	return v && v->kind == FP_VIEW_STORE ? &v->store : NULL;
}

const struct fp_view_opensips *fp_member(const struct fp_rules *r, size_t i)
{
	const struct fp_view_opensips *v = fp_opensips_of(r->v[i].opensips);

	return v && v->has_clusterer ? v : NULL;
}

bool fp_is_in(const struct fp_view_opensips *v, uint32_t cluster)
{
	for (size_t i = 0; i < v->n_links; i++)
		if (v->link[i].cluster == cluster)
			return true;
	for (size_t i = 0; i < v->n_caps; i++)
		if (v->cap[i].cluster == cluster)
			return true;
	for (size_t i = 0; i < v->n_tags; i++)
		if (v->tag[i].cluster == cluster)
			return true;
	return false;
}

static int id_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int fp_clusters(const struct fp_rules *r, uint32_t **out, size_t *n)
{
	size_t max = 0, k = 0, n_ids = 0;
	uint32_t *id;

	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		if (v)
			max += v->n_links + v->n_caps + v->n_tags;
	}
	id = calloc(max ? max : 1, sizeof(*id));
	if (!id)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		for (size_t j = 0; v && j < v->n_links; j++)
			id[k++] = v->link[j].cluster;
		for (size_t j = 0; v && j < v->n_caps; j++)
			id[k++] = v->cap[j].cluster;
		for (size_t j = 0; v && j < v->n_tags; j++)
			id[k++] = v->tag[j].cluster;
	}
	qsort(id, k, sizeof(*id), id_cmp);
	for (size_t i = 0; i < k; i++)
		if (!i || id[i] != id[i - 1])
			id[n_ids++] = id[i];
	*out = id;
	*n = n_ids;
	return 0;
}

const struct fp_cluster_node *fp_answering(const struct fp_rules *r,
					   uint32_t cluster, uint32_t node_id)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		if (v && v->node_id == node_id && node_id &&
		    fp_is_in(v, cluster))
			return &r->v[i];
	}
	return NULL;
}

bool fp_replicates(const struct fp_view_opensips *v, uint32_t cluster,
		   bool *is_ready)
{
	*is_ready = !v->is_sync_pending;
	if (!v->has_clusterer || !v->has_dialog || v->dialogs < 0)
		return false;
	if (!v->n_caps)
		return fp_is_in(v, cluster);
	for (size_t i = 0; i < v->n_caps; i++)
		if (v->cap[i].cluster == cluster &&
		    !strcmp(v->cap[i].name, "dialog-dlg-repl")) {
			*is_ready &= v->cap[i].is_ok;
			return v->cap[i].is_enabled;
		}
	return false;
}

bool fp_is_short(const struct fp_cluster_opts *o, int64_t a, int64_t b)
{
	double missing = (double)b - (double)a;
	double percent = (double)b * o->dialog_tolerance_percent / 100;

	return missing > (double)o->dialog_tolerance && missing > percent;
}

/* ---- all of them */

int fp_cluster_judge(const struct fp_cluster_opts *o,
		     const struct fp_cluster_node *v, size_t n,
		     struct fp_cluster_answer **out, size_t *n_out,
		     struct fp_err *e)
{
	struct fp_rules r = { .o = o, .v = v, .n = n };

	if (fp_rules_tags(&r) || fp_rules_dialogs(&r))
		r.is_failed = true;
	fp_rules_taking(&r);
	fp_rules_sync(&r);
	fp_rules_links(&r);
	fp_rules_shm(&r);
	fp_rules_rows(&r);
	fp_rules_ports(&r);
	fp_rules_versions(&r);
	fp_rules_clock(&r);
	if (r.is_failed) {
		fp_cluster_answers_free(r.out, r.n_out);
		return fp_err_sys(e, -ENOMEM, "comparing %zu nodes", n);
	}
	*out = r.out;
	*n_out = r.n_out;
	return 0;
}

void fp_cluster_answers_free(struct fp_cluster_answer *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fp_reading_fini(&v[i].reading);
	free(v);
}
