/* SPDX-License-Identifier: Apache-2.0 */
#include "would.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/clock.h"
#include "node/facts.h"

#define SHOWN 20 /* sources, the newest */
#define OBSERVED_ENOUGH_S 60

struct source {
	struct fp_prefix host;
	struct fp_seen seen;
};

struct sources {
	struct source *v;
	size_t n;
	uint32_t reason;
};

struct rec {
	char src[FP_PREFIX_STRLEN];
	const char *setting, *node;
	uint64_t packets;
	int64_t first, last;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, src, FP_F_TEXT, NULL, "source"),
	FL_FIELD(rec, setting, FP_F_STR, NULL, "the check"),
	FL_FIELD(rec, packets, FP_F_U64, NULL, "that it would have dropped"),
	FL_FIELD(rec, first, FP_F_TIME, NULL, "the first of them"),
	FL_FIELD(rec, last, FP_F_TIME, NULL, "the last of them"),
	FL_FIELD(rec, node, FP_F_STR, NULL, "the cluster node that it is"),
};
static const struct fp_type type = { "would_drop", fields, FL_COUNT(fields) };

static int collect(void *ctx, const struct fp_seen_key *key,
		   const struct fp_seen *seen)
{
	struct sources *s = ctx;
	void *v;

	if (key->reason != s->reason)
		return 0;
	v = reallocarray(s->v, s->n + 1, sizeof(*s->v));
	if (!v)
		return -ENOMEM;
	s->v = v;
	s->v[s->n++] = (struct source){ { key->hi, key->lo, 128 }, *seen };
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	if (x->seen.last_s != y->seen.last_s)
		return x->seen.last_s < y->seen.last_s ? 1 : -1;
	return fp_prefix_cmp(&x->host, &y->host);
}

/* Those on an allow list by now would pass. */
static int leave_allowed(struct fp_filter *f, struct sources *s,
			 struct fp_err *e)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < s->n && !r; i++) {
		enum fp_kind kind;

		r = fp_maps_ask(f->node.maps, &s->v[i].host, 1, &kind, e);
		if (kind != FP_KIND_ALLOW)
			s->v[kept++] = s->v[i];
	}
	s->n = kept;
	return r;
}

static const char *node_of(const struct fp_guard *g, const struct source *s)
{
	for (size_t i = 0; i < g->set[FP_GUARD_NODE].n; i++) {
		const struct fp_guard_addr *a = &g->set[FP_GUARD_NODE].v[i];

		if (!fp_prefix_cmp(&a->host, &s->host))
			return a->name;
	}
	return NULL;
}

static int print(struct fp_cli *c, const struct source *s, enum fp_setting key,
		 const char *node)
{
	int64_t boot_s = fp_clock_unix_s() - fp_clock_ms() / 1000;
	struct rec rec = { .setting = fp_setting_keys[key].name,
			   .node = node,
			   .packets = s->seen.packets,
			   .first = boot_s + s->seen.first_s,
			   .last = boot_s + s->seen.last_s };

	fp_prefix_print(&s->host, rec.src);
	return fl_record(c, &type, &rec);
}

/* For how long has the check observed, at most: since the settings were last
 * changed, since the first NIC's program was loaded. */
static int64_t observed_s(struct fp_cli *c, struct fp_filter *f)
{
	const struct fp_conf *conf = fp_maps_conf(f->node.maps);
	int64_t now_s = fp_clock_unix_s(), since_s = now_s, set_s = 0;
	struct fp_filter_nic n;
	char path[PATH_MAX];
	struct stat st;

	for (int i = 0; i < FP_NICS; i++)
		if (conf->nic[i].name[0] &&
		    !fp_filter_look(f, conf->nic[i].name, &n, NULL) &&
		    n.is_attached && n.loaded_s < since_s)
			since_s = n.loaded_s;
	snprintf(path, sizeof(path), "%s/settings", c->state_dir);
	if (!stat(path, &st))
		set_s = st.st_mtime;
	return now_s - (set_s > since_s ? set_s : since_s);
}

static void say_observed(struct fp_cli *c, struct fp_filter *f,
			 enum fp_setting key, enum fp_mode was)
{
	const char *name = fp_setting_keys[key].name;
	int64_t s;

	if (!f->node.maps) {
		fp_log(FP_LOG_WARN,
		       "%s: no filter is loaded: nothing was observed", name);
	} else if (was != FP_OBSERVE) {
		fp_log(FP_LOG_WARN, "%s: it was off: nothing was observed",
		       name);
	} else {
		s = observed_s(c, f);
		if (s < OBSERVED_ENOUGH_S)
			fp_log(FP_LOG_WARN,
			       "%s: it has observed for %lld s only", name,
			       (long long)(s > 0 ? s : 0));
	}
}

static int show(struct fp_cli *c, const struct sources *s,
		const struct fp_guard *g, enum fp_setting key, struct fp_err *e)
{
	const struct source *bad = NULL;
	char text[FP_PREFIX_STRLEN];
	int status = 0;

	for (size_t i = 0; i < s->n; i++) {
		const char *node = node_of(g, &s->v[i]);

		if (node && !bad)
			bad = &s->v[i];
		if ((i < SHOWN || node) && !status)
			status = print(c, &s->v[i], key, node);
	}
	if (s->n)
		fp_log(FP_LOG_WARN,
		       "%s=enforce would have dropped packets of %zu source%s%s",
		       fp_setting_keys[key].name, s->n, s->n > 1 ? "s" : "",
		       s->n > SHOWN ? ", the newest are shown" : "");
	if (!bad || fp_cli_overrides(c, "cluster"))
		return 0;
	fp_prefix_print(&bad->host, text);
	return fp_refuse(
		e, "cluster",
		"%s=enforce would have dropped packets of %s, cluster node %s",
		fp_setting_keys[key].name, text, node_of(g, bad));
}

int fl_would(struct fp_cli *c, struct fp_filter *f, enum fp_setting key,
	     enum fp_mode was, struct fp_err *e)
{
	struct sources s = { .reason = key == FP_SET_STEALTH
					       ? FP_R_seen_stealth
					       : FP_R_seen_malformed };
	struct fp_guard g = { 0 };
	int r;

	say_observed(c, f, key, was);
	if (!f->node.maps)
		return 0;
	r = fp_maps_seen(f->node.maps, collect, &s, e);
	if (!r)
		r = leave_allowed(f, &s, e);
	if (!r)
		r = fp_facts_guard(&g, &f->node, c->cluster,
				   c->is_cluster_named, e);
	if (!r) {
		if (s.n)
			qsort(s.v, s.n, sizeof(*s.v), newest_first);
		r = show(c, &s, &g, key, e);
	}
	fp_guard_fini(&g);
	free(s.v);
	return r;
}
