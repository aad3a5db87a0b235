/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_SWITCHES_PRIV_H
#define FP_RECOVER_SWITCHES_PRIV_H

#include "health/esl_state.h"
#include "recover/switches.h"

/* The questions of a reading: those of health, configurations, sofia status.  They are
 * answered in order: sofia status, which adds to what sofia.conf said, goes last. */
enum switch_question {
	SWITCH_Q_CONF = FP_ESL_QUESTIONS,
	SWITCH_Q_CONFS_END = SWITCH_Q_CONF + 5,
	SWITCH_Q_SOFIA = SWITCH_Q_CONFS_END,
	SWITCH_QUESTIONS,
};
/* A part of its own: which run it is, and nothing else. */
#define SWITCH_RUN (1u << 16)

struct switch_link;
struct switch_answer {
	struct switch_link *l;
	int q;
};
/* A command that was sent and not answered. */
struct switch_ask {
	struct switch_link *l;
	struct switch_ask *next;
	void (*done)(void *ctx, int code, const char *body,
		     const struct fp_err *e); /* NULL: nobody waits */
	void *ctx;
	char job[40]; /* of bgapi, once it is known */
	struct fp_timer timer;
	int64_t until_ms;
};
/* A reading of one or of all. */
struct switch_reading {
	struct fp_loop *loop;
	unsigned int parts;
	size_t n_left;
	bool is_done;
	struct fp_timer end;
	struct fp_switches *all;
};
/* A switch's connection: x->priv. */
struct switch_link {
	struct fp_switch *x;
	struct fp_endpoint to;
	struct fp_lookup *lookup;
	bool is_open;    /* authenticated */
	bool is_hearing; /* BACKGROUND_JOB was asked for */
	char *events;    /* of fp_switch_events */
	struct switch_ask *asks;
	/* of the reading under way; NULL: none */
	struct switch_reading *reading;
	int n_waiting, n_stale; /* stale: answers that nobody reads any more */
	struct switch_answer answers[SWITCH_QUESTIONS];
	int64_t asked_ms, asked_us;
	struct fp_esl_state state;
	struct fp_fsconf conf;
	int code; /* of it */
	struct fp_err err;
};

/* Begin to connect; what becomes of it is told by switch_reading_opened and
 * switch_reading_failed. */
void switch_link_open(struct switch_link *l);
/* The connection, and all that was asked on it, ends. */
void switch_link_close(struct switch_link *l, int code, const struct fp_err *e);

/* switches_read.c */
void switch_reading_opened(struct switch_link *l);
void switch_reading_failed(struct switch_link *l, int code,
			   const struct fp_err *e);
/* Ask parts of one (x) or of all (NULL), and wait. */
int switch_reading_run(struct fp_switches *s, struct fp_switch *x,
		       unsigned int parts, struct fp_err *e);

/* switches_conf.c: "api ..." of a question of the configuration, and its answer. */
const char *switch_conf_question(int q);
int switch_conf_take(struct switch_link *l, int q, const struct fp_esl_frame *f,
		     struct fp_err *e);
/* What was read is x's from now on. */
void switch_conf_done(struct switch_link *l, unsigned int parts);
void switch_conf_free(struct switch_link *l);

#endif
