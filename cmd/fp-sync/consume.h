/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_CONSUME_H
#define FP_CMD_CONSUME_H

#include "broker.h"
#include "control/bans.h"
#include "io/loop.h"
#include "node/feed.h"
#include "sync.h"

/* What the files of fp-sync consume share: consume.c follows the broker,
 * consume_batch.c does what messages say, consume_say.c tells people. */

/* A message that was not acknowledged yet. */
struct fs_message {
	struct fp_amqp_message *m;
	struct fp_event_body ev; /* n 0: it is bad */
	char bad[512];           /* why */
	bool is_rejected;        /* by itself, not with those around it */
	struct fs_message *next;
};

struct fs_tally {
	uint64_t messages, dead; /* done with; of these in the dead exchange */
	uint64_t bans[FP_BAN_ACTIONS];
};

struct fs_consume {
	struct fp_cli *c;
	struct fp_loop *loop;
	struct fp_timer tick, retry, again;
	/* the broker */
	struct fp_amqp_url url;
	struct fp_amqp_opts opts;
	struct fp_amqp_queue queue;
	char queue_name[FP_AMQP_NAME_SIZE];
	struct fp_amqp *amqp;
	int fd; /* of amqp, in the loop */
	bool was_up;
	int n_failed; /* attempts to connect since it was up */
	/* messages, oldest first */
	struct fs_message *first, **last;
	size_t n_waiting;
	/* where bans go: this node, or by --push all nodes */
	bool is_push;
	const char *list;
	struct fp_feed feed;
	struct fp_bans bans;
	struct fp_ban_rate rate;
	int64_t pause_ms;  /* after the last failure to apply; 0: none */
	int64_t copies_ms; /* the broker takes no copies until then */
	/* what was said */
	struct fs_tally tally;
	uint64_t n_noted;  /* refused since the last line about them */
	char note[512];    /* about one of them */
	uint64_t n_unsaid; /* changes that syslog was not told of one by one */
	struct fp_ban_rate syslog;
	int64_t note_due_ms, watchdog_ms, watchdog_due_ms;
	char status[512]; /* as systemd knows it */
	bool is_unforced_said;
	int exit;
};

/* ---- consume_batch.c */

/* Take a message over; it waits for its batch.  0; -ENOMEM. */
int fs_batch_add(struct fs_consume *s, struct fp_amqp_message *m,
		 struct fp_err *e);
/* Do what waits, as far as the rate allows, and acknowledge it.
 * 0: *again_ms from now there may be more to do; -1: when messages come.
 * -errno: the broker's; everything waits to be delivered again. */
int fs_batch_run(struct fs_consume *s, int64_t *again_ms, struct fp_err *e);
/* Forget what waits: it was not acknowledged. */
void fs_batch_drop(struct fs_consume *s);

/* ---- consume_say.c */

/* 0; -EINVAL: -o names a field that records do not have. */
int fs_say_check(struct fs_consume *s, struct fp_err *e);
/* What became of a ban of m. */
void fs_say_ban(struct fs_consume *s, const struct fp_amqp_message *m,
		const struct fp_ban_said *x);
void fs_say_bad(struct fs_consume *s, const struct fs_message *x);
/* Each second: what was held back, and the watchdog. */
void fs_say_tick(struct fs_consume *s);
/* For systemctl status. */
void fs_say_status(struct fs_consume *s, const char *what);
void fs_say_end(struct fs_consume *s);

#endif
