/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "block.h"

/* Who opened the maps and changes nothing gives up what is left: test and why
 * answer for addresses that strangers chose, list prints what they wrote. */
static int fb_opened(const struct fp_rights *rights, enum fp_node_access access,
		     int r, struct fp_err *e)
{
	if (r)
		return fp_rights_explain(rights, r, e);
	return access == FP_NODE_WRITE ? 0 : fp_rights_rest(rights, e);
}

static void fb_notice(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

int fb_open(struct fp_cli *c, enum fp_node_access access, struct fp_node *out,
	    struct fp_err *e)
{
	struct fp_node_opts o = {
		.state_dir = c->state_dir,
		.pins = c->pin_dir,
		.access = access,
		.timeout_ms = c->timeout_ms,
		.is_broken_ok = fp_cli_overrides(c, "broken"),
		.notice = fb_notice,
	};
	/* CAP_BPF: tables that grow are made; CAP_SYS_PTRACE: sshd's ports are
	 * known for sure */
	const struct fp_rights rights = {
		.state_dir = c->state_dir,
		.pins = c->pin_dir,
		.use = FP_CAP_BPF | FP_CAP_SYS_PTRACE,
		.is_change = access == FP_NODE_WRITE,
	};
	int r;

	if (c->n_nodes)
		return fp_err(e, -EINVAL,
			      "-N %s: this tool works on its own node only",
			      c->nodes[0]);
	r = fp_rights_begin(&rights, c->verb->name, e);
	if (r)
		return r;
	r = fp_node_open(out, &o, e);
	return c->is_dry_run && !r ? 0 : fb_opened(&rights, access, r, e);
}

int fb_open_writer(struct fp_cli *c, struct fp_node *out, struct fp_err *e)
{
	enum fp_node_access access =
		c->is_dry_run ? FP_NODE_READ_BOTH : FP_NODE_WRITE;
	bool is_changed;
	int r = fb_open(c, access, out, e);

	if (r || c->is_dry_run)
		return r;
	if (*out->recovered)
		fp_log_change(NULL, "%s", out->recovered);
	r = fp_facts_cluster_list(out, c->cluster, c->is_cluster_named,
				  &is_changed, e);
	if (r)
		fp_node_close(out);
	else if (is_changed)
		fp_log(FP_LOG_NOTICE, "allow list _cluster now follows %s",
		       c->cluster);
	return r;
}

bool fb_overrides(void *cli, const char *rule)
{
	return fp_cli_overrides(cli, rule);
}

int fb_host(const char *word, struct fp_prefix *out, struct fp_err *e)
{
	int r = fp_prefix_parse(out, word, strlen(word), e);

	if (!r && !fp_prefix_is_host(out))
		return fp_err(e, -EINVAL, "%s: one address, not a prefix",
			      word);
	return r;
}

int fb_may_change(struct fp_cli *c, const struct fp_list_head *h,
		  struct fp_err *e)
{
	if (fp_cli_overrides(c, "owner"))
		return 0;
	if (h->owner == FP_OWNER_PUSHED)
		return fp_refuse(
			e, "owner",
			"list %s is pushed: the controller's file is the truth (fp-sync push)",
			h->name);
	if (h->name[0] == '_')
		return fp_refuse(e, "owner",
				 "list %s is compiled from the cluster file",
				 h->name);
	return 0;
}

static const char *fb_default_name(enum fp_kind kind)
{
	return kind == FP_KIND_ALLOW   ? "local-allow"
	       : kind == FP_KIND_FENCE ? "local-fence"
				       : "local";
}

int fb_head(struct fp_cli *c, struct fp_node *n, const char *name,
	    struct fp_list_head *out, bool *is_new, struct fp_err *e)
{
	const char *kind = fp_cli_get(c, "kind");
	const char *owner = fp_cli_get(c, "owner");
	struct fp_list_head h = { .kind = FP_KIND_BLOCK };
	struct fp_list *l;
	int r = 0;

	/* the lists that add makes by itself have their kinds by name */
	for (int k = FP_KIND_BLOCK; name && k <= FP_KIND_FENCE; k++)
		if (!strcmp(name, fb_default_name((enum fp_kind)k)))
			h.kind = (enum fp_kind)k;
	if (kind)
		r = fp_kind_parse(kind, &h.kind, e);
	if (!r && owner)
		r = fp_owner_parse(owner, &h.owner, e);
	if (!r && h.owner == FP_OWNER_PUSHED)
		r = fp_err(e, -EINVAL,
			   "--owner pushed: only fp-sync makes pushed lists");
	if (!name)
		name = fb_default_name(h.kind);
	if (!r)
		r = fp_list_name_check(name, e);
	if (r)
		return r;
	snprintf(h.name, sizeof(h.name), "%s", name);
	l = fp_lists_get(&n->lists, name);
	*is_new = !l;
	if (!l && fp_node_has_file(n, name))
		return fp_err(
			e, -EBADMSG,
			"list %s cannot be read: mend %s/lists/%s.list or move it away",
			name, c->state_dir, name);
	if (l && kind && fp_list_about(l)->kind != h.kind)
		return fp_err(e, -EINVAL, "list %s is of kind %s, not %s", name,
			      fp_kind_name(fp_list_about(l)->kind), kind);
	if (l && owner && fp_list_about(l)->owner != h.owner)
		return fp_err(e, -EINVAL, "list %s is owned %s, not %s", name,
			      fp_owner_name(fp_list_about(l)->owner), owner);
	*out = l ? *fp_list_about(l) : h;
	return fb_may_change(c, out, e);
}

int fb_done(struct fp_node *n, bool is_changed)
{
	const char *saved = is_changed ? "saved" : "on the lists";

	if (fp_node_is_in_force(n))
		return FP_EXIT_OK;
	if (!n->maps)
		fp_log(FP_LOG_WARN,
		       "%s, but NOT in force: no filter is loaded here (fp-load attach IF)",
		       saved);
	else
		fp_log(FP_LOG_WARN,
		       "%s, but NOT in force: no NIC has the filter (fp-load status)",
		       saved);
	return FP_EXIT_PARTIAL;
}

struct fp_prefix fb_first_host(const struct fp_prefix *p)
{
	struct fp_prefix host = *p;

	host.len = 128;
	return host;
}

int fb_record(struct fp_cli *c, const struct fp_type *t, const void *rec)
{
	struct fp_err e = { .text = "" };
	int r = fp_out_record(c->out, t, rec, &e);

	return r ? fp_cli_fail(c, r, &e) : 0;
}
