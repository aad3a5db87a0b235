/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_CORPUS_H
#define FP_TEST_CORPUS_H

#include "test/corpus/packet.h"

/* Packets with the verdict that each must get.  Files *.corpus of plain text:
 * blocks of lines, an empty line between two, '#' comments.
 *
 *	name    invite-long-uri          unique over all files
 *	expect  pass                     or drop:WHY (below)
 *	line    bad                      first line alone: ok or bad; needed only
 *	                                 where expect does not say it (OPTIONS)
 *	packet  from=blocked v6 dport=5061 ext=hop,frag0m cut=40
 *	payload "INVITE sip:"            C escapes; pieces are joined
 *	repeat  400 "x"                  so many times
 *	headers INVITE                   the rest of a request with this method
 *	size    504                      filled up with 'p', or cut, to so many bytes
 *	file    rfc4475/wsinv.dat        a file's bytes
 *
 * Words of `packet`: from=unlisted|blocked|allowed|fenced  v6  udp tcp icmp
 * icmp6 sctp gre esp  sport=N dport=N  vlan=N[.N[.N]] (outermost first)
 * options=N (IPv4, bytes)  frag=OFFSET[m] (IPv4; in 8 bytes, m: more)
 * ext=NAME[+N][*N],... (hop dst route ah esp mh hip shim none, fragOFFSET[m];
 * +N: 8 bytes longer each, *N: so many)  cut=N (of the payload, this many bytes
 * are in the frame)  udplen=N iplen=N ihl=N (lies)  trunc=N  trail=N  pad=N
 * (to 60 bytes, with byte N)  ethertype=N.
 *
 * The setting they are judged under: every check enforces, sip-ports 5060-5061
 * for UDP and TCP, no guard-ports, sshd on port 22, sources listed as
 * packet_address says. */

enum corpus_verdict {
	CORPUS_PASS,
	CORPUS_MALFORMED,
	CORPUS_STEALTH,
	CORPUS_BLOCK,
	CORPUS_FENCE,
	CORPUS_UNREADABLE,
};

enum corpus_line { CORPUS_LINE_UNKNOWN, CORPUS_LINE_OK, CORPUS_LINE_BAD };

struct corpus_case {
	char *name;
	enum corpus_verdict expect;
	/* Is the payload as a whole datagram SIP as far as can be proven (or a
	 * keep-alive)?  UNKNOWN also where the program must not look at it. */
	enum corpus_line line;
	struct packet packet;
	uint8_t *payload;
	size_t len;
	char where[96]; /* "sip.corpus:12", for messages */
};

struct corpus {
	struct corpus_case *v;
	size_t n;
};

#define CORPUS_FRAME_MAX 16384 /* more than any frame of the corpus */

/* Read every *.corpus of a directory.  0; -1 and one line in why. */
int corpus_read(struct corpus *out, const char *dir, char why[256]);
void corpus_free(struct corpus *c);

size_t corpus_frame(const struct corpus_case *x,
		    uint8_t frame[CORPUS_FRAME_MAX]);
const char *corpus_verdict_name(enum corpus_verdict v); /* "drop:stealth" */

#endif
