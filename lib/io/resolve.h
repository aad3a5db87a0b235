/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_RESOLVE_H
#define FP_IO_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "io/work.h"

/* Host names to addresses by getaddrinfo(3), on a pool of threads, kept for a
 * while.  One question at a time for a name, however many wait for it.  A DNS that
 * does not answer takes no address away that it gave within a day: that one is
 * used, and DNS asked again beside. */
struct fp_resolver;

int fp_resolver_open(struct fp_resolver **out, struct fp_loop *l,
		     struct fp_work *w, struct fp_err *e);
void fp_resolver_close(struct fp_resolver *r);
/* Told once, when an old address begins to be used; it may not close r. */
void fp_resolver_on_stale(struct fp_resolver *r,
			  void (*stale)(void *ctx, const char *host,
					const struct fp_err *e),
			  void *ctx);

struct fp_lookup;
/* The address of p with its port (default_port when it has none); done is called
 * from within when it is an address or known.
 * code 0: to and len are good during the call.  -ETIMEDOUT: no answer within
 * timeout_ms.  -ENOENT: no such name.  -EHOSTUNREACH: DNS failed.
 * *out (may be NULL): NULL when done was called already. */
int fp_resolve(struct fp_resolver *r, const struct fp_endpoint *p,
	       uint16_t default_port, int64_t timeout_ms,
	       void (*done)(void *ctx, int code, const struct sockaddr *to,
			    socklen_t len, const struct fp_err *e),
	       void *ctx, struct fp_lookup **out, struct fp_err *e);
void fp_resolve_cancel(struct fp_lookup *q);

/* Ask now, and wait, beside the loop: whether a name resolves, before a library
 * that would not tell that from a server which is not there.  An address does.
 * 0; -ENOENT -EHOSTUNREACH -errno, as fp_resolve. */
int fp_resolve_wait(const char *host, struct fp_err *e);

/* An address as a socket wants it; p is a host. */
socklen_t fp_sockaddr(const struct fp_prefix *p, uint16_t port,
		      struct sockaddr_storage *out);

#endif
