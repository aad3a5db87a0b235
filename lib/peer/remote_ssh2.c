/* SPDX-License-Identifier: Apache-2.0 */
/* SSH by libssh2. */
#include <libssh2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer/remote_auth.h"
#include "peer/remote_dial.h"
#include "peer/remote_hosts.h"
#include "peer/remote_priv.h"
#include "peer/remote_wire.h"

#define TURN_BYTES (256 << 10)  /* read in one turn of the loop */
#define EARLY_BYTES (256 << 10) /* read before the server has proven its name */
#define OUT_ENOUGH (256 << 10)  /* held before more is taken from the queue */
#define CHUNK 32768

enum step { DIAL, HANDSHAKE, AUTH, CHANNEL, EXEC, RUN };

struct ssh2 {
	struct fp_remote r;
	enum step step;
	struct fp_dial *dial;
	struct fp_wire wire;
	uint32_t events; /* what the loop watches wire.fd for */
	LIBSSH2_SESSION *session;
	LIBSSH2_CHANNEL *channel;
	struct fp_auth auth;
	bool is_stalled; /* writing has to wait for the peer */
	bool is_eof_sent;
};

/* ---- the socket */

static void watch(struct ssh2 *s)
{
	uint32_t events = EPOLLIN;
	size_t n;

	fp_remote_next(&s->r, &n);
	if (s->wire.out.len || (s->step == RUN && !s->is_stalled &&
				(n || (s->r.is_finished && !s->is_eof_sent))))
		events |= EPOLLOUT;
	if (events != s->events)
		fp_loop_fd_mod(s->r.loop, s->wire.fd, events);
	s->events = events;
}

static size_t held(const struct fp_remote *r)
{
	const struct ssh2 *s = (const struct ssh2 *)r;

	return s->step == RUN ? fp_wire_held(&s->wire) : 0;
}

static int socket_of(const struct fp_remote *r)
{
	const struct ssh2 *s = (const struct ssh2 *)r;

	return s->step == RUN ? s->wire.fd : -1;
}

static void kick(struct fp_remote *r)
{
	watch((struct ssh2 *)r);
}

static bool is_late(struct fp_remote *r)
{
	(void)r;
	return true;
}

/* Freeing a session waits for answers, and leaves behind what a handshake under way
 * has allocated (1.10): with an error for an answer neither does. */
static void free_session(struct ssh2 *s)
{
	if (!s->session)
		return;
	s->wire.is_leaving = true;
	if (s->step == HANDSHAKE)
		libssh2_session_handshake(s->session, s->wire.fd);
	else
		libssh2_session_disconnect(s->session, "done");
	fp_wire_flush(&s->wire); /* as much as the kernel takes */
	libssh2_session_free(s->session);
	s->session = NULL;
	s->channel = NULL;
}

static void stop(struct fp_remote *r)
{
	struct ssh2 *s = (struct ssh2 *)r;

	fp_dial_close(s->dial);
	s->dial = NULL;
	free_session(s);
	fp_auth_fini(&s->auth);
	fp_wire_fini(&s->wire);
	if (s->step != DIAL) {
		fp_loop_fd_del(r->loop, s->wire.fd);
		close(s->wire.fd);
		s->step = DIAL;
	}
}

/* ---- what goes wrong */

/* What libssh2 says, as one of our codes. */
static int translate(struct ssh2 *s)
{
	const struct fp_remote_config *c = &s->r.config;
	char *text = NULL;
	int code;

	switch (libssh2_session_last_error(s->session, &text, NULL, 0)) {
	case LIBSSH2_ERROR_ALLOC:
		code = -ENOMEM;
		break;
	case LIBSSH2_ERROR_SOCKET_DISCONNECT:
	case LIBSSH2_ERROR_SOCKET_SEND:
	case LIBSSH2_ERROR_SOCKET_RECV:
		code = -ECONNRESET;
		break;
	case LIBSSH2_ERROR_KEX_FAILURE:
		return fp_err(&s->r.err, -EPROTO,
			      "%s port %u: no key exchange or host key in "
			      "common with libssh2 %s%s",
			      c->host, c->port, libssh2_version(0),
			      fp_key_is_rsa_usable()
				      ? ""
				      : ", which verifies no RSA host key of "
					"today (rsa-sha2)");
	default:
		code = -EPROTO;
	}
	return fp_err(&s->r.err, code, "%s port %u: %s (%s)", c->host, c->port,
		      *s->wire.farewell ? s->wire.farewell : text, s->r.doing);
}

