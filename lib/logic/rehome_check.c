/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/rehome_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "logic/rehome_check_priv.h"

#define RESTARTED_S 60 /* younger: it may have come back just now */
#define DIGEST_SHORT 12

void fp_check_say(struct fp_check *c, const char *name,
		  enum fp_check_state state, const char *rule, const char *fmt,
		  ...)
{
	va_list ap;

	*c = (struct fp_check){ .name = name,
				.state = state,
				.rule = state == FP_CHECK_REFUSE ? rule : "" };
	va_start(ap, fmt);
	vsnprintf(c->value, sizeof(c->value), fmt, ap);
	va_end(ap);
}

void fp_check_detail(struct fp_check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
	va_end(ap);
}

#define SAY(C, STATE, RULE, ...)                                               \
	fp_check_say(C, NAME, FP_CHECK_##STATE, RULE, __VA_ARGS__)

/* ---- is it fit? */

#define NAME "capability"
void fp_check_capability(struct fp_check *out,
			 const struct fp_check_capability *f)
{
	if (!f->has) {
		SAY(out, REFUSE, "in-sync", "none");
		fp_check_detail(out, "it does not replicate dialogs "
				     "(dialog_replication_cluster)");
	} else if (!f->is_ok || !f->is_enabled) {
		SAY(out, REFUSE, "in-sync", "%s",
		    f->is_enabled ? "not synced" : "disabled");
		fp_check_detail(out, "it is not Ok before its first sync is "
				     "over, about 6 s after a start");
	} else if (f->is_sync_pending) {
		SAY(out, REFUSE, "in-sync", "a sync goes on");
	} else if (f->is_fallback && f->peer_dialogs > 0) {
		SAY(out, WARN, "", "Ok, of no donor");
		fp_check_detail(out, "it found none in due time, and calls "
				     "itself synced: what counts are its "
				     "dialogs");
	} else if (!f->chunks && f->peer_dialogs > 0) {
		SAY(out, WARN, "", "Ok, 0 chunks");
		fp_check_detail(out, "its last sync was of an empty donor: "
				     "what counts are its dialogs");
	} else {
		SAY(out, OK, "", "Ok");
	}
}
#undef NAME

#define NAME "version"
void fp_check_version(struct fp_check *out, const char *version,
		      const char *node, const char *other, bool is_source)
{
	if (!other || !*other || !version || !*version) {
		SAY(out, OK, "", "%s",
		    version && *version ? version : "not known");
	} else if (!strcmp(version, other)) {
		SAY(out, OK, "", "%s", version);
		fp_check_detail(out, "as %s", node);
	} else {
		fp_check_say(out, NAME,
			     is_source ? FP_CHECK_REFUSE : FP_CHECK_WARN,
			     "version", "%s", version);
		fp_check_detail(out, "%s has %s", node, other);
	}
}
#undef NAME

#define NAME "uptime"
void fp_check_uptime(struct fp_check *out, int64_t up_s)
{
	if (up_s < 0) {
		SAY(out, OK, "", "not known");
		return;
	}
	fp_check_say(out, NAME,
		     up_s < RESTARTED_S ? FP_CHECK_WARN : FP_CHECK_OK, "",
		     "%llds", (long long)up_s);
	if (up_s < RESTARTED_S)
		fp_check_detail(out, "it was started just now");
}
#undef NAME

#define NAME "maintenance"
void fp_check_maintenance(struct fp_check *out, const char *why, const char *by)
{
	if (!why) {
		SAY(out, OK, "", "no");
		return;
	}
	SAY(out, REFUSE, "maintenance", "yes");
	fp_check_detail(out, "%s (by %s)", *why ? why : "no reason given",
			by && *by ? by : "nobody that is known");
}
#undef NAME

#define NAME "mi"
void fp_check_transport(struct fp_check *out, bool is_http, const char *what)
{
	if (!is_http) {
		SAY(out, OK, "", "%s", what);
		return;
	}
	/* mi_http asks for an asynchronous result every 500 ms in its one
	 * process.  Source: facts/opensips.md "ONE PAGE" 4. */
	SAY(out, WARN, "", "%s", what);
	fp_check_detail(out, "over HTTP OpenSIPS moves 2 calls a second: give "
			     "it mi_datagram or mi_fifo, and fp_mi udp:, "
			     "unix: or fifo:");
}
#undef NAME

#define NAME "policy"
void fp_check_policy(struct fp_check *out, const struct fp_check_policy *f)
{
	enum fp_check_state bad =
		f->is_failover ? FP_CHECK_WARN : FP_CHECK_REFUSE;

	if (!f->is_known) {
		fp_check_say(out, NAME, bad, "policy", "not known");
		fp_check_detail(out, "%s", f->why);
		return;
	}
	fp_check_say(out, NAME, f->is_in_step ? FP_CHECK_OK : bad, "policy",
		     "%.*s", DIGEST_SHORT, f->digest);
	if (!f->is_in_step)
		fp_check_detail(out, "%s%sfp-sync push", f->why,
				*f->why ? ": " : "");
}
#undef NAME

/* ---- tags */

#define NAME "tag"
static bool tag_is_lacking(struct fp_check *out, const struct fp_check_tag *f)
{
	static const char advice[] =
		"OpenSIPS would make it, on one node: sharing_tag stands in "
		"the configuration of each";

	if (!f->is_known)
		SAY(out, REFUSE, "tag", "%s: no node knows it", f->tag);
	else if (!f->is_known_there)
		SAY(out, REFUSE, "tag", "%s: %s does not know it", f->tag,
		    f->to);
	else
		return false;
	fp_check_detail(out, "%s", advice);
	return true;
}

void fp_check_tag(struct fp_check *out, const struct fp_check_tag *f)
{
	if (tag_is_lacking(out, f))
		return;
	if (f->other) {
		SAY(out, REFUSE, "split", "%s: active on %s and on %s", f->tag,
		    f->owner, f->other);
		fp_check_detail(out, "make it active once more where it "
				     "belongs, when the link is Up");
	} else if (!f->owner) {
		fp_check_say(out, NAME,
			     f->is_failover ? FP_CHECK_OK : FP_CHECK_WARN, "",
			     "%s: active on nobody that answers", f->tag);
	} else if (f->is_to) {
		SAY(out, OK, "", "%s: active on %s already", f->tag, f->owner);
	} else if (f->is_from && !f->is_failover) {
		SAY(out, OK, "", "%s: active on %s", f->tag, f->owner);
	} else {
		SAY(out, REFUSE, "active", "%s: active on %s", f->tag,
		    f->owner);
		fp_check_detail(out, "%s answers, and owns its calls",
				f->owner);
	}
}
#undef NAME

/* ---- links, and the one that is dead */

static bool is_direct(const struct fp_check_link *f)
{
	return !f->next_hop || f->next_hop == f->node_id;
}

static void link_value(struct fp_check *out, enum fp_check_state state,
		       const char *rule, const struct fp_check_link *f)
{
	char via[40] = "";

	if (!is_direct(f))
		snprintf(via, sizeof(via), " by way of node %u", f->next_hop);
	fp_check_say(out, "link", state, rule, "%s to %s%s",
		     *f->state ? f->state : "none", f->to, via);
}

void fp_check_link(struct fp_check *out, const struct fp_check_link *f,
		   bool is_needed)
{
	bool is_up = !strcmp(f->state, "Up") && is_direct(f);

	link_value(out,
		   is_up       ? FP_CHECK_OK
		   : is_needed ? FP_CHECK_REFUSE
			       : FP_CHECK_WARN,
		   "link", f);
	if (!is_up && !*f->state)
		fp_check_detail(out, "it knows no such node: "
				     "neighbor_node_info");
	else if (!is_up && f->next_hop)
		fp_check_detail(out, "what it is told dies with the node in "
				     "between");
}

void fp_check_link_dead(struct fp_check *out, const struct fp_check_link *f,
			bool is_fenced)
{
	bool is_up = !strcmp(f->state, "Up") ||
		     (!strcmp(f->state, "Probe") && f->next_hop);

	link_value(out,
		   is_up && !is_fenced                       ? FP_CHECK_REFUSE
		   : !strcmp(f->state, "Down") || !*f->state ? FP_CHECK_OK
							     : FP_CHECK_WARN,
		   "alive", f);
	if (is_up && is_fenced)
		fp_check_detail(out, "this node can still reach it: "
				     "the fence command decides");
	else if (is_up)
		fp_check_detail(out, "this node can still reach it: is it "
				     "dead?");
	else if (out->state == FP_CHECK_WARN)
		fp_check_detail(out, "not Down yet");
}

bool fp_check_link_wait(const struct fp_check_link *f)
{
	return !strcmp(f->state, "Up") || !strcmp(f->state, "Probe");
}

#define NAME "alive"
void fp_check_alive(struct fp_check *out, const struct fp_check_alive *f)
{
	if (f->is_mi || f->is_sip) {
		SAY(out, REFUSE, "alive", "%s",
		    f->is_mi && f->is_sip ? "MI and SIP answer"
		    : f->is_mi            ? "MI answers"
					  : "SIP answers");
		fp_check_detail(out, "%s",
				f->is_sip && f->sip
					? f->sip
					: "a node that lives is drained");
	} else if (!f->sip) {
		SAY(out, WARN, "", "MI is silent");
		fp_check_detail(out, "%s; SIP was not asked: it has no fp_sip",
				f->mi);
	} else {
		SAY(out, OK, "", "MI and SIP are silent");
		fp_check_detail(out, "%s; %s", f->mi, f->sip);
	}
}
#undef NAME

/* ---- what MI does not show */

#define NAME "active-tag"
void fp_check_active_tag(struct fp_check *out, const char *tag,
			 unsigned int line)
{
	if (!*tag) {
		SAY(out, OK, "", "none");
		return;
	}
	if (line)
		SAY(out, WARN, "", "%s, line %u", tag, line);
	else
		SAY(out, WARN, "", "%s", tag);
	fp_check_detail(out, "=active in its configuration: a restart steals "
			     "or orphans tags that have moved; =backup, and "
			     "fp-rehome activate");
}
#undef NAME

#define NAME "auto-sync"
void fp_check_auto_sync(struct fp_check *out, int auto_sync, bool is_cfg)
{
	if (!auto_sync) {
		SAY(out, OK, "", "off");
		return;
	}
	SAY(out, WARN, "", "%s", auto_sync > 0 ? "on" : "not known");
	if (auto_sync > 0)
		fp_check_detail(out, "when a node comes back empty, the others "
				     "copy that: modparam(\"dialog\", "
				     "\"cluster_auto_sync\", 0)");
	else
		fp_check_detail(
			out, "%s",
			is_cfg ? "an included file may set cluster_auto_sync"
			       : "on loses calls one day: --config FILE tells");
}
#undef NAME

#define NAME "topology-hiding"
void fp_check_topology(struct fp_check *out, int has, bool is_cfg)
{
	fp_check_say(out, NAME, has > 0 ? FP_CHECK_OK : FP_CHECK_WARN, "", "%s",
		     has > 0 ? "yes"
		     : has   ? "not known"
			     : "no");
	if (!has)
		fp_check_detail(out, "without topology_hiding() a re-INVITE "
				     "changes no Contact: calls do not move");
	else if (has < 0)
		fp_check_detail(out,
				"without it a move that is told as one "
				"moves nothing: %s",
				is_cfg ? "an included file may call it"
				       : "preflight --config FILE tells");
}
#undef NAME
