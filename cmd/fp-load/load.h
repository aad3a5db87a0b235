/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_LOAD_H
#define FP_CMD_LOAD_H

/* What the verbs of fp-load share. */

#include <stddef.h>
#include <sys/types.h>

#include "cli/log.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "fp_maps.h"
#include "node/filter.h"
#include "node/rights.h"

int fl_attach(struct fp_cli *c);
int fl_detach(struct fp_cli *c);
int fl_confirm(struct fp_cli *c);
int fl_status(struct fp_cli *c);
int fl_set(struct fp_cli *c);
int fl_stats(struct fp_cli *c);
int fl_watch(struct fp_cli *c);
int fl_top(struct fp_cli *c);
int fl_upgrade(struct fp_cli *c);
int fl_test(struct fp_cli *c);

#define FL_COUNT(v) (sizeof(v) / sizeof(*(v)))
#define FL_FIELD(TYPE, NAME, KIND, UNIT, HELP)                                 \
	{                                                                      \
#NAME, offsetof(struct TYPE, NAME), KIND, UNIT, HELP           \
	}

/* fl_open and fl_maps give up at the start what the verb cannot use, and verbs
 * that only read the rest when all is open; a verb that opens more calls this
 * before it reads what strangers sent.  No capability is left then, or CAP_BPF on
 * kernels that ask for it. */
int fl_rest(const struct fp_cli *c, struct fp_err *e);
/* For who goes on opening and changing: what only helps with the first attach,
 * and with files that are read no more, is given up. */
int fl_narrow(const struct fp_cli *c, struct fp_err *e);
/* What those two do around their opening, for a verb that opens something else:
 * before, and with its result behind. */
int fl_begin(const struct fp_cli *c, struct fp_err *e);
int fl_opened(const struct fp_cli *c, int r, struct fp_err *e);

/* The filter as the command line says, to change it or to look at it (under
 * --dry-run a change only looks).  Notices go to stderr. */
enum fl_open {
	FL_LOOK,
	FL_CHANGE,
	FL_MAKE = FL_CHANGE | 2,    /* the pin directory, when it is missing */
	FL_UPGRADE = FL_CHANGE | 4, /* whatever the layout of the tables */
};
int fl_open(struct fp_cli *c, enum fl_open how, struct fp_filter *out,
	    struct fp_err *e);

/* The same with notices to who asks. */
int fl_open_notice(struct fp_cli *c, enum fl_open how,
		   void (*notice)(void *ctx, const char *text), void *ctx,
		   struct fp_filter *out, struct fp_err *e);

/* The maps alone, without the lock: for those who count and watch. */
int fl_maps(struct fp_cli *c, struct fp_maps **out, struct fp_err *e);
/* Which maps those are: they are taken away with the last NIC, or put elsewhere by
 * an upgrade, and what is made anew has another number.  0: there are none.  Ask
 * before they are opened. */
ino_t fl_maps_ino(const struct fp_cli *c);
#define FL_MAPS_GONE "the filter was taken away: waiting for it"
#define FL_MAPS_BACK "the filter is back"

/* A duration option: 0 with *ms set when it is given.  Otherwise the exit
 * status of wrong usage. */
int fl_duration(struct fp_cli *c, const char *option, int64_t *ms);

/* A word for a record: NULL for "-" or nothing. */
const char *fl_known(const char *word);

/* 0, or the exit status of the failed record. */
int fl_record(struct fp_cli *c, const struct fp_type *t, const void *rec);

/* One NIC after another: what became of them. */
struct fl_tally {
	int n_done, n_changed, n_failed;
	int code; /* exit status of the last failure */
};

/* Count one NIC; r and *e are what the change returned, and a failure goes to
 * stderr. */
void fl_tally_add(struct fp_cli *c, struct fl_tally *t, int r,
		  const struct fp_err *e, bool is_changed);
/* The summary and the exit status.  is_partial: something else went wrong. */
int fl_finish(struct fp_cli *c, const struct fl_tally *t, bool is_partial);

#endif