static int lost(struct ssh2 *s)
{
	const struct fp_remote_config *c = &s->r.config;

	return fp_err_sys(&s->r.err, s->wire.broken, "%s port %u (%s)", c->host,
			  c->port, s->r.doing);
}

/* ---- the steps up to a running program: 0, -EAGAIN or -errno with its text */

static int shake_hands(struct ssh2 *s)
{
	const struct fp_remote_config *c = &s->r.config;
	const char *key;
	size_t n;
	int type;

	switch (libssh2_session_handshake(s->session, s->wire.fd)) {
	case 0:
		break;
	case LIBSSH2_ERROR_EAGAIN:
		if (s->wire.n_read < EARLY_BYTES)
			return -EAGAIN;
		return fp_err(&s->r.err, -EPROTO,
			      "%s port %u: is no SSH server", c->host, c->port);
	default:
		return translate(s);
	}
	key = libssh2_session_hostkey(s->session, &n, &type);
	if (!key)
		return translate(s);
	s->r.doing = "authentication";
	return fp_hosts_check(c, key, n, &s->r.err);
}

static int authenticate(struct ssh2 *s)
{
	int code = fp_auth_step(&s->auth, s->session, &s->r.err);

	if (code && code != -EAGAIN && *s->wire.farewell)
		return fp_auth_denied(&s->auth, s->wire.farewell, &s->r.err);
	if (code == -EIO)
		return translate(s);
	s->r.doing = "starting the program";
	if (code)
		s->r.doing = "authentication";
	return code;
}

static int open_channel(struct ssh2 *s)
{
	s->channel = libssh2_channel_open_session(s->session);
	if (s->channel)
		return 0;
	return libssh2_session_last_errno(s->session) == LIBSSH2_ERROR_EAGAIN
		       ? -EAGAIN
		       : translate(s);
}

static int start_program(struct ssh2 *s)
{
	switch (libssh2_channel_exec(s->channel, s->r.command)) {
	case 0:
		fp_loop_timer_disarm(s->r.loop, &s->r.timer);
		s->r.doing = "running";
		return 0;
	case LIBSSH2_ERROR_EAGAIN:
		return -EAGAIN;
	default:
		return translate(s);
	}
}

static int set_up(struct ssh2 *s)
{
	static int (*const steps[])(struct ssh2 * s) = {
		[HANDSHAKE] = shake_hands,
		[AUTH] = authenticate,
		[CHANNEL] = open_channel,
		[EXEC] = start_program,
	};

	while (s->step != RUN) {
		int code = steps[s->step](s);

		if (code)
			return code;
		s->step++;
	}
	return 0;
}

/* ---- a running program: 0 or -errno with its text */

static int read_stream(struct ssh2 *s, int stream)
{
	char chunk[CHUNK];
	ssize_t n;

	do {
		n = libssh2_channel_read_ex(s->channel, stream, chunk,
					    sizeof(chunk));
		if (n > 0 && stream)
			fp_remote_hear(&s->r, chunk, (size_t)n);
		else if (n > 0)
			fp_remote_tell_data(&s->r, chunk, (size_t)n);
	} while (n > 0 && !fp_remote_is_done(&s->r));
	return n >= 0 || n == LIBSSH2_ERROR_EAGAIN ? 0 : translate(s);
}

static int read_both(struct ssh2 *s)
{
	int code = read_stream(s, 0);

	if (!code && !fp_remote_is_done(&s->r))
		code = read_stream(s, SSH_EXTENDED_DATA_STDERR);
	return code;
}

static int send_queue(struct ssh2 *s)
{
	ssize_t n = 1;
	size_t left;
	const char *p;

	while (n > 0 && fp_wire_held(&s->wire) < OUT_ENOUGH &&
	       (p = fp_remote_next(&s->r, &left))) {
		n = libssh2_channel_write(s->channel, p, left);
		if (n > 0)
			fp_remote_took(&s->r, (size_t)n);
	}
	fp_remote_next(&s->r, &left);
	if (n > 0 && !left && s->r.is_finished && !s->is_eof_sent) {
		n = libssh2_channel_send_eof(s->channel);
		s->is_eof_sent = !n;
		n += s->is_eof_sent;
	}
	s->is_stalled = n <= 0;
	return n >= 0 || n == LIBSSH2_ERROR_EAGAIN ? 0 : translate(s);
}

/* Has it ended?  Its status comes before the channel is closed. */
static bool has_ended(struct ssh2 *s)
{
	return libssh2_channel_eof(s->channel) &&
	       !libssh2_channel_wait_closed(s->channel);
}

