/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote_wire.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "peer/remote_priv.h"

#define OUT_MAX (4 << 20) /* the peer wants answers and does not read them */
#define MEMORY_MAX (32 << 20) /* of a session */

LIBSSH2_ALLOC_FUNC(fp_wire_alloc)
{
	struct fp_wire *w = *abstract;
	void *p = w->memory < MEMORY_MAX && count < MEMORY_MAX ? malloc(count)
							       : NULL;

	w->memory += malloc_usable_size(p);
	return p;
}

static LIBSSH2_FREE_FUNC(release)
{
	struct fp_wire *w = *abstract;

	w->memory -= malloc_usable_size(ptr);
	free(ptr);
}

static LIBSSH2_REALLOC_FUNC(resize)
{
	struct fp_wire *w = *abstract;
	size_t was = malloc_usable_size(ptr);
	void *p = w->memory < MEMORY_MAX && count < MEMORY_MAX
			  ? realloc(ptr, count)
			  : NULL;

	if (p)
		w->memory += malloc_usable_size(p) - was;
	return p;
}

static LIBSSH2_SEND_FUNC(put)
{
	struct fp_wire *w = *abstract;

	(void)socket;
	(void)flags;
	if (w->out.len - w->out_at > OUT_MAX)
		return -ENOBUFS;
	fp_buf_add(&w->out, buffer, length);
	return w->out.is_failed ? -ENOMEM : (ssize_t)length;
}

/* The end of the connection is not told: libssh2 would drop what it has read. */
static LIBSSH2_RECV_FUNC(get)
{
	struct fp_wire *w = *abstract;
	ssize_t n;

	(void)flags;
	if (w->is_leaving)
		return -ECONNRESET;
	if (!w->budget || w->broken)
		return -EAGAIN;
	n = recv(socket, buffer, length < w->budget ? length : w->budget,
		 MSG_DONTWAIT);
	if (n > 0) {
		w->budget -= (size_t)n;
		w->n_read += (size_t)n;
		return n;
	}
	if (!n || errno != EAGAIN)
		w->broken = n ? -errno : -ECONNRESET;
	return -EAGAIN;
}

static LIBSSH2_DISCONNECT_FUNC(note_farewell)
{
	struct fp_wire *w = *abstract;

	(void)session;
	(void)reason;
	(void)language;
	(void)language_len;
	fp_remote_clean(w->farewell, sizeof(w->farewell), message,
			message_len > 0 ? (size_t)message_len : 0);
}

void fp_wire_flush(struct fp_wire *w)
{
	while (w->out_at < w->out.len && !w->broken) {
		ssize_t n = send(w->fd, w->out.data + w->out_at,
				 w->out.len - w->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			w->broken = -errno;
		else
			w->out_at += (size_t)n;
	}
	w->out.len = w->out_at = 0;
}

size_t fp_wire_held(const struct fp_wire *w)
{
	return w->out.len - w->out_at;
}

LIBSSH2_SESSION *fp_wire_session(struct fp_wire *w)
{
	LIBSSH2_SESSION *s =
		libssh2_session_init_ex(fp_wire_alloc, release, resize, w);

	if (!s)
		return NULL;
	libssh2_session_set_blocking(s, 0);
	libssh2_session_callback_set(s, LIBSSH2_CALLBACK_SEND, put);
	libssh2_session_callback_set(s, LIBSSH2_CALLBACK_RECV, get);
	libssh2_session_callback_set(s, LIBSSH2_CALLBACK_DISCONNECT,
				     note_farewell);
	return s;
}

void fp_wire_fini(struct fp_wire *w)
{
	fp_buf_fini(&w->out);
	w->out_at = 0;
}
