/* SPDX-License-Identifier: Apache-2.0 */
#include "verb/mover.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/log.h"

#define LISTS_DIR "/etc/fastpath/lists"
#define PARALLEL_SSH 64
#define FENCE_MS 30000

/* ---- fp_db */

static int read_marks(const struct fp_cli *c, const char *conninfo,
		      struct fp_mark **out, size_t *n, struct fp_err *e)
{
	struct fp_pg *pg;
	int r = fp_verb_db_open(&pg, c, conninfo, e);

	if (r)
		return r;
	r = fp_db_marks(pg, out, n, e);
	fp_pg_close(pg);
	return r;
}

int fp_verb_marks(const struct fp_cli *c, const char *conninfo,
		  struct fp_mark **out, size_t *n, struct fp_err *e)
{
	int64_t at_s;
	int r = conninfo ? read_marks(c, conninfo, out, n, e) : -ENOENT;

	if (!r)
		return 0;
	if (!fp_verb_db_is_away(r))
		return r;
	if (conninfo)
		fp_log(FP_LOG_WARN, "%s: maintenance is read from our copy",
		       e->text);
	r = fp_marks_copy_read(c->state_dir, out, n, &at_s, e);
	if (r)
		fp_log(FP_LOG_WARN, "maintenance is not known: %s", e->text);
	e->text[0] = 0;
	return 0;
}

void fp_verb_journal(const struct fp_cli *c, const struct fp_nodes *n,
		     const char *conninfo, const char *app, const char *owner,
		     struct fp_journal_opts *out)
{
	bool is_lifted = fp_cli_overrides(c, "lock");

	*out = (struct fp_journal_opts){
		.loop = n->loop,
		.work = n->work,
		.conninfo = is_lifted ? NULL : conninfo,
		.is_alone = is_lifted,
		.app = app,
		.state_dir = c->state_dir,
		.owner = owner,
		.timeout_ms = c->timeout_ms,
	};
}

void fp_verb_fleet(const struct fp_cli *c, const struct fp_nodes *n,
		   struct fp_fleet_opts *out, const char **lists_dir)
{
	const char *lists = fp_cli_get(c, "lists");

	*lists_dir = lists ? lists : LISTS_DIR;
	*out = (struct fp_fleet_opts){
		.name = n->name,
		.transport = fp_cli_get(c, "ssh-command"),
		.ssh = fp_cli_get(c, "no-ssh-config") ? NULL : "ssh",
		.timeout_ms = c->timeout_ms,
		.parallel = PARALLEL_SSH,
	};
}

/* ---- options */

static int no_rule(const char *word, const char *const *rules, size_t n_rules,
		   struct fp_err *e)
{
	char all[300] = "";
	size_t n = 0;

	for (size_t i = 0; i < n_rules; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s",
				      i ? ", " : "", rules[i]);
	return fp_err(e, -EINVAL, "--override %s: no such rule; there are: %s",
		      word, all);
}

int fp_verb_rules(const struct fp_cli *c, const char *const *rules, size_t n,
		  struct fp_err *e)
{
	for (size_t i = 0; i < c->n_overrides; i++) {
		size_t k = 0;

		while (k < n && strcmp(c->overrides[i], rules[k]) != 0)
			k++;
		if (k == n)
			return no_rule(c->overrides[i], rules, n, e);
	}
	return 0;
}

int fp_verb_duration(const struct fp_cli *c, const char *option,
		     int64_t *out_ms, struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	int r = s ? fp_parse_duration(s, out_ms, e) : 0;

	return r ? fp_err_prefix(e, r, "--%s", option) : 0;
}

int fp_verb_fence(const struct fp_cli *c, const char **command, int64_t *ms,
		  struct fp_err *e)
{
	int r;

	*command = fp_cli_get(c, "fence");
	*ms = FENCE_MS;
	r = fp_verb_duration(c, "fence-timeout", ms, e);
	if (!r && *ms < 100)
		r = fp_err(e, -EINVAL, "--fence-timeout: at least 100ms");
	if (!r && *command && !**command)
		r = fp_err(e, -EINVAL, "--fence: an empty command");
	return r;
}

int fp_verb_by(const struct fp_cli *c, char by[128], struct fp_err *e)
{
	const char *s = fp_cli_get(c, "by");

	if (!s) {
		fp_cli_who(by);
		return 0;
	}
	if (strlen(s) >= 128)
		return fp_err(e, -EINVAL, "--by: at most 127 bytes");
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fp_err(e, -EINVAL,
				      "--by: a control character in it");
	strcpy(by, s);
	return 0;
}

/* ---- conditions */

#define AT(M) offsetof(struct fp_verb_condition, M)
static const struct fp_field condition_fields[] = {
	{ "node", AT(node), FP_F_STR, NULL, "whom it is about" },
	{ "name", AT(name), FP_F_STR, NULL, "what was looked at" },
	{ "state", AT(state), FP_F_STR, NULL, "ok, warn or refuse" },
	{ "value", AT(value), FP_F_STR, NULL, "what was found" },
	{ "rule", AT(rule), FP_F_STR, NULL, "the rule that refuses" },
	{ "detail", AT(detail), FP_F_STR, NULL, "what it means" },
};
#undef AT
const struct fp_type fp_verb_condition_type = {
	"condition", condition_fields,
	sizeof(condition_fields) / sizeof(*condition_fields)
};

struct fp_verb_condition fp_verb_condition(const struct fp_condition *c)
{
	static const char *const states[] = { [FP_COND_OK] = "ok",
					      [FP_COND_WARN] = "warn",
					      [FP_COND_REFUSE] = "refuse" };

	return (struct fp_verb_condition){ .node = c->node,
					   .name = c->name,
					   .state = states[c->state],
					   .value = c->value,
					   .rule = c->rule,
					   .detail = c->detail };
}

void fp_verb_condition_say(const struct fp_condition *c)
{
	bool has = c->detail && *c->detail;

	fp_log(c->state == FP_COND_OK ? FP_LOG_INFO : FP_LOG_WARN,
	       "%s: %s: %s%s%s", c->node, c->name, c->value, has ? ": " : "",
	       has ? c->detail : "");
}
