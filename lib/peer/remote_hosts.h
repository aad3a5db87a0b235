/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_HOSTS_H
#define FP_PEER_REMOTE_HOSTS_H

#include <stddef.h>

#include "base/err.h"
#include "peer/remote.h"

/* known_hosts files.  Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */

/* The host key algorithms to ask for, in order: those of keys that are known for
 * this host first. */
#define FP_HOSTS_PREFS 256
void fp_hosts_prefs(const struct fp_remote_config *c, char out[FP_HOSTS_PREFS]);

/* Is this the host's key (a blob of RFC 4253 6.6)?  0; -ENOKEY: unknown, e says
 * how to make it known; -EKEYREJECTED: another one is known, or it is revoked. */
int fp_hosts_check(const struct fp_remote_config *c, const void *blob, size_t n,
		   struct fp_err *e);

/* The line an operator runs when the host's key is unknown.  kind: for
 * ssh-keyscan -t, or NULL: all. */
void fp_hosts_remedy(const struct fp_remote_config *c, const char *kind,
		     char *out, size_t size);

#endif
