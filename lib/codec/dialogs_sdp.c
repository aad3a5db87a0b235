/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/dialogs_priv.h"

void fp_media_address(const char *s, size_t n, char out[FP_MEDIA_STRLEN])
{
	struct in6_addr a;

	if (n >= FP_MEDIA_STRLEN)
		n = FP_MEDIA_STRLEN - 1;
	memcpy(out, s, n);
	out[n] = 0;
	if (inet_pton(AF_INET6, out, &a) == 1)
		inet_ntop(AF_INET6, &a, out, FP_MEDIA_STRLEN);
	else
		for (char *p = out; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
}

/* "c=IN IP4 192.0.2.1/127/3": a multicast address has a TTL. */
static void take_connection(char out[FP_MEDIA_STRLEN], const char *s)
{
	size_t n;

	for (int i = 0; i < 2; i++) {
		s += strcspn(s, " \r\n");
		s += strspn(s, " ");
	}
	n = strcspn(s, " /\r\n");
	fp_media_address(s, n, out);
}

/* "m=audio 49170/2 RTP/AVP 0" */
static unsigned int port_of(const char *s)
{
	unsigned long n;

	s += strcspn(s, " \r\n");
	n = *s == ' ' ? strtoul(s, NULL, 10) : 0;
	return n > 65535 ? 0 : (unsigned int)n;
}

static const char *next_line(const char *s)
{
	s = strchr(s, '\n');
	return s ? s + 1 : "";
}

void fp_media_read(struct fp_media *out, const char *sdp)
{
	char session[FP_MEDIA_STRLEN] = "";
	bool is_found = false, is_media = false, is_in = false;

	memset(out, 0, sizeof(*out));
	for (; *sdp; sdp = next_line(sdp)) {
		if (sdp[1] != '=') {
			continue;
		} else if (*sdp == 'm') {
			if (is_found && out->port)
				break;
			is_in = !is_found || port_of(sdp + 2);
			is_found = is_media = true;
			if (is_in) {
				out->port = port_of(sdp + 2);
				*out->address = 0;
			}
		} else if (*sdp == 'c' && !is_media) {
			take_connection(session, sdp + 2);
		} else if (*sdp == 'c' && is_in) {
			take_connection(out->address, sdp + 2);
		}
	}
	if (!*out->address)
		strcpy(out->address, session);
}
