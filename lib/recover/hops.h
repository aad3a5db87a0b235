/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_HOPS_H
#define FP_RECOVER_HOPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/endpoint.h"
#include "codec/fsrow.h"
#include "logic/dialogs.h"
#include "logic/health_view.h"
#include "model/inventory.h"

/* OpenSIPS in front: a row names the one that its call came by, and goes on doing so
 * when another has taken over.  Where that one is dead, a living one that has the dialog
 * stands for it.  One that answers is never replaced. */

struct fp_hop_edge {
	const struct fp_host *host;
	bool is_there;                       /* it answers, by MI or by SIP */
	const struct fp_view_opensips *view; /* NULL: its MI is silent */
	/* of its listing; NULL: it was not listed, or could not be */
	const struct fp_dialogs *dialogs;
};

#define FP_HOP_ENDPOINTS 8 /* of fp_sip; what is behind them is not looked at */
struct fp_hops_edge {
	struct fp_hop_edge o;
	struct fp_endpoint at[FP_HOP_ENDPOINTS];
	size_t n_at;
};
struct fp_hops {
	struct fp_hops_edge *v;
	size_t n;
	bool is_listed; /* dialogs were asked for */
	/* rule edge is lifted: a living one gets what none has */
	bool is_lifted;
};
/* Where they take SIP: fp_sip, else 5060 of the node's address.  0: fp_hops_fini.
 * -ENOMEM. */
int fp_hops_init(struct fp_hops *out, const struct fp_hop_edge *v, size_t n);
void fp_hops_fini(struct fp_hops *h);

enum fp_hop_state {
	FP_HOP_AS_IS,   /* it names none, or one that answers */
	FP_HOP_OTHER,   /* `to` stands for `dead` */
	FP_HOP_NOWHERE, /* those that answer do not have its dialog */
	FP_HOP_UNKNOWN, /* none answers: it stays */
};
struct fp_hop {
	const struct fp_hops_edge *dead, *to; /* to: of OTHER */
	/* of OTHER; texts are dead's and to's */
	struct fp_fsrow_hop pair[FP_HOP_ENDPOINTS];
	size_t n;
};
/* Whoever owns the dialog's tag is first, then who has it, then who may: dialogs that
 * could not be listed, an OpenSIPS without the module.  A row that names the edge
 * beside its R-URI alone (Record-Route) needs no dialog there. */
enum fp_hop_state fp_hop_of(const struct fp_hops *h, const struct fp_fsrow *row,
			    struct fp_hop *out);

#endif
