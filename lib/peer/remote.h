/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_H
#define FP_PEER_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

/* A program on another host, as a stream of bytes, over SSH.  Two transports
 * behind one interface: libssh2 (RFC 4251-4254), and a command of the user's
 * ("ssh"), which knows jump hosts, certificates and hardware keys.
 * All of it runs on the caller's loop and never blocks it. */

#define FP_REMOTE_FILES 8

/* Where and how.  Filled by fp_remote_config; strings are its own. */
struct fp_remote_config {
	char name[256];  /* the node's, for messages */
	char host[256];  /* address or host name to connect to */
	char alias[256]; /* the name that known_hosts is searched for */
	char user[64];
	uint16_t port;
	char key[FP_REMOTE_FILES][256]; /* private key files, in order */
	char known_hosts[FP_REMOTE_FILES][256]; /* searched in order */
	char agent[256]; /* socket of the agent, or empty: none */
	/* What the hints said: all that a command is told, which knows its own
	 * configuration. */
	struct {
		bool user, port, key, known_hosts;
	} said;
};

/* What the cluster file says; NULL or 0: not said. */
struct fp_remote_hints {
	const char *name, *address, *user, *key, *known_hosts, *agent, *home;
	uint16_t port;
	/* ask `ssh -G` what ~/.ssh/config says (when ssh is installed): the
	 * hints win over it, it wins over the defaults; its HostName is what
	 * it makes of address (or name), its IdentityAgent wins over agent */
	const char *ssh; /* the program to ask, or NULL: do not ask */
};

/* 0; -EINVAL: a value is too long or no port (e says which).  An ssh that
 * fails to answer is left out, except for a bad configuration: -EBADMSG.
 * Source: ssh_config(5), ssh -G. */
int fp_remote_config(struct fp_remote_config *out,
		     const struct fp_remote_hints *h, struct fp_err *e);

struct fp_remote;

/* Called from the loop.  After closed no other is called; none is called from
 * within fp_remote_open, _write or _close. */
struct fp_remote_events {
	void (*opened)(void *ctx); /* the program runs */
	void (*data)(void *ctx, const void *data, size_t n);
	void (*drained)(void *ctx); /* all that was written is on its way */
	/* code 0: the program ended by itself with status 0.  Else the -errno of
	 * what went wrong:
	 * -ETIMEDOUT -ECONNREFUSED -EHOSTUNREACH -ECONNRESET ...: the network
	 * -ENOKEY: the host's key is not in known_hosts (e: the exact remedy)
	 * -EKEYREJECTED: the host's key is not the one in known_hosts
	 * -EACCES: no key of ours was taken (e: which were tried, and when it is
	 *   an RSA key that this libssh2 cannot sign with, that as the cause)
	 * -EREMOTEIO: the program ended with another status (e: the status and
	 *   the end of what it printed on stderr) */
	void (*closed)(void *ctx, int code, const struct fp_err *e);
	void *ctx;
};

/* Connect, authenticate and run `command` within timeout_ms, after which
 * nothing is timed: deadlines of an exchange are the caller's.
 * transport: NULL for libssh2, or the words of a command ("ssh -o ..."), split at
 * blanks, to which "-T -p PORT -l USER HOST COMMAND" are added as ssh(1) takes them.
 * A command is told only what the hints said.  It counts as opened when it was
 * started; the deadline goes on until it wrote something or took what was
 * written to it.
 * 0: *out is the caller's (fp_remote_close); everything else comes by events.
 * -ENOMEM, -EINVAL. */
int fp_remote_open(struct fp_remote **out, struct fp_loop *l,
		   const struct fp_remote_config *c, const char *transport,
		   const char *command, int64_t timeout_ms,
		   const struct fp_remote_events *events, struct fp_err *e);

/* Queue bytes (copied).  0; -ENOMEM; -EPIPE: closed. */
int fp_remote_write(struct fp_remote *r, const void *data, size_t n,
		    struct fp_err *e);
/* Bytes queued and not yet on their way. */
size_t fp_remote_queued(const struct fp_remote *r);
/* ... and not yet taken by the other host, or by the command: fewer than before
 * is a sign of life.  Source: tcp(7), SIOCOUTQ. */
size_t fp_remote_untaken(const struct fp_remote *r);
/* No more will be written: the program sees the end of its input. */
void fp_remote_finish(struct fp_remote *r);
/* At once; no event follows.  NULL is allowed. */
void fp_remote_close(struct fp_remote *r);

/* Once a process, before and after all of the above.  Source: libssh2_init(3). */
int fp_remote_init(struct fp_err *e);
void fp_remote_exit(void);

#endif
