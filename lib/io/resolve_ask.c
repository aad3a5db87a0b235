/* SPDX-License-Identifier: Apache-2.0 */
/* One question to getaddrinfo(3), and addresses as sockets want them. */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "io/resolve_priv.h"

socklen_t fp_sockaddr(const struct fp_prefix *p, uint16_t port,
		      struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (fp_prefix_is_v4(p)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = htonl((uint32_t)p->lo);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	for (int i = 0; i < 8; i++) {
		v6->sin6_addr.s6_addr[i] = (uint8_t)(p->hi >> (56 - 8 * i));
		v6->sin6_addr.s6_addr[8 + i] = (uint8_t)(p->lo >> (56 - 8 * i));
	}
	return sizeof(*v6);
}

/* ---- in a thread */

static int code_of(int gai)
{
	switch (gai) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -ENOENT;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return errno ? -errno : -EHOSTUNREACH;
	}
	return -EHOSTUNREACH;
}

/* The first address: getaddrinfo(3) has those without a route last. */
int fp_resolve_ask(void *data, struct fp_err *e)
{
	static const struct addrinfo want = { .ai_socktype = SOCK_DGRAM };
	struct fp_question *q = data;
	struct addrinfo *list = NULL;
	int gai = getaddrinfo(q->host, NULL, &want, &list), code;

	if (gai) {
		code = code_of(gai);
		return fp_err(e, code, "%s: %s", q->host,
			      code == -ENOENT     ? "no such host name"
			      : gai == EAI_SYSTEM ? strerrordesc_np(-code)
						  : gai_strerror(gai));
	}
	memcpy(&q->to, list->ai_addr, list->ai_addrlen);
	q->len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

int fp_resolve_wait(const char *host, struct fp_err *e)
{
	struct fp_question q;

	if (strlen(host) >= sizeof(q.host))
		return fp_err(e, -ENOENT, "%.200s...: no such host name", host);
	strcpy(q.host, host);
	return fp_resolve_ask(&q, e);
}
