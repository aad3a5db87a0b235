/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_DIALOGS_PRIV_H
#define FP_CODEC_DIALOGS_PRIV_H

#include "codec/dialogs.h"

/* Where an SDP wants media.  Source: RFC 8866 5.7, 5.14. */
struct fp_media {
	char address[FP_MEDIA_STRLEN]; /* "": it does not say */
	unsigned int port;             /* 0: it has none, or no m= line */
};
/* Its first m= line that is not refused (port 0: RFC 3264 6), else the first. */
void fp_media_read(struct fp_media *out, const char *sdp);

#endif
