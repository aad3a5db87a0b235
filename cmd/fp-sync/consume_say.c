/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/notify.h"
#include "consume.h"
#include "io/clock.h"

#define NOTE_MS 60000

struct rec {
	char prefix[FP_PREFIX_STRLEN];
	const char *action;
	int64_t until_s;
	const char *why, *by, *source, *note;
};

#define FIELD(NAME, MEMBER, KIND, HELP)                                        \
	{                                                                      \
		NAME, offsetof(struct rec, MEMBER), KIND, NULL, HELP           \
	}
static const struct fp_field fields[] = {
	FIELD("prefix", prefix, FP_F_TEXT, "address, or an IPv6 /64"),
	FIELD("action", action, FP_F_STR,
	      "added, extended, lifted, kept, refused or expired"),
	FIELD("until", until_s, FP_F_TIME, "end"),
	FIELD("why", why, FP_F_STR, "reason"),
	FIELD("by", by, FP_F_STR, "whose word it is"),
	FIELD("source", source, FP_F_STR, "exchange that it came by"),
	FIELD("note", note, FP_F_STR, "why it was refused or kept"),
};
static const struct fp_type type = { "ban", fields, FS_COUNT(fields) };

int fs_say_check(struct fs_consume *s, struct fp_err *e)
{
	return fp_out_check(s->c->out, &type, e);
}

static void record(struct fs_consume *s, const struct fp_amqp_message *m,
		   const struct fp_ban_said *x)
{
	struct rec rec = { .action = fp_ban_action_name(x->action),
			   .until_s = x->ban.until_s,
			   .why = x->said->why,
			   .by = x->by,
			   .source = m->exchange,
			   .note = x->note.text };
	bool is_in_force = x->action < FP_BAN_REFUSED;

	if (!is_in_force)
		rec.until_s = 0;
	fp_prefix_print(is_in_force ? &x->ban.p : &x->said->p, rec.prefix);
	fp_out_record(s->c->out, &type, &rec, NULL);
}

/* A flood must not fill the log: what is more than so many a second is one line
 * about all of them. */
static void change(struct fs_consume *s, const struct fp_ban_said *x)
{
	char prefix[FP_PREFIX_STRLEN];

	if (fp_ban_rate_wait_ms(&s->syslog, fp_clock_ms())) {
		s->n_unsaid++;
		return;
	}
	fp_ban_rate_take(&s->syslog, 1);
	fp_prefix_print(&x->ban.p, prefix);
	fp_log_change(*x->said->why ? x->said->why : NULL,
		      "consume: %s %s on list %s by %s",
		      fp_ban_action_name(x->action), prefix, s->list, x->by);
}

void fs_say_ban(struct fs_consume *s, const struct fp_amqp_message *m,
		const struct fp_ban_said *x)
{
	s->tally.bans[x->action]++;
	if (s->c->is_json || s->c->verbose)
		record(s, m, x);
	if (x->action <= FP_BAN_LIFTED)
		change(s, x);
	if (x->action == FP_BAN_REFUSED) {
		s->n_noted++;
		snprintf(s->note, sizeof(s->note), "%s", x->note.text);
	}
}

void fs_say_bad(struct fs_consume *s, const struct fs_message *x)
{
	s->n_noted++;
	snprintf(s->note, sizeof(s->note),
		 "a message of exchange %s is not understood: %s",
		 *x->m->exchange ? x->m->exchange : "\"\"", x->bad);
}

static void notes(struct fs_consume *s)
{
	if (s->n_noted == 1)
		fp_log(FP_LOG_WARN, "refused: %s", s->note);
	else if (s->n_noted)
		fp_log(FP_LOG_WARN, "%llu refused, the last: %s",
		       (unsigned long long)s->n_noted, s->note);
	s->n_noted = 0;
}

static void unsaid(struct fs_consume *s)
{
	if (s->n_unsaid)
		fp_log_change(NULL, "consume: %llu more changes on list %s",
			      (unsigned long long)s->n_unsaid, s->list);
	s->n_unsaid = 0;
}

/* Bans that do nothing yet: why, or NULL. */
static const char *unforced(const struct fs_consume *s)
{
	if (!s->tally.bans[FP_BAN_ADDED])
		return NULL;
	if (s->is_push)
		return s->bans.is_handed
			       ? NULL
			       : "bans are saved here, but no push --stay runs: nodes hear of them from the next push";
	return s->feed.is_in_force
		       ? NULL
		       : "bans are saved, but NOT in force: no NIC has the filter (fp-load attach IF)";
}

static void in_force(struct fs_consume *s)
{
	const char *text = unforced(s);

	if (text && !s->is_unforced_said)
		fp_log(FP_LOG_WARN, "%s", text);
	s->is_unforced_said = text;
}

void fs_say_tick(struct fs_consume *s)
{
	int64_t now_ms = fp_clock_ms();

	unsaid(s);
	in_force(s);
	/* the first at once, then at most one a minute */
	if (s->n_noted && now_ms >= s->note_due_ms) {
		notes(s);
		s->note_due_ms = now_ms + NOTE_MS;
	}
	if (s->watchdog_ms && now_ms >= s->watchdog_due_ms) {
		fp_notify("WATCHDOG=1");
		s->watchdog_due_ms = now_ms + s->watchdog_ms;
	}
}

void fs_say_status(struct fs_consume *s, const char *what)
{
	char text[sizeof(s->status)];

	snprintf(text, sizeof(text), "%s; %llu messages, %llu bans", what,
		 (unsigned long long)s->tally.messages,
		 (unsigned long long)s->tally.bans[FP_BAN_ADDED] +
			 s->tally.bans[FP_BAN_EXTENDED]);
	if (!strcmp(text, s->status))
		return;
	strcpy(s->status, text);
	fp_notify("STATUS=%s", text);
}

void fs_say_end(struct fs_consume *s)
{
	const uint64_t *n = s->tally.bans;
	bool is_changed =
		n[FP_BAN_ADDED] || n[FP_BAN_EXTENDED] || n[FP_BAN_LIFTED];
	struct fp_buf json = { 0 };

	notes(s);
	unsaid(s);
	fp_buf_printf(&json, "\"messages\":%llu,\"dead\":%llu",
		      (unsigned long long)s->tally.messages,
		      (unsigned long long)s->tally.dead);
	for (int a = 0; a < FP_BAN_ACTIONS; a++)
		fp_buf_printf(&json, ",\"%s\":%llu",
			      fp_ban_action_name((enum fp_ban_action)a),
			      (unsigned long long)n[a]);
	fp_out_summary(s->c->out, is_changed, fp_buf_str(&json), NULL);
	fp_buf_fini(&json);
}
