/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_PERCENT_H
#define FP_BASE_PERCENT_H

/* %41 for A: in place, as URIs have it (RFC 3986 2.1).  A % that no two hex digits
 * follow stays, and so does %00, which would end the string. */
void fp_percent_decode(char *s);

#endif
