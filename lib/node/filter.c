/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fp_maps.h"
#include "io/clock.h"
#include "model/area.h"
#include "node/facts.h"
#include "node/filter_priv.h"

void fp_filter_notice(struct fp_filter *f, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!f->opts.notice)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->opts.notice(f->opts.ctx, text);
}

/* ---- opening ---- */

static int fp_filter_open_node(struct fp_filter *f, struct fp_err *e)
{
	const struct fp_node_opts o = {
		.state_dir = f->opts.state_dir,
		.pins = f->opts.pins,
		.access = f->opts.access,
		.timeout_ms = f->opts.timeout_ms,
		.is_broken_ok = f->opts.is_broken_ok,
		.is_raw = true,
		.notice = f->opts.notice,
		.ctx = f->opts.ctx,
	};
	int r = fp_node_open(&f->node, &o, e);

	if (r != -ENOENT || f->opts.access == FP_NODE_WRITE)
		return r;
	/* no lists yet; the filter may be there all the same */
	f->node = (struct fp_node){ .lists_fd = -1, .opts = o };
	r = fp_node_use_dir(&f->node, f->dir, e);
	return r == -ENOENT ? 0 : r;
}

int fp_filter_check_layout(struct fp_filter *f, struct fp_err *e)
{
	unsigned int other = fp_pins_other_layout(f->opts.pins);

	if (!other || f->opts.is_upgrade)
		return 0;
	if (f->node.maps)
		return fp_err(
			e, -EPROTO,
			"an upgrade between the table layouts %u and %d was interrupted: fp-load upgrade finishes it",
			other, FP_LAYOUT);
	return fp_err(
		e, -EPROTO,
		"the tables in %s are of layout %u, this program is of layout %d: use the version that made them, or fp-load upgrade of this one",
		f->opts.pins, other, FP_LAYOUT);
}

int fp_filter_open(struct fp_filter *f, const struct fp_filter_opts *opts,
		   struct fp_err *e)
{
	int r;

	*f = (struct fp_filter){ .opts = *opts, .node.lists_fd = -1 };
	fp_maps_dir(opts->pins, f->dir, sizeof(f->dir));
	r = fp_pins_check(opts->pins, opts->is_make, e);
	if (r && (r != -ENOENT || opts->is_make))
		return r;
	r = fp_filter_open_node(f, e);
	if (!r && opts->access == FP_NODE_WRITE)
		r = fp_pins_clean(opts->pins, e);
	if (!r)
		r = fp_filter_check_layout(f, e);
	if (!r && opts->access == FP_NODE_WRITE)
		r = fp_names_follow(f, e);
	if (!r)
		r = fp_settings_read(&f->settings, opts->state_dir,
				     opts->notice, opts->ctx, e);
	if (r < 0) {
		fp_filter_close(f);
		return r;
	}
	f->n_bad_settings = r;
	return 0;
}

void fp_filter_close(struct fp_filter *f)
{
	fp_node_close(&f->node);
}

bool fp_filter_is_partial(const struct fp_filter *f)
{
	return f->n_bad_settings || f->is_behind || f->node.n_left_out;
}

/* ---- settings ---- */

int fp_filter_apply(struct fp_filter *f, struct fp_err *e)
{
	bool is_changed;

	return fp_facts_settings(&f->node, &f->settings, &is_changed, e);
}

static bool fp_settings_differ(const struct fp_settings *a,
			       const struct fp_settings *b)
{
	for (int k = 0; k < FP_SET_N; k++)
		if (!fp_settings_equal(a, b, (enum fp_setting)k))
			return true;
	return false;
}

int fp_filter_set(struct fp_filter *f, const struct fp_settings *to,
		  struct fp_err *e)
{
	int r = 0;

	if (fp_settings_differ(to, &f->settings))
		r = fp_settings_write(to, f->opts.state_dir, e);
	if (r)
		return r;
	f->settings = *to;
	r = fp_filter_apply(f, e);
	return r ? fp_err_prefix(e, r, "saved, not in force") : 0;
}

int fp_filter_confirm(struct fp_filter *f, const char *name, bool is_dry_run,
		      bool *is_changed, struct fp_err *e)
{
	struct fp_filter_nic n;
	int r = fp_filter_look(f, name, &n, e);

	if (r)
		return r;
	if (n.slot < 0)
		return fp_err(e, -ENOENT, "%s: the filter is not attached",
			      name);
	if (!n.confirm_s)
		return fp_err(
			e, -ETIME,
			"%s: too late, the filter has stopped: fp-load attach %s starts it again",
			name, name);
	*is_changed = n.confirm_s > 0;
	if (*is_changed && !is_dry_run)
		fp_store32(&fp_maps_conf(f->node.maps)
				    ->nic[n.slot]
				    .confirm_until_s,
			   0);
	return 0;
}

uint64_t fp_filter_bypass_s(const struct fp_conf *c)
{
	int64_t left_ms = c->bypass_until_s * 1000ll - fp_clock_ms();

	if (!c->bypass_until_s || left_ms <= 0)
		return 0;
	return left_ms < 1000 ? 1 : (uint64_t)left_ms / 1000;
}

