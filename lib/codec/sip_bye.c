/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "codec/sip.h"

/* A line's end in one of them would be a header of somebody else's making. */
static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

/* RFC 3261 12.2.1.1 and 15.1.1: of the dialog the far end's name-addr is From, ours
 * To.  No Contact: a BYE refreshes no target.  rport: RFC 3581. */
int fp_sip_print_bye(struct fp_buf *to, const struct fp_sip_bye *b,
		     struct fp_err *e)
{
	const char *const parts[] = {
		"BYE ",
		b->uri,
		" SIP/2.0\r\nVia: SIP/2.0/",
		b->transport,
		" ",
		b->sent_by,
		";branch=",
		b->branch,
		";rport\r\nMax-Forwards: 70\r\nFrom: ",
		b->from,
		"\r\nTo: ",
		b->to,
		"\r\nCall-ID: ",
		b->call_id,
		"\r\nUser-Agent: fastpath\r\nContent-Length: 0\r\nCSeq: "
	};
	const size_t n = sizeof(parts) / sizeof(*parts);

	for (size_t i = 1; i < n; i += 2)
		if (has_control(parts[i]))
			return fp_err(e, -EINVAL,
				      "a control character in what a BYE says");
	for (size_t i = 0; i < n; i++)
		fp_buf_str_add(to, parts[i]);
	fp_buf_printf(to, "%u BYE\r\n\r\n", b->cseq);
	return 0;
}
