/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_OPENSIPS_H
#define FP_CODEC_OPENSIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cJSON;

/* Results of OpenSIPS' MI commands, member by member.  Each function walks one
 * result and calls each(ctx, item) for what it finds; unknown members are passed
 * over, missing ones are "" or -1.  0, or what each returned; -EBADMSG: not the
 * shape of that command (e says which member).
 * Source: replies of OpenSIPS 3.6.8 as captured; 4.0 names stand as aliases. */

struct fp_os_tag {                /* clusterer_list_shtags */
	const char *name, *state; /* active, backup */
	int64_t cluster;
};
int fp_os_tags(const struct cJSON *result,
	       int (*each)(void *ctx, const struct fp_os_tag *t), void *ctx,
	       struct fp_err *e);

struct fp_os_link {                         /* clusterer_list */
	int64_t cluster, node_id, next_hop; /* next_hop 0: "none" */
	const char *url, *link_state, *state;
};
int fp_os_links(const struct cJSON *result,
		int (*each)(void *ctx, const struct fp_os_link *t), void *ctx,
		struct fp_err *e);

struct fp_os_cap { /* clusterer_list_cap */
	int64_t cluster;
	const char *name, *state, *enabled;
};
int fp_os_caps(const struct cJSON *result,
	       int (*each)(void *ctx, const struct fp_os_cap *t), void *ctx,
	       struct fp_err *e);

struct fp_os_dest { /* ds_list {full:1}, lb_list, rtpengine_show */
	const char *partition, *set, *uri, *state, *description, *resource;
	int64_t set_id, id, weight, max, load;
	int64_t disabled;      /* rtpengine */
	int64_t recheck_ticks; /* rtpengine: 4294967295: by hand */
	/* load_balancer: yes, no; on, off (off: disabled by hand) */
	const char *enabled, *auto_reenable;
	/* load_balancer: names of resources of which it has more than 0, each
	 * between commas: ",calls,pstn,"; "": of none.  What is beyond 159 bytes
	 * is left out. */
	const char *capacities;
};
int fp_os_dispatcher(const struct cJSON *result,
		     int (*each)(void *ctx, const struct fp_os_dest *t),
		     void *ctx, struct fp_err *e);
int fp_os_load_balancer(const struct cJSON *result,
			int (*each)(void *ctx, const struct fp_os_dest *t),
			void *ctx, struct fp_err *e);
int fp_os_rtpengine(const struct cJSON *result,
		    int (*each)(void *ctx, const struct fp_os_dest *t),
		    void *ctx, struct fp_err *e);

struct fp_os_trusted { /* dr_gw_status, address_dump, subnet_dump */
	const char *
		address; /* host, host:port, URI or prefix as it stands there */
	const char *what; /* "gateway gw1", "address group 1" */
};
int fp_os_gateways(const struct cJSON *result,
		   int (*each)(void *ctx, const struct fp_os_trusted *t),
		   void *ctx, struct fp_err *e);
int fp_os_addresses(const struct cJSON *result,
		    int (*each)(void *ctx, const struct fp_os_trusted *t),
		    void *ctx, struct fp_err *e);

/* get_statistics: the value of "group:name", or -1. */
int64_t fp_os_statistic(const struct cJSON *result, const char *name);
/* uptime: seconds up, its clock, or -1 / 0.  Its texts are its local time, of a
 * zone that is not said: now_s takes them as UTC. */
void fp_os_uptime(const struct cJSON *result, int64_t *up_s, int64_t *now_s);
/* sr_list_reports of one identifier tells its zone, by the way: local time minus
 * UTC when its last report was made.  false: there is none. */
bool fp_os_offset(const struct cJSON *result, int64_t *offset_s);
/* version: "OpenSIPS (3.6.8 (x86_64/linux))"; "" when it is not there. */
void fp_os_version(const struct cJSON *result, char out[64]);
/* sr_list_reports of clusterer, cap:dialog-dlg-repl: chunks of the last finished
 * sync (-1: none is told), and whether a later one has begun. */
void fp_os_sync(const struct cJSON *result, int64_t *chunks, bool *is_pending);
/* The name that a command of 3.x has in 4.x (dialog:list for dlg_list), where it has
 * another; false: it has none.  Source: OpenSIPS 4.0, mi/mi.c: the old names stand
 * as aliases. */
bool fp_os_new_name(const char *command, char out[64]);
/* which: is there such a command, by either name? */
bool fp_os_has(const struct cJSON *result, const char *command);

#endif
