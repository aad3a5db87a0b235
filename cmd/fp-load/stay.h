/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_STAY_H
#define FP_CMD_STAY_H

#include "attach.h"

/* attach --stay: the NICs it keeps. */

enum stay_state {
	STAY_NEW,     /* not looked at yet */
	STAY_WAITS,   /* there is no such NIC now */
	STAY_FILTERS, /* attached, by this process or before it */
	STAY_FAILED,  /* tried in vain: again at again_ms */
	STAY_LEFT, /* a person took the filter off, or it was not confirmed */
};

struct stay_nic {
	const char *name;      /* as on the command line */
	char pin[FP_IFNAME];   /* what its pins go by; "": never attached */
	char other[FP_IFNAME]; /* what it was renamed to; "": it was not */
	enum stay_state state;
	int ifindex;    /* of the NIC that pin is or was attached to */
	bool is_gone;   /* that one went away */
	bool is_off;    /* left alone because it was detached */
	uint32_t build; /* of the program on it */
	int64_t pause_ms, again_ms;
};

#define STAY_SAID 64

struct stay {
	struct fp_cli *c;
	struct fp_attach how;
	struct stay_nic *nics;
	int n_nics;
	/* hashes of what is wrong and was said: not twice */
	uint64_t said[STAY_SAID];
	unsigned int n_said;
	bool is_partial; /* something is not in force as lists and settings say */
	int n_attached; /* changes made */
	bool is_mute;   /* records go nowhere, which was said */
	int end;        /* not 0: the exit status to end with */
};

/* One line on standard error, unless it was said since the last stay_well. */
void stay_say(struct stay *s, const char *text);
/* All is well: what goes wrong from here on is news. */
void stay_well(struct stay *s);

/* Open the filter under the lock; notices are said once. */
int stay_open(struct stay *s, enum fl_open how, struct fp_filter *f,
	      struct fp_err *e);

/* Attach a NIC for the first time in this process.  0; -errno. */
int stay_first(struct stay *s, struct stay_nic *n, struct fp_filter *f);

/* See what became of a NIC, without the lock, and attach it again when it came
 * back.  f: of fp_filter_open_look.  is_news: a failed one is tried now, not
 * when its pause is over. */
void stay_look(struct stay *s, struct stay_nic *n, struct fp_filter *f,
	       bool is_news);

#endif
