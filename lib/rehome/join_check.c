/* SPDX-License-Identifier: Apache-2.0 */
/* What a join's findings mean. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "logic/rehome_check_priv.h"
#include "rehome/join.h"

/* A call that was answered this long before the sync could have come with it:
 * clocks of nodes differ. */
#define OLDER_S 5

static void explain(struct fp_check *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void explain(struct fp_check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
	va_end(ap);
}

void fp_check_join_dialogs(struct fp_check *out, const struct fp_join_diff *d)
{
	bool lacks = d->lacking.n;

	fp_check_say(out, "dialogs", lacks ? FP_CHECK_REFUSE : FP_CHECK_OK,
		     "in-sync", "%zu of %zu", d->n, d->n_most);
	if (lacks)
		explain(out,
			"it lacks %zu, twice 1 s apart; the first is "
			"%.100s, which %.60s has%s",
			d->lacking.n, d->lacking.v[0], d->lacking_at,
			d->n_own ? "; its own tags' a sync passes over "
				   "while they are active here: move "
				   "them to that node first"
				 : ": --sync");
}

void fp_check_join_zombies(struct fp_check *out, const struct fp_join_diff *d)
{
	fp_check_say(out, "zombies",
		     d->zombies.n || d->n_elsewhere ? FP_CHECK_WARN
						    : FP_CHECK_OK,
		     "", "%zu", d->zombies.n);
	if (d->zombies.n)
		explain(out,
			"they have ended and it was not told, as "
			"during a sync: they stay until their timeout; "
			"the first is %.100s",
			d->zombies.v[0]);
	else if (d->n_elsewhere)
		explain(out,
			"other nodes have %zu that their owners have "
			"not",
			d->n_elsewhere);
}

void fp_check_join_lost(struct fp_check *out, const struct fp_join_diff *d)
{
	fp_check_say(out, "lost", FP_CHECK_WARN, "", "%zu calls", d->n_lost);
	explain(out,
		"it owns their tags, was started later than they, "
		"and does not have them: fp-rehome join %.60s",
		d->lost_by);
}

void fp_check_join_sdp(struct fp_check *out, const struct fp_join_diff *d)
{
	fp_check_say(out, "sdp", d->n_stale ? FP_CHECK_WARN : FP_CHECK_OK, "",
		     "%zu differ", d->n_stale);
	if (d->n_stale)
		explain(out, "it has the SDP of their set-up, the owner a "
			     "later one: an ACK that touches $DLG_timeout "
			     "tells all nodes; a planned move refreshes it");
}

void fp_check_join_sync(struct fp_check *out, const struct fp_check_sync *f)
{
	bool is_empty = f->chunks <= 0 && f->synced_s && f->oldest_s &&
			f->oldest_s + OLDER_S < f->synced_s;

	if (f->is_pending) {
		fp_check_say(out, "sync", FP_CHECK_REFUSE, "in-sync",
			     "under way");
	} else if (is_empty) {
		fp_check_say(out, "sync", FP_CHECK_REFUSE, "in-sync", "%s",
			     f->is_fallback ? "none: no donor" : "0 chunks");
		explain(out, "calls that were up before it did not come "
			     "with it: the donor was empty; --sync");
	} else if (!f->synced_s) {
		fp_check_say(out, "sync", FP_CHECK_WARN, "", "not told");
		explain(out, "its reports go no further back");
	} else if (f->is_fallback) {
		fp_check_say(out, "sync", FP_CHECK_OK, "", "none: no donor");
		explain(out, "it was the first");
	} else {
		fp_check_say(out, "sync", FP_CHECK_OK, "", "%" PRId64 " chunks",
			     f->chunks);
	}
}

void fp_check_join_tags(struct fp_check *out, const struct fp_check_tags *f)
{
	if (*f->split) {
		fp_check_say(out, "tags", FP_CHECK_REFUSE, "split",
			     "%s active twice", f->split);
		explain(out,
			"%s has it active too%s: whoever activates it "
			"again ends that (clusterer_shtag_set_active "
			"at its owner)",
			f->other,
			*f->configured ? ", and here its configuration "
					 "says =active"
				       : "");
	} else if (*f->configured) {
		fp_check_say(out, "tags", FP_CHECK_REFUSE, "active",
			     "%s active", f->configured);
		explain(out, "nobody's command made it so: =active in "
			     "the configuration steals or orphans tags "
			     "that have moved, and drops their dialogs "
			     "in a sync; =backup, and restart");
	} else if (!f->n) {
		fp_check_say(out, "tags", FP_CHECK_WARN, "", "none");
		explain(out, "it knows no sharing tag: nothing can be "
			     "given to it");
	} else {
		fp_check_say(out, "tags", FP_CHECK_OK, "",
			     "%zu backup, %zu active", f->n - f->n_active,
			     f->n_active);
	}
}
