/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_OPENSIPS_CFG_PRIV_H
#define FP_CODEC_OPENSIPS_CFG_PRIV_H

#include <stdbool.h>
#include <stddef.h>

/* The words of a configuration, comments left out. */
enum cfg_kind {
	CFG_END,
	CFG_WORD,   /* an identifier or a number, "local_route" "0" "-1" */
	CFG_STRING, /* without its quotes */
	CFG_VAR,    /* of "$rm" "$(rm)" "$var(x)": "rm" "rm" "var" */
	CFG_SIGN,   /* any other byte */
};
#define CFG_TEXT 256 /* what is longer is cut */
struct cfg_token {
	enum cfg_kind kind;
	unsigned int line;
	char text[CFG_TEXT];
};
struct cfg_scan {
	const char *at, *end;
	unsigned int line;
	struct cfg_token now;  /* the one that was read last */
	struct cfg_token peek; /* the one after it, when has_peek */
	bool has_peek;
};

void cfg_scan_init(struct cfg_scan *s, const char *text, size_t n);
/* The next one, in s->now; false: CFG_END. */
bool cfg_next(struct cfg_scan *s);
/* What cfg_next would bring. */
const struct cfg_token *cfg_peek(struct cfg_scan *s);
bool cfg_is_sign(const struct cfg_token *t, char c);
bool cfg_is_word(const struct cfg_token *t, const char *word);

/* "INVITE|ACK", "ACK,BYE" */
bool cfg_has_ack(const char *methods);

/* The condition of an "if": is it one that an ACK passes?  is_method("ACK"),
 * $rm == "ACK"; not what is denied: "!", "not", a comparison with false. */
#define CFG_GROUPS 64
struct cfg_if {
	struct cfg_group {               /* what parentheses hold */
		bool is_denied, was_ack; /* before it */
	} open[CFG_GROUPS];
	size_t depth;
	bool is_ack;
	bool is_denied;   /* "!" stands before what comes */
	bool is_compared; /* the parentheses that were closed last are */
	bool was_ack;     /* before those */
};
/* s->now; false: it is over. */
bool cfg_if_take(struct cfg_if *c, struct cfg_scan *s);
/* "(", when another reader took it. */
void cfg_if_open(struct cfg_if *c);

#endif
