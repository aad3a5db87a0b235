/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_PEERS_H
#define FP_CMD_HEALTH_PEERS_H

/* What the files of peers share. */

#include "health/names.h"
#include "health/proxies.h"
#include "health.h"
#include "verb/nodes.h"

/* Somebody who is trusted, and by what. */
struct fh_peer {
	struct fp_prefix p;
	char *host; /* a name that is to be looked up, or NULL */
	char *why;  /* "dispatcher sip1 1" */
};

struct fh_gateways;

struct fh_peers {
	struct fp_cli *c;
	struct fp_nodes nodes;
	struct fp_proxies proxies;
	struct fp_names *names;
	struct fh_gateways *gateways; /* while FreeSWITCHes are asked */
	struct fh_peer *v;
	size_t n;
	size_t n_failed; /* sources that could not be asked */
	size_t n_out;    /* left out: names, everybody */
	bool is_done;
};

/* where: an address, a prefix, host[:port], or a URI.  0; -ENOMEM.  What is none
 * of these is said and counts as a source that failed. */
int fh_peers_add(struct fh_peers *x, const char *where, struct fp_err *e,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Said, and counted: the list is not whole. */
void fh_peers_failed(struct fh_peers *x, const char *node, const char *text);

/* ---- peers_esl.c: all FreeSWITCHes */

int fh_peers_freeswitch(struct fh_peers *x, struct fp_err *e);

#endif
