/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_RECEIVE_PRIV_H
#define FP_NODE_RECEIVE_PRIV_H

/* What the files of receive.h share; not for others. */

#include "logic/receiver.h"
#include "node/digests.h"
#include "node/node.h"
#include "node/push.h"
#include "node/receive.h"

struct fp_receive {
	struct fp_receive_opts o;
	struct fp_receiver *receiver;
	struct fp_push *push;
	bool has_pending; /* that this session brought */
	struct fp_buf in; /* not a whole message yet */
	/* the list that is read */
	int lists_fd;
	struct fp_list *list;
	struct fp_list_iter it;
};

/* Open the node; notices become NOTEs.  For writing: _cluster follows the cluster
 * file, as with fp-block. */
int fp_receive_node(struct fp_receive *r, enum fp_node_access access,
		    bool is_raw, bool is_broken_ok, struct fp_node *out,
		    struct fp_err *e);
/* Does a list of rules, "wide,ssh", name this one? */
bool fp_receive_names(const char *rules, const char *rule);

/* Of prefixes that were lifted: NOTEs about those that other lists block still. */
void fp_receive_tell_blocked(struct fp_receive *r, const struct fp_node *n,
			     const struct fp_entry *v, size_t n_words);

/* Operations: of fp_receiver_ops. */
int fp_receive_status(void *ctx, struct fp_buf *answer, struct fp_err *e);
int fp_receive_why(void *ctx, const struct fp_prefix *host,
		   struct fp_buf *lines, struct fp_err *e);

#endif
