/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "peer/bpfmay.h"

/* ---- rights */

/* To load the program: the verifier takes no difference of two packet pointers
 * without CAP_PERFMON. */
#define LOAD (FP_CAP_BPF | FP_CAP_NET_ADMIN | FP_CAP_PERFMON)
/* With it sshd's ports are known for sure. */
#define SSHD FP_CAP_SYS_PTRACE
/* Whose link is on a NIC; the limit of locked memory. */
#define NAME_IT (FP_CAP_SYS_ADMIN | FP_CAP_SYS_RESOURCE)

static const struct row {
	const char *verb;
	uint64_t need, use;
	bool is_reader; /* rests as soon as the maps are open */
} rows[] = {
	{ "attach", LOAD, SSHD | NAME_IT, false },
	{ "detach", 0, FP_CAP_BPF, false },
	{ "confirm", 0, FP_CAP_BPF, false },
	{ "status", 0, FP_CAP_BPF, true },
	{ "set", 0, FP_CAP_BPF | SSHD, false },
	{ "stats", 0, FP_CAP_BPF, true },
	{ "watch", 0, FP_CAP_BPF, true },
	{ "top", 0, FP_CAP_BPF, true },
	{ "upgrade", LOAD, SSHD, false },
	{ "test", LOAD, SSHD, false }, /* calls fl_rest */
};

static const struct row *row_of(const struct fp_cli *c)
{
	static const struct row none = { 0 };

	for (size_t i = 0; i < FL_COUNT(rows); i++)
		if (!strcmp(rows[i].verb, c->verb->name))
			return &rows[i];
	return &none;
}

static struct fp_rights rights_of(const struct fp_cli *c)
{
	const struct row *row = row_of(c);
	bool is_loaded = !c->is_dry_run || !strcmp(row->verb, "test");

	return (struct fp_rights){
		.state_dir = c->state_dir,
		.pins = c->pin_dir,
		.need = is_loaded ? row->need : 0,
		.use = row->use | row->need,
		.is_change = !row->is_reader && is_loaded,
		/* a file elsewhere, which is to be the caller's */
		.is_itself = fp_cli_get(c, "output"),
	};
}

int fl_begin(const struct fp_cli *c, struct fp_err *e)
{
	const struct fp_rights r = rights_of(c);

	return fp_rights_begin(&r, c->verb->name, e);
}

int fl_rest(const struct fp_cli *c, struct fp_err *e)
{
	const struct fp_rights r = rights_of(c);

	return r.is_itself ? 0 : fp_rights_rest(&r, e);
}

int fl_narrow(const struct fp_cli *c, struct fp_err *e)
{
	struct fp_rights r = rights_of(c);

	r.use &= ~NAME_IT;
	r.file = c->cluster;
	return fp_rights_work(&r, e);
}

/* After an attempt to open: what is given up now, or why it failed. */
int fl_opened(const struct fp_cli *c, int r, struct fp_err *e)
{
	const struct fp_rights rights = rights_of(c);

	if (r)
		return fp_rights_explain(&rights, r, e);
	r = fp_rights_home(&rights, e);
	return r || !row_of(c)->is_reader ? r : fl_rest(c, e);
}

static void warn_interpreted(void)
{
	if (fp_bpf_jit() == 0)
		fp_log(FP_LOG_WARN,
		       "net.core.bpf_jit_enable is 0: the filter is interpreted, several times slower than it need be");
}

/* ---- opening */

static void on_notice(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

int fl_open(struct fp_cli *c, enum fl_open how, struct fp_filter *out,
	    struct fp_err *e)
{
	return fl_open_notice(c, how, on_notice, NULL, out, e);
}

int fl_open_notice(struct fp_cli *c, enum fl_open how,
		   void (*notice)(void *ctx, const char *text), void *ctx,
		   struct fp_filter *out, struct fp_err *e)
{
	bool is_change = (how & FL_CHANGE) && !c->is_dry_run;
	const struct fp_filter_opts o = {
		.state_dir = c->state_dir,
		.pins = c->pin_dir,
		.access = is_change ? FP_NODE_WRITE : FP_NODE_READ_BOTH,
		.timeout_ms = c->timeout_ms,
		.is_make = is_change && how == FL_MAKE,
		.is_broken_ok = fp_cli_overrides(c, "broken"),
		.is_upgrade = how == FL_UPGRADE,
		.cluster = c->cluster,
		.is_cluster_named = c->is_cluster_named,
		.notice = notice,
		.ctx = ctx,
	};
	int r;

	if (c->n_nodes)
		return fp_err(e, -EINVAL,
			      "-N %s: this tool works on its own node only",
			      c->nodes[0]);
	r = fl_begin(c, e);
	if (r)
		return r;
	r = fl_opened(c, fp_filter_open(out, &o, e), e);
	if (!r && o.is_make)
		warn_interpreted();
	return r;
}

int fl_maps(struct fp_cli *c, struct fp_maps **out, struct fp_err *e)
{
	int r = fl_begin(c, e);

	return r ? r : fl_opened(c, fp_maps_open(out, c->pin_dir, e), e);
}

ino_t fl_maps_ino(const struct fp_cli *c)
{
	char path[PATH_MAX];
	struct stat st;
	size_t n = fp_maps_dir(c->pin_dir, path, sizeof(path));

	if (n >= sizeof(path))
		return 0;
	snprintf(path + n, sizeof(path) - n, "/samples");
	return stat(path, &st) ? 0 : st.st_ino;
}

int fl_duration(struct fp_cli *c, const char *option, int64_t *ms)
{
	const char *s = fp_cli_get(c, option);
	struct fp_err e;

	if (!s)
		return 0;
	if (fp_parse_duration(s, ms, &e))
		return fp_cli_usage(c, "--%s: %s", option, e.text);
	if (!*ms)
		return fp_cli_usage(c, "--%s: %s is no time at all", option, s);
	return 0;
}

const char *fl_known(const char *word)
{
	return word[0] && strcmp(word, "-") ? word : NULL;
}

int fl_record(struct fp_cli *c, const struct fp_type *t, const void *rec)
{
	struct fp_err e;
	int r = fp_out_record(c->out, t, rec, &e);

	return r ? fp_cli_fail(c, r, &e) : 0;
}

void fl_tally_add(struct fp_cli *c, struct fl_tally *t, int r,
		  const struct fp_err *e, bool is_changed)
{
	if (r) {
		t->n_failed++;
		t->code = fp_cli_fail(c, r, e);
		return;
	}
	t->n_done++;
	t->n_changed += is_changed;
}

int fl_finish(struct fp_cli *c, const struct fl_tally *t, bool is_partial)
{
	char json[64];

	snprintf(json, sizeof(json), "\"done\":%d,\"failed\":%d", t->n_done,
		 t->n_failed);
	fp_out_summary(c->out, t->n_changed > 0, json, NULL);
	if (t->n_failed && !t->n_done)
		return t->code;
	if (t->n_failed || is_partial)
		return FP_EXIT_PARTIAL;
	return c->is_dry_run && t->n_changed ? FP_EXIT_NO : FP_EXIT_OK;
}
