/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_RIGHTS_H
#define FP_NODE_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/caps.h"

/* What a tool that works on a node may do, and as whom.  Nothing of a node needs
 * uid 0: its state and pins directories belong to a user, and the kernel asks for
 * capabilities.  What root does there he does as that user, so that neither locks
 * the other out. */

struct fp_rights {
	const char *state_dir, *pins;
	uint64_t need;  /* it cannot go without */
	uint64_t use;   /* it takes along if it has them */
	bool is_change; /* it writes in both directories */
	bool is_itself; /* stay who we are: it writes elsewhere */
	/* the operator's, read again later: what reads it stays, not in effect
	 * (fp_caps_raise); may be NULL */
	const char *file;
};

/* At the start, before there are threads or descriptors of the node: give up
 * everything but need, use and, of those it has, what opens files.  As uid 0, and
 * the state directory, its lists or the pins directory are another user's: go on as
 * that user.  Who is not uid 0 then opens their files with his own rights alone: of
 * what opens files only CAP_DAC_READ_SEARCH is left, not in effect, for
 * fp_caps_raise around the open of a file that the operator named.
 * is_itself: uid 0 stays, and files are opened as that user until fp_rights_home.
 * what: names the verb in messages.
 * 0; -EINVAL: a capability of need is missing, or the owner cannot be taken on
 * (e says which); -errno. */
int fp_rights_begin(const struct fp_rights *r, const char *what,
		    struct fp_err *e);

/* The descriptors are open, and what is read from now on may be a stranger's:
 * give up the rest.  CAP_BPF stays where the kernel wants it to read a map, and
 * for uid 0 what opens files where the directories are not root's.  0; -errno. */
int fp_rights_rest(const struct fp_rights *r, struct fp_err *e);

/* The same for who goes on opening and changing: need and use stay. */
int fp_rights_work(const struct fp_rights *r, struct fp_err *e);

/* Files of the node are open: is_itself goes on as who it is. */
int fp_rights_home(const struct fp_rights *r, struct fp_err *e);

/* code, a failure to open or change a node, came with e: when it is -EPERM or
 * -EACCES of no safety rule, say in e what is missing or who owns what, and
 * return -EINVAL.  Otherwise code. */
int fp_rights_explain(const struct fp_rights *r, int code, struct fp_err *e);

#endif
