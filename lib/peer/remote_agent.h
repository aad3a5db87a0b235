/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_AGENT_H
#define FP_PEER_REMOTE_AGENT_H

#include <stddef.h>

#include "base/err.h"
#include "io/loop.h"

/* A conversation with ssh-agent, on the loop: libssh2's own waits for the agent
 * without a limit.  Source: draft-miller-ssh-agent. */
struct fp_agent;

/* ready is called from the loop when an answer is there, or will not come.
 * 0: *out is the caller's (fp_agent_close); -errno. */
int fp_agent_open(struct fp_agent **out, struct fp_loop *l, const char *path,
		  void (*ready)(void *ctx), void *ctx, struct fp_err *e);
/* NULL is allowed. */
void fp_agent_close(struct fp_agent *a);

/* Ask for the list of keys, or for a signature of data by the key of this blob.
 * One question at a time.  0; -ENOMEM. */
int fp_agent_ask_list(struct fp_agent *a);
int fp_agent_ask_signature(struct fp_agent *a, const void *blob, size_t blob_n,
			   const void *data, size_t n);

/* The answer to the last question.  0; -EAGAIN: not yet; -errno: none will come
 * (-EACCES: the agent will not). */
int fp_agent_answer(const struct fp_agent *a);
/* After a list was answered: the first key (*at is 0) or the next one.  *blob is
 * the agent's until the next question.  0; -ENOENT: no more. */
int fp_agent_next(const struct fp_agent *a, size_t *at,
		  const unsigned char **blob, size_t *n);
/* After a signature was answered, without the name of its kind.  0; -EBADMSG. */
int fp_agent_signature(const struct fp_agent *a, const unsigned char **sig,
		       size_t *n);

#endif
