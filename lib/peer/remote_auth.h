/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_AUTH_H
#define FP_PEER_REMOTE_AUTH_H

#include <libssh2.h>
#include <stdbool.h>

#include "peer/remote.h"
#include "peer/remote_agent.h"
#include "peer/remote_key.h"

/* Proving who we are: the key files in their order, then the agent's keys.
 * Start with {0} and the first part filled. */
struct fp_auth {
	struct fp_loop *loop;
	const struct fp_remote_config *config;
	void (*wake)(void *ctx); /* fp_auth_step has something to do */
	void *ctx;

	unsigned int file; /* the next of config->key */
	struct fp_key key; /* the one under way, when its text is there */
	struct fp_agent *agent;
	bool is_agent_done, is_listed, is_signing;
	struct fp_buf blobs; /* the agent's keys: list of strings */
	size_t blob_at;      /* of the one under way */
	bool has_rsa; /* a key was left out that libssh2 cannot sign with */
	struct fp_buf tried; /* for the message */
};

/* Before connecting: is there any key that could be used?  0; -EACCES. */
int fp_auth_check(const struct fp_remote_config *c, struct fp_err *e);

/* Go on.  0: we are in; -EAGAIN: the server or the agent has to answer first;
 * -EACCES: none was taken (e); -EIO: ask libssh2 what happened. */
int fp_auth_step(struct fp_auth *a, LIBSSH2_SESSION *session, struct fp_err *e);
/* The message of -EACCES; said: what the server gave as its reason, or "". */
int fp_auth_denied(const struct fp_auth *a, const char *said, struct fp_err *e);
void fp_auth_fini(struct fp_auth *a);

#endif
