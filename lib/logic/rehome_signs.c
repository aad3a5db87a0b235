/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/rehome_signs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- what a report says */

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* "TAG <sip1.0>, cluster 1, became active due to MI command" */
static void read_tag(const char *text, struct fp_report *out)
{
	char state[8] = "";
	int at = 0;

	if (sscanf(text, "TAG <%63[^>]>, cluster %9" SCNu32 ", became %7s%n",
		   out->tag, &out->cluster, state, &at) != 3)
		return;
	if (!strcmp(state, "active"))
		out->kind = FP_REPORT_ACTIVE;
	if (strcmp(state, "backup"))
		return;
	out->kind = FP_REPORT_BACKUP;
	sscanf(text + at, " due to cluster broadcast from %9" SCNu32,
	       &out->node);
}

/* "Node [1], cluster [1] is UP" */
static void read_node(const char *text, struct fp_report *out)
{
	char state[8] = "";

	if (sscanf(text, "Node [%9" SCNu32 "], cluster [%9" SCNu32 "] is %7s",
		   &out->node, &out->cluster, state) == 3)
		out->kind = strcmp(state, "UP") ? FP_REPORT_NODE_DOWN
						: FP_REPORT_NODE_UP;
}

static void read_sync(const char *text, struct fp_report *out)
{
	if (sscanf(text, "Sync completed, received [%9" SCNd64 "]",
		   &out->chunks) == 1)
		out->kind = FP_REPORT_COMPLETED;
	else if (sscanf(text, "Sync requested from node [%9" SCNu32 "]",
			&out->node) == 1)
		out->kind = FP_REPORT_REQUESTED;
	else if (sscanf(text, "Sync started from node [%9" SCNu32 "]",
			&out->node) == 1)
		out->kind = FP_REPORT_STARTED;
	else if (begins(text, "Sync request postponed"))
		out->kind = FP_REPORT_POSTPONED;
	else if (begins(text, "Sync timed out"))
		out->kind = FP_REPORT_TIMED_OUT;
	else if (begins(text, "ERROR: Sync request aborted"))
		out->kind = FP_REPORT_FALLBACK;
	else if (begins(text, "Capability disabled"))
		out->kind = FP_REPORT_DISABLED;
}

void fp_report_read(const char *text, struct fp_report *out)
{
	*out = (struct fp_report){ .kind = FP_REPORT_OTHER };
	if (begins(text, "TAG <"))
		read_tag(text, out);
	else if (begins(text, "Node ["))
		read_node(text, out);
	else
		read_sync(text, out);
}

/* ---- a tag */

void fp_tag_signs_init(struct fp_tag_signs *s, const char *tag)
{
	*s = (struct fp_tag_signs){ .is_told = false };
	snprintf(s->tag, sizeof(s->tag), "%s", tag);
}

void fp_tag_signs_add(struct fp_tag_signs *s, const struct fp_report *r)
{
	if ((r->kind != FP_REPORT_ACTIVE && r->kind != FP_REPORT_BACKUP) ||
	    strcmp(r->tag, s->tag))
		return;
	if (!s->is_told)
		s->was_configured = r->kind == FP_REPORT_BACKUP;
	s->is_told = true;
}

bool fp_tag_signs_end(const struct fp_tag_signs *s, bool is_active, unsigned n)
{
	if (n >= FP_REPORTS_KEPT)
		return false;
	return s->is_told ? s->was_configured : is_active;
}

/* ---- syncs */

#define AFTER_S 3   /* a sync that a node's coming made begins at once */
#define SURE_S 5    /* when none has by now, none will */
#define OVERLAP_S 2 /* reports have whole seconds */

void fp_sync_signs_init(struct fp_sync_signs *s)
{
	*s = (struct fp_sync_signs){ .chunks = -1, .auto_sync = -1 };
}

static void calm_begins(struct fp_sync_signs *s, int64_t at_s)
{
	if (s->n_calm == FP_SYNC_BEGINS)
		memmove(s->calm, s->calm + 1,
			sizeof(s->calm) - sizeof(*s->calm));
	else
		s->n_calm++;
	s->calm[s->n_calm - 1].from_s = at_s;
	s->calm[s->n_calm - 1].to_s = 0;
	s->is_pending = false;
}

static void calm_ends(struct fp_sync_signs *s, int64_t at_s)
{
	if (s->n_calm && !s->calm[s->n_calm - 1].to_s)
		s->calm[s->n_calm - 1].to_s = at_s;
	s->is_pending = true;
}

static void sync_begins(struct fp_sync_signs *s, int64_t at_s)
{
	if (s->n_begins == FP_SYNC_BEGINS)
		memmove(s->begin_s, s->begin_s + 1,
			sizeof(s->begin_s) - sizeof(*s->begin_s));
	else
		s->n_begins++;
	s->begin_s[s->n_begins - 1] = at_s;
}

static void sync_ends(struct fp_sync_signs *s, int64_t at_s, int64_t chunks)
{
	s->synced_s = at_s;
	s->chunks = chunks;
	s->is_fallback = chunks < 0;
	calm_begins(s, at_s);
}

void fp_sync_signs_sync(struct fp_sync_signs *s, int64_t at_s,
			const struct fp_report *r)
{
	switch (r->kind) {
	case FP_REPORT_REQUESTED:
		sync_begins(s, at_s);
		if (at_s > s->synced_s + OVERLAP_S)
			calm_ends(s, at_s);
		break;
	case FP_REPORT_POSTPONED:
	case FP_REPORT_STARTED:
		sync_begins(s, at_s);
		calm_ends(s, at_s);
		break;
	case FP_REPORT_COMPLETED:
		sync_ends(s, at_s, r->chunks);
		break;
	case FP_REPORT_FALLBACK:
		sync_ends(s, at_s, -1);
		break;
	case FP_REPORT_TIMED_OUT:
	case FP_REPORT_DISABLED:
		calm_ends(s, at_s);
		s->is_pending = false;
		break;
	default:
		break;
	}
}

static bool was_calm(const struct fp_sync_signs *s, int64_t at_s)
{
	for (unsigned int i = 0; i < s->n_calm; i++)
		if (s->calm[i].from_s + OVERLAP_S <= at_s &&
		    (!s->calm[i].to_s || at_s <= s->calm[i].to_s))
			return true;
	return false;
}

static bool has_followed(const struct fp_sync_signs *s, int64_t at_s)
{
	for (unsigned int i = 0; i < s->n_begins; i++)
		if (s->begin_s[i] >= at_s && s->begin_s[i] <= at_s + AFTER_S)
			return true;
	return false;
}

void fp_sync_signs_node(struct fp_sync_signs *s, int64_t at_s, int64_t now_s,
			const struct fp_report *r)
{
	if (r->kind != FP_REPORT_NODE_UP || !was_calm(s, at_s))
		return;
	if (has_followed(s, at_s))
		s->auto_sync = 1;
	else if (now_s >= at_s + SURE_S)
		s->auto_sync = 0;
}