int fp_filter_bypass(const char *pins, int64_t ms, bool *is_changed,
		     uint64_t *left_s, struct fp_err *e)
{
	struct fp_maps *maps;
	struct fp_conf *c;
	uint32_t until_s = 0;
	int r = fp_maps_open(&maps, pins, e);

	if (r)
		return r;
	c = fp_maps_conf(maps);
	if (ms)
		until_s = (uint32_t)((fp_clock_ms() + ms + 999) / 1000);
	*is_changed = until_s ? until_s != c->bypass_until_s
			      : fp_filter_bypass_s(c) > 0;
	fp_store32(&c->bypass_until_s, until_s);
	*left_s = fp_filter_bypass_s(c);
	fp_maps_close(maps);
	return 0;
}

/* ---- making ---- */

/* In a directory of its own: nobody sees it before it is whole. */
static int fp_filter_fill(struct fp_filter *f, const char *dir,
			  bool is_broken_ok, struct fp_err *e)
{
	struct fp_xdp *ask;
	int r;

	if (mkdir(dir, 0700))
		return fp_err_sys(e, -errno, "making %s", dir);
	r = fp_xdp_load_ask(&ask, dir, e);
	if (r)
		return r;
	r = fp_xdp_pin_ask(ask, dir, e);
	fp_xdp_close(ask);
	if (!r)
		r = fp_maps_init_dir(dir, e);
	if (!r)
		r = fp_node_use_dir(&f->node, dir, e);
	if (r)
		return r;
	fp_store32(&fp_maps_conf(f->node.maps)->ask_build, fp_xdp_build());
	f->node.opts.is_broken_ok = is_broken_ok;
	r = fp_filter_apply(f, e);
	return r ? r : fp_node_catch_up(&f->node, e);
}

int fp_filter_build(struct fp_filter *f, bool is_broken_ok, struct fp_err *e)
{
	char fresh[PATH_MAX + 8];
	int r;

	snprintf(fresh, sizeof(fresh), "%s_new", f->dir);
	r = fp_filter_fill(f, fresh, is_broken_ok, e);
	if (!r && rename(fresh, f->dir))
		r = fp_err_sys(e, -errno, "%s", f->dir);
	if (!r) /* what is open goes by its directory's name */
		r = fp_node_use_dir(&f->node, f->dir, e);
	if (r) {
		fp_maps_close(f->node.maps);
		f->node.maps = NULL;
		fp_pins_clean(f->opts.pins, NULL);
	}
	return r;
}

/* A bad cluster file is no reason to filter nothing. */
static void fp_filter_cluster(struct fp_filter *f)
{
	struct fp_err e = { 0 };
	bool is_changed;

	if (!f->opts.cluster ||
	    !fp_facts_cluster_list(&f->node, f->opts.cluster,
				   f->opts.is_cluster_named, &is_changed, &e))
		return;
	fp_filter_notice(f, "%s: the allow list _cluster stays as it was",
			 e.text);
	f->is_behind = true;
}

/* Tables that are there: a list that broke since leaves them as they are. */
static int fp_filter_catch_up(struct fp_filter *f, struct fp_err *e)
{
	int r = fp_filter_apply(f, e);

	if (!r)
		r = fp_node_catch_up(&f->node, e);
	if (!r)
		fp_filter_cluster(f);
	if (r != -EPERM || !e->rule[0])
		return r;
	fp_filter_notice(f, "%s: the tables stay as they were", e->text);
	f->is_behind = true;
	return 0;
}

int fp_filter_ready(struct fp_filter *f, struct fp_err *e)
{
	int r;

	if (f->is_ready)
		return 0;
	if (f->node.maps) {
		r = fp_filter_catch_up(f, e);
	} else {
		fp_filter_cluster(f);
		r = fp_filter_build(f, true, e);
	}
	f->is_ready = !r;
	return r;
}

/* ---- taking away ---- */

int fp_filter_detach(struct fp_filter *f, const char *name, bool *is_changed,
		     struct fp_err *e)
{
	struct fp_filter_nic n;
	char path[PATH_MAX];
	struct fp_nic *nic;
	int r = fp_filter_look(f, name, &n, e);

	*is_changed = false;
	if (r || (!n.is_pinned && n.slot < 0))
		return r;
	fp_maps_nic_path(f->dir, "links", n.link.name, path, sizeof(path));
	r = fp_xdp_detach(path, e);
	if (r)
		return r;
	fp_filter_set_off(f, n.link.name, true);
	*is_changed = true;
	fp_maps_nic_path(f->dir, "xsk", n.link.name, path, sizeof(path));
	if (unlink(path) && errno != ENOENT)
		return fp_err_sys(e, -errno, "%s", path);
	if (n.slot < 0)
		return 0;
	nic = &fp_maps_conf(f->node.maps)->nic[n.slot];
	memset(nic, 0, sizeof(*nic));
	fp_filter_runs(f, n.slot, NULL);
	fp_filter_looks(f, n.slot, false);
	return fp_maps_counters_reset(f->node.maps, (unsigned int)n.slot, e);
}

static int fp_count_nic(void *ctx, const char *ifname)
{
	(void)ifname;
	++*(int *)ctx;
	return 0;
}

int fp_filter_drop_unused(struct fp_filter *f, bool *is_dropped,
			  struct fp_err *e)
{
	int n = 0, r;

	*is_dropped = false;
	if (!f->node.maps)
		return 0;
	r = fp_pins_nics(f->dir, fp_count_nic, &n, e);
	if (r || n)
		return r;
	fp_maps_close(f->node.maps);
	f->node.maps = NULL;
	f->is_ready = false;
	r = fp_pins_drop(f->dir, e);
	*is_dropped = !r;
	return r;
}
