/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_FSCONF_H
#define FP_CODEC_FSCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a FreeSWITCH's configuration says of recovery: the XML that
 * `xml_locate configuration configuration name NAME.conf` answers over ESL, read by
 * expat, the text of `sofia status`, and unit files of systemd.
 * Source: FreeSWITCH 1.10.12 switch.conf.xml, sofia.conf.xml, pre_load_modules. */

struct fp_fsprofile {
	char name[64];
	char sip_ip[64], rtp_ip[64], ext_rtp_ip[64]; /* "": not said */
	uint16_t sip_port;                           /* 0: not said */
	bool is_tracking;                            /* track-calls */
	bool is_auth_all; /* auth-all-packets: refuses our BYE (take) */
	bool is_running;  /* of sofia status */
};
struct fp_fsconf {
	bool has_switch, has_sofia, has_preload, has_startup; /* were read */
	char switchname[256];
	uint16_t rtp_first, rtp_last; /* 0: not said (16384-32768) */
	bool is_robust;               /* rtp-port-usage-robustness */
	bool is_dsn;   /* core-db-dsn: the DSN itself is never kept */
	bool is_pgsql; /* ... of PostgreSQL */
	char search_path[64], app[64]; /* of the DSN, "": none */
	char core_db[256];             /* core-db-name, "": core.db */
	double min_idle;
	int64_t max_sessions;
	bool is_pgsql_preloaded, is_pgsql_late; /* late: in modules.conf */
	bool is_recovering_at_start; /* some start-up command is a plain recover */
	struct fp_fsprofile *profile;
	size_t n_profiles;
};
/* Take the answer for switch.conf, sofia.conf, pre_load_modules.conf, modules.conf
 * (name); what it has is added to *c.  name "api_on_startup": the answer of
 * `global_getvar api_on_startup`, the command that is run at start (has_startup).
 * 0; -EBADMSG; -ENOENT: "-ERR" or "can't find anything", it has no such configuration;
 * -ENOMEM. */
int fp_fsconf_take(struct fp_fsconf *c, const char *name, const char *xml,
		   size_t n, struct fp_err *e);
/* The text of `sofia status`: profiles, where they listen, and which run; one that could
 * not be started is not in it.  0; -EBADMSG; -ENOENT: no mod_sofia; -ENOMEM. */
int fp_fsconf_take_status(struct fp_fsconf *c, const char *text,
			  struct fp_err *e);
void fp_fsconf_fini(struct fp_fsconf *c);
const struct fp_fsprofile *fp_fsconf_profile(const struct fp_fsconf *c,
					     const char *name);

/* A unit file that starts FreeSWITCH. */
struct fp_fsunit {
	char recover_line
		[200]; /* the first that runs a plain recover; "": none */
	unsigned int recover_at; /* its number */
	char restart[32];        /* Restart= */
	int64_t restart_ms;      /* RestartSec=; -1: not said */
	bool has_core_limit;     /* LimitCORE=0: a crash is not a long dump */
};
/* A plain recover: sofia recover, sofia profile X recover, fsctl recover without a
 * token of ours; with "flush" too, which deletes what the others find.  A password of
 * fs_cli's is left out of recover_line.  0; -EBADMSG: no unit file. */
int fp_fsunit_parse(struct fp_fsunit *out, const char *text, size_t n,
		    struct fp_err *e);
/* Does a command recover all it finds? */
bool fp_fsconf_is_plain_recover(const char *command);

#endif