static void tell_end(struct ssh2 *s)
{
	int status = libssh2_channel_get_exit_status(s->channel);
	char *sig = NULL, name[32] = "";
	size_t n = 0;

	libssh2_channel_get_exit_signal(s->channel, &sig, &n, NULL, NULL, NULL,
					NULL);
	if (sig) {
		fp_remote_clean(name, sizeof(name), sig, n);
		libssh2_free(s->session, sig);
	}
	fp_remote_exited(&s->r, status, sig ? name : NULL);
}

/* Whatever is called here reads packets of either stream.  So both are read once
 * more when nothing new can come: what stays behind in libssh2 wakes nobody. */
static int run(struct ssh2 *s)
{
	int code = read_both(s);

	if (!code && !fp_remote_is_done(&s->r) && !has_ended(s))
		code = send_queue(s);
	s->wire.budget = 0;
	if (!code && !fp_remote_is_done(&s->r))
		code = read_both(s);
	if (!code && !fp_remote_is_done(&s->r) && has_ended(s))
		tell_end(s);
	return code;
}

/* ---- the loop */

static void turn(struct ssh2 *s)
{
	int code = 0;

	s->wire.budget = TURN_BYTES;
	if (s->step != RUN) {
		code = set_up(s);
		if (!code)
			fp_remote_tell_opened(&s->r);
	}
	if (!code && !fp_remote_is_done(&s->r))
		code = run(s);
	if (!fp_remote_is_done(&s->r))
		fp_wire_flush(&s->wire);
	if ((!code || code == -EAGAIN) && s->wire.broken)
		code = lost(s);
	if (code && code != -EAGAIN)
		fp_remote_end(&s->r, code);
	fp_remote_tell_drained(&s->r);
	if (!fp_remote_is_done(&s->r))
		watch(s);
}

static void on_socket(void *ctx, uint32_t events)
{
	struct ssh2 *s = ctx;

	fp_remote_enter(&s->r);
	if (events & ~(uint32_t)EPOLLOUT)
		s->is_stalled = false;
	turn(s);
	fp_remote_leave(&s->r);
}

static void wake(void *ctx)
{
	on_socket(ctx, 0);
}

static int begin(struct ssh2 *s, int fd)
{
	char prefs[FP_HOSTS_PREFS];
	int code;

	s->wire.fd = fd;
	s->step = HANDSHAKE;
	s->events = EPOLLIN;
	s->r.doing = "waiting for its SSH banner and keys";
	code = fp_loop_fd_add(s->r.loop, fd, s->events, on_socket, s);
	if (code)
		return fp_err_sys(&s->r.err, code, "event loop");
	s->session = fp_wire_session(&s->wire);
	if (!s->session)
		return fp_err(&s->r.err, -ENOMEM, "out of memory");
	fp_hosts_prefs(&s->r.config, prefs);
	if (libssh2_session_method_pref(s->session, LIBSSH2_METHOD_HOSTKEY,
					prefs))
		return translate(s);
	s->auth = (struct fp_auth){ .loop = s->r.loop,
				    .config = &s->r.config,
				    .wake = wake,
				    .ctx = s };
	return 0;
}

static void dialed(void *ctx, int fd_or_code, const struct fp_err *e)
{
	struct ssh2 *s = ctx;
	int code = fd_or_code;

	fp_remote_enter(&s->r);
	if (e)
		s->r.err = *e;
	fp_dial_close(s->dial); /* e is its own */
	s->dial = NULL;
	if (fd_or_code >= 0)
		code = begin(s, fd_or_code);
	if (code)
		fp_remote_end(&s->r, code);
	else
		turn(s);
	fp_remote_leave(&s->r);
}

static void start(struct fp_remote *r)
{
	struct ssh2 *s = (struct ssh2 *)r;
	int code = fp_auth_check(&r->config, &r->err);

	r->doing = "connecting";
	if (!code)
		code = fp_dial_open(&s->dial, r->loop, r->config.host,
				    r->config.port, r->end_ms, dialed, s,
				    &r->err);
	if (code)
		fp_remote_end(r, code);
}

const struct fp_remote_ops fp_remote_ssh2 = {
	.size = sizeof(struct ssh2),
	.start = start,
	.kick = kick,
	.is_late = is_late,
	.held = held,
	.socket = socket_of,
	.stop = stop,
};

int fp_remote_init(struct fp_err *e)
{
	return libssh2_init(0) ? fp_err(e, -ENOMEM, "libssh2 does not start")
			       : 0;
}

void fp_remote_exit(void)
{
	libssh2_exit();
}
