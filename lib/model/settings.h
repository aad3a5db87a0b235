/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_SETTINGS_H
#define FP_MODEL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "fp_maps.h"

/* What `fp-load set` changes: kept in STATE/settings, one key=value a line,
 * sorted by key, and put into the conf and ports maps from there.  A key that
 * is not in the file has its default. */

/* A set of ports, a bit each (host order). */
struct fp_port_set {
	uint32_t udp[FP_PORT_WORDS], tcp[FP_PORT_WORDS];
};

struct fp_settings {
	enum fp_mode lists, stealth, malformed;
	uint32_t sample;     /* ticks between two samples of a reason; 0: all */
	uint32_t max_hashed; /* most entries in the prefix table */
	struct fp_port_set sip, guard;
};

enum fp_setting {
	FP_SET_GUARD_PORTS,
	FP_SET_LISTS,
	FP_SET_MALFORMED,
	FP_SET_MAX_HASHED,
	FP_SET_SAMPLE,
	FP_SET_SIP_PORTS,
	FP_SET_STEALTH,
	FP_SET_N
};

/* By enum fp_setting, which is in the order of the names. */
struct fp_setting_key {
	const char *name, *values, *help; /* values: what it takes, in words */
};
extern const struct fp_setting_key fp_setting_keys[FP_SET_N];

const char *fp_mode_name(enum fp_mode m);

void fp_settings_default(struct fp_settings *s);
/* word: "KEY=VALUE".  *key (may be NULL): which.
 * -EINVAL: no such key, or not a value for it; *s is unchanged. */
int fp_settings_set(struct fp_settings *s, const char *word,
		    enum fp_setting *key, struct fp_err *e);
/* Append the value in its canonical form: "5060-5061,5080/udp". */
void fp_settings_print(const struct fp_settings *s, enum fp_setting key,
		       struct fp_buf *b);
bool fp_settings_equal(const struct fp_settings *a, const struct fp_settings *b,
		       enum fp_setting key);

/* Read STATE/settings; without it everything is default.  A bad line is left
 * out (its key stays default) and given to bad, which may be NULL:
 * "settings:3: ...".
 * 0 or more: the number of bad lines.  -errno: the file cannot be read. */
int fp_settings_read(struct fp_settings *s, const char *state_dir,
		     void (*bad)(void *ctx, const char *text), void *ctx,
		     struct fp_err *e);
/* Write it durably: beside it, fsync, rename, fsync of the directory.  The
 * caller holds the lists' lock; state_dir exists. */
int fp_settings_write(const struct fp_settings *s, const char *state_dir,
		      struct fp_err *e);

/* Rule ssh: the first of the TCP ports in ssh that the set of key (sip-ports or
 * guard-ports) names.  guard-ports=any names none.  0; -EPERM. */
int fp_settings_check_ssh(const struct fp_settings *s, enum fp_setting key,
			  const uint16_t *ssh, size_t n_ssh, struct fp_err *e);

/* Put them into the maps, each by one aligned 32-bit store, and only where they
 * differ.  The TCP ports in ssh go into ports->never and into no other set.
 * conf->observing_s begins anew for a check that begins to observe, and for both
 * when SIP is checked at further UDP ports.
 * true: something differed. */
bool fp_settings_apply(const struct fp_settings *s, const uint16_t *ssh,
		       size_t n_ssh, struct fp_conf *conf,
		       struct fp_ports *ports);

#endif
