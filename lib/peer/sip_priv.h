/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_SIP_PRIV_H
#define FP_PEER_SIP_PRIV_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "peer/sip.h"

#define COOKIE "z9hG4bK" /* RFC 3261 8.1.1.7 */
#define BRANCH_BYTES 16  /* random: nobody else can answer */
#define CALL_ID_BYTES 12
#define TAG_BYTES 6

/* What makes a request ours. */
struct sip_id {
	unsigned char branch[BRANCH_BYTES], call_id[CALL_ID_BYTES];
	unsigned char tag[TAG_BYTES];
	uint32_t cseq;
};

struct fp_sip_call {
	struct fp_sip *s;
	struct fp_sip_call *next; /* in its bucket */
	struct sip_id id;
	enum fp_transport transport;
	struct sockaddr_storage to;
	socklen_t to_len;
	void (*done)(void *ctx, int code, const struct fp_sip_response *r,
		     int cert_days, const struct fp_err *e);
	void *ctx;
	struct fp_timer timer; /* the next of what follows */
	int64_t asked_ms, deadline_ms, again_ms;
	int64_t interval_ms; /* timer E */
	unsigned int n_sent;
	int provisional; /* the last one's status, or 0 */
	int code;        /* to be told by the timer, or 0 */
	bool is_open;    /* the stream */
	bool is_watched; /* counted in n_calls of its socket */
	unsigned int n_pieces;
	struct fp_stream *stream; /* of TCP and TLS */
	struct fp_buf in;
	size_t request_len;
	size_t call_id_len; /* of BYE: it stands behind the request; else 0 */
	char request[];     /* of UDP */
};

/* One address family. */
struct sip_socket {
	int fd, route_fd; /* -1: not open */
	uint16_t port;
	size_t n_calls; /* it is watched while there are some */
};

struct fp_sip {
	struct fp_loop *loop;
	struct fp_sip_opts opts;
	struct sip_tls *tls;          /* a list */
	struct sip_socket sockets[2]; /* IPv4, IPv6 */
	struct fp_sip_call **table;
	size_t n, size; /* a power of 2 */
	unsigned char pool[4096];
	size_t pool_at; /* random bytes that are used */
	struct fp_buf text;
	char *datagrams; /* of recvmmsg */
	/* datagrams are in hand: what is closed meanwhile is freed after */
	bool is_busy, is_closed;
};

/* ---- sip.c */

/* The call is over: tell, and free it.  c is gone after this, s may be. */
void fp_sip_end(struct fp_sip_call *c, int code,
		const struct fp_sip_response *r, const struct fp_err *e);
/* The call that a branch is of, or NULL. */
struct fp_sip_call *fp_sip_find(const struct fp_sip *s, const char *branch,
				size_t n);
/* Is r the answer to c?  All but where it came from. */
bool fp_sip_is_answer(const struct fp_sip_call *c,
		      const struct fp_sip_response *r);

/* ---- sip_request.c */

/* Where a request comes from and goes to; the first four are the caller's. */
struct sip_way {
	const struct fp_endpoint *to;
	enum fp_transport transport;
	const struct sockaddr *sa;
	socklen_t len;
	char local[INET6_ADDRSTRLEN + 2], sent_by[64], uri[320];
	char branch[sizeof(COOKIE) + 2 * BRANCH_BYTES];
};
/* 0; -ENETUNREACH ... */
int fp_sip_way(struct fp_sip *s, const struct sip_id *id, struct sip_way *w);
/* Append to s->text. */
void fp_sip_way_options(struct fp_sip *s, const struct sip_id *id,
			const struct sip_way *w,
			const struct fp_sip_opts *from);
int fp_sip_way_bye(struct fp_sip *s, const struct sip_way *w,
		   const struct fp_sip_bye *bye, struct fp_err *e);

/* ---- sip_udp.c */

struct sip_socket *fp_sip_socket(struct fp_sip *s, int family);
/* Open what is not yet. */
int fp_sip_socket_open(struct fp_sip *s, int family, struct fp_err *e);
void fp_sip_socket_close(struct fp_sip *s, struct sip_socket *k);
/* Our address on the way there, as a URI has it.  -ENETUNREACH ... */
int fp_sip_local(struct fp_sip *s, const struct sockaddr *to, socklen_t len,
		 char out[INET6_ADDRSTRLEN + 2]);
/* Watch the socket for one call more, or less. */
int fp_sip_udp_watch(struct fp_sip_call *c);
void fp_sip_udp_unwatch(struct fp_sip_call *c);
/* 0; -EAGAIN: there is no room now; -errno: it cannot go there. */
int fp_sip_udp_send(struct fp_sip_call *c);

/* ---- sip_stream.c */

/* Write the request when the connection is there. */
int fp_sip_stream_ask(struct fp_sip_call *c, const struct fp_endpoint *to,
		      const struct fp_tls *tls, struct fp_err *e);
void fp_sip_tls_close(struct fp_sip *s);

#endif
